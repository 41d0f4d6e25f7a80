"""Writing checkpoints: exact bytes, nothing loadable before it is whole, misuse refused."""

import errno
import hashlib
import os
import random
import stat
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import ParamSpec, TypeVar, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from mergec.catalog.checkpoint import Checkpoint
from mergec.catalog.dtypes import Dtype
from mergec.diagnostics import MergecError
from mergec.plan.layout import OutputTensor, lay_out
from mergec.shards import CheckpointWriter, Files
from tests.runtime.shard_cases import (
    CASES,
    CONFIG,
    METADATA,
    ONE,
    TENSORS,
    TWO,
    Case,
    ShortFiles,
    WatchedFiles,
    case_layouts,
    contents,
    copy_checkpoint,
    expected_files,
    folder_files,
    layouts,
    make_source,
)

P = ParamSpec("P")
R = TypeVar("R")


@pytest.fixture
def source(tmp_path: Path) -> Checkpoint:
    return make_source(tmp_path / "source")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "child"


def new_writer(target: Path, files: Files | None = None) -> CheckpointWriter:
    return CheckpointWriter.create(target, {"": layouts()}, [], files or WatchedFiles())


def write_all(writer: CheckpointWriter) -> None:
    for tensor in TENSORS:
        writer.write(tensor.name, 0, contents(tensor))


def partials(target: Path) -> list[Path]:
    return [path for path in target.parent.iterdir() if ".mergec-partial-" in path.name]


def staging_of(target: Path) -> Path:
    """Where the result grows."""
    (staging,) = partials(target)
    return staging / "result"


@pytest.mark.parametrize("files", [Files(), ShortFiles()], ids=["whole", "short transfers"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_case_is_published_exactly(
    source: Checkpoint, target: Path, files: Files, case: Case
) -> None:
    copy_checkpoint(source, target, files, case)
    assert folder_files(target) == expected_files(case)
    assert partials(target) == []


def test_a_folder_without_a_tensor_is_made_all_the_same(target: Path) -> None:
    with CheckpointWriter.create(target, {"empty": ()}, [], WatchedFiles()) as writer:
        writer.add_file("config.json", CONFIG, "empty")
        writer.publish()
    assert folder_files(target) == {"empty/config.json": CONFIG}


def test_a_tensor_is_known_by_its_folder(target: Path) -> None:
    with CheckpointWriter.create(target, case_layouts(TWO), [], WatchedFiles()) as writer:
        for folder, tensors in TWO.items():
            for tensor in tensors:
                writer.write(tensor.name, 0, contents(tensor), folder)
        with pytest.raises(KeyError):
            writer.write("embed", 0, b"")
        assert [*writer.digests("delta")] == ["embed", "half"]
        assert writer.digests("delta")["embed"] != writer.digests("child")["embed"]
        assert writer.digests() == {}
        for folder in ("", "other", "child/deep"):
            with pytest.raises(ValueError, match="not a folder of this output"):
                writer.add_file("config.json", CONFIG, folder)


def test_shards_equal_those_of_the_library(target: Path) -> None:
    arrays: dict[str, NDArray[np.generic]] = {
        "b": np.arange(12, dtype=np.float32).reshape(3, 4),
        "a": np.arange(5, dtype=np.int64),
        "scalar": np.array(2.5, dtype=np.float16),
        "nothing": np.zeros((0, 2), dtype=np.uint8),
    }
    dtypes = {"b": Dtype.F32, "a": Dtype.I64, "scalar": Dtype.F16, "nothing": Dtype.U8}
    tensors = [OutputTensor(name, dtypes[name], array.shape) for name, array in arrays.items()]
    with CheckpointWriter.create(target, {"": lay_out(tensors, 1 << 20, METADATA)}, []) as writer:
        for name, array in arrays.items():
            writer.write(name, 0, array.data)
        writer.publish()
    assert folder_files(target) == {"model.safetensors": save(arrays, METADATA)}
    loaded = load((target / "model.safetensors").read_bytes())
    assert {name: array.tolist() for name, array in loaded.items()} == {
        name: array.tolist() for name, array in arrays.items()
    }


def test_an_unfinished_shard_is_no_shard(target: Path) -> None:
    first, second = layouts()
    with new_writer(target) as writer:
        write_all(writer)
        staged = folder_files(staging_of(target))
        for layout in layouts():
            raw = staged[layout.name]
            assert raw[:8] == bytes(8)
            assert raw[8:] == expected_files()[layout.name][8:]
            with pytest.raises(SafetensorError):
                load(raw)
        writer.finish_shard(first.name)
        staged = folder_files(staging_of(target))
        assert staged[first.name] == expected_files()[first.name]
        assert staged[second.name][:8] == bytes(8)
        assert not target.exists()
    assert partials(target) == []
    assert not target.exists()


def test_space_is_reserved_from_the_start(target: Path) -> None:
    tensors = [OutputTensor("w", Dtype.U8, (1 << 20,))]
    layout = {"": lay_out(tensors, 1 << 30, METADATA)}
    with CheckpointWriter.create(target, layout, [], WatchedFiles()):
        status = (staging_of(target) / "model.safetensors").stat()
        assert status.st_size > 1 << 20
        assert status.st_blocks * 512 >= 1 << 20


def test_memory_is_not_reserved(target: Path) -> None:
    class InMemory(WatchedFiles):
        def is_memory(self, descriptor: int) -> bool:
            return True

        def before(self, number: int, name: str) -> None:
            assert name != "posix_fallocate"

    with new_writer(target, InMemory()) as writer:
        assert (staging_of(target) / "model-00001-of-00002.safetensors").stat().st_blocks < 1000
        write_all(writer)
        writer.publish()


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no file system in memory")
def test_a_file_in_memory_is_known() -> None:
    with NamedTemporaryFile(dir="/dev/shm") as file:
        assert Files().is_memory(file.fileno())
    with open("/proc/self/stat", "rb") as other:
        assert not Files().is_memory(other.fileno())


def test_a_file_system_that_cannot_reserve_is_used_all_the_same(target: Path) -> None:
    class Sparse(WatchedFiles):
        def before(self, number: int, name: str) -> None:
            if name == "posix_fallocate":
                raise OSError(errno.EOPNOTSUPP, "")

    with new_writer(target, Sparse()) as writer:
        write_all(writer)
        writer.publish()
    assert {name: raw for name, raw in expected_files().items() if name != "config.json"} == (
        folder_files(target)
    )


def test_threads_write_different_tensors(target: Path) -> None:
    tensors = [OutputTensor(f"{i:02d}", Dtype.U8, (997 + i,)) for i in range(24)]
    wanted = {tensor.name: contents(tensor) for tensor in tensors}
    random.Random(0).shuffle(tensors)

    shards = {"": lay_out(tensors, 4000, METADATA)}
    with CheckpointWriter.create(target, shards, [], WatchedFiles()) as writer:

        def write_in_blocks(tensor: OutputTensor) -> None:
            for offset in range(0, tensor.nbytes, 100):
                writer.write(tensor.name, offset, wanted[tensor.name][offset : offset + 100])

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(write_in_blocks, tensors))
        writer.publish()
        digests = writer.digests()
    found = {
        name: array.tobytes()
        for path in target.glob("*.safetensors")
        for name, array in load(path.read_bytes()).items()
    }
    assert found == wanted
    assert digests == {name: hashlib.sha256(raw).hexdigest() for name, raw in wanted.items()}


def test_digests_are_of_the_tensors_bytes_in_file_order(target: Path) -> None:
    with new_writer(target) as writer:
        write_all(writer)
        assert list(writer.digests().items()) == [
            (place.name, hashlib.sha256(contents(tensor)).hexdigest())
            for layout in layouts()
            for place in layout.tensors
            for tensor in TENSORS
            if tensor.name == place.name
        ]


def test_offsets_must_follow_each_other(target: Path) -> None:
    """A write that is refused leaves no trace, neither here nor in the tensor that follows."""
    embed = contents(TENSORS[0])
    with new_writer(target) as writer:
        for tensor in TENSORS[1:]:
            writer.write(tensor.name, 0, contents(tensor))
        writer.write("embed", 0, embed[:64])
        for offset in (0, 63, 65):
            with pytest.raises(ValueError, match=f"embed: offset {offset} given, 64 is next"):
                writer.write("embed", offset, bytes(1))
        with pytest.raises(ValueError, match="embed ends at 140, not 141"):
            writer.write("embed", 64, bytes(77))
        writer.write("embed", 64, embed[64:])
        with pytest.raises(KeyError):
            writer.write("unknown", 0, b"")
        writer.add_file("config.json", CONFIG)
        writer.publish()
    assert folder_files(target) == expected_files()


def test_what_is_not_written_is_not_published(target: Path) -> None:
    with new_writer(target) as writer:
        write_all_but_one_byte(writer)
        for action in (writer.publish, writer.finish_all, writer.digests):
            with pytest.raises(ValueError, match="embed: 139 of 140 bytes were written"):
                action()
        writer.write("embed", 139, contents(TENSORS[0])[139:])
        with pytest.raises(ValueError, match="not finished"):
            writer.read_back()
    assert not target.exists()
    assert partials(target) == []


def write_all_but_one_byte(writer: CheckpointWriter) -> None:
    for tensor in TENSORS:
        data = contents(tensor)
        writer.write(tensor.name, 0, data[:-1] if tensor.name == "embed" else data)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a", "a\0b"])
def test_a_file_beside_the_shards_is_one_path_component(target: Path, name: str) -> None:
    with new_writer(target) as writer, pytest.raises(ValueError, match="not the name of a file"):
        writer.add_file(name, b"")


@pytest.mark.parametrize("name", ["config.json", layouts()[0].name])
def test_no_file_is_written_twice(target: Path, name: str) -> None:
    with new_writer(target) as writer:
        writer.add_file("config.json", CONFIG)
        with pytest.raises(ValueError, match="is written already"):
            writer.add_file(name, b"")


def test_the_index_is_written_by_finishing(target: Path) -> None:
    with new_writer(target) as writer:
        write_all(writer)
        index = "model.safetensors.index.json"
        assert index not in folder_files(staging_of(target))
        writer.finish_all()
        writer.finish_all()
        assert folder_files(staging_of(target))[index] == expected_files()[index]


def test_nothing_works_after_the_end(target: Path) -> None:
    with new_writer(target) as writer:
        write_all(writer)
        writer.publish()
        with pytest.raises(ValueError, match="is published"):
            writer.publish()
        with pytest.raises(ValueError, match="is published"):
            writer.add_file("late.json", b"")
        writer.discard()
        assert len(writer.digests()) == len(TENSORS)
    assert target.is_dir()
    other = new_writer(target.with_name("other"))
    other.discard()
    other.discard()
    with pytest.raises(ValueError, match="is discarded"):
        other.write("embed", 0, b"")


@contextmanager
def umask(mask: int) -> Generator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize(
    ("mask", "folder_mode", "file_mode"),
    [(0o022, 0o755, 0o644), (0o027, 0o750, 0o640), (0o077, 0o700, 0o600), (0o002, 0o775, 0o664)],
)
def test_permissions_follow_the_umask(
    source: Checkpoint, target: Path, mask: int, folder_mode: int, file_mode: int
) -> None:
    with umask(mask):
        copy_checkpoint(source, target, WatchedFiles(), TWO)
    folders = [target, target / "child", target / "delta"]
    files = [path for path in target.rglob("*") if path not in folders]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {folder_mode}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {file_mode}


def test_staging_is_private_and_keeps_the_folders_group(target: Path) -> None:
    target.parent.chmod(0o2755)
    shards = {**case_layouts(ONE), "delta": ()}
    with umask(0o022), CheckpointWriter.create(target, shards, [], WatchedFiles()) as writer:
        assert stat.S_IMODE(staging_of(target).parent.stat().st_mode) == 0o2700
        write_all(writer)
        writer.publish()
    assert stat.S_IMODE(target.stat().st_mode) == 0o2755
    assert stat.S_IMODE((target / "delta").stat().st_mode) == 0o2755


@pytest.mark.parametrize("threads", [1, 3])
def test_a_device_that_lies_is_found_out(target: Path, threads: int) -> None:
    """Each write in turn is reported as done and is not: only reading back can notice."""
    number = 1  # the first write says whose the lock is, and nobody has to know
    while True:
        number += 1
        files = LyingFiles(number)
        with new_writer(target, files) as writer:
            write_all(writer)
            writer.finish_all()
            if files.writes < number:
                writer.read_back(threads)
                break
            with pytest.raises(MergecError) as caught:
                writer.read_back(threads)
            assert [found.code for found in caught.value.diagnostics] == ["E812"]
            assert list(target.parent.iterdir()) == []
            with pytest.raises(MergecError) as again:
                writer.publish()
            assert again.value is caught.value
    # Two headers, four tensors that are not empty, two length words, the index.
    assert number - 2 == 2 + 4 + 2 + 1


class LyingFiles(Files):
    """Reports the nth write as done and does nothing."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.writes = 0

    def system(self, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        if call.__name__ == "pwrite":
            self.writes += 1
            if self.writes == self.at:
                return cast(R, len(cast(memoryview, args[1])))
        return call(*args, **kwargs)
