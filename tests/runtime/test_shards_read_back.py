"""Reading back with several threads: what is found first, and how it ends."""

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

from mergec.catalog.checkpoint import Checkpoint
from mergec.catalog.dtypes import Dtype
from mergec.catalog.sample import Sample
from mergec.diagnostics import MergecError
from mergec.plan.layout import OutputTensor, lay_out
from mergec.shards import CheckpointWriter
from tests.runtime.shard_cases import (
    CASES,
    Case,
    WatchedFiles,
    contents,
    copy_checkpoint,
    expected_files,
    folder_files,
    make_source,
    shard_paths,
)

P = ParamSpec("P")
R = TypeVar("R")


@pytest.fixture
def source(tmp_path: Path) -> Checkpoint:
    return make_source(tmp_path / "source")


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    """One checkpoint, or two that are published together."""
    return CASES[request.param]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "child"


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_the_first_of_several_differences_is_told(target: Path, threads: int) -> None:
    """In the order of the files, whichever thread is done first; small tensors are many a turn."""
    tensors = [OutputTensor(f"{i:04d}", Dtype.U8, (i % 3 and 5000,)) for i in range(900)]
    broken = [619, 620, 898]
    with CheckpointWriter.create(target, {"": lay_out(tensors, 1 << 21, {})}, []) as writer:
        for tensor in tensors:
            writer.write(tensor.name, 0, contents(tensor))
        writer.finish_all()
        shards = sorted(target.parent.glob("*.mergec-partial-*/result/*.safetensors"))
        assert len(shards) > 1
        for shard in shards:
            raw = shard.read_bytes()
            for number in broken:
                raw = raw.replace(contents(tensors[number]), bytes(5000))
            shard.write_bytes(raw)
        with pytest.raises(MergecError) as caught:
            writer.read_back(threads)
    (found,) = caught.value.diagnostics
    assert found.code == "E812"
    assert found.message.endswith(f"the tensor `0619` in `{shards[0].name}`")


def test_a_share_is_read_back_and_nothing_else(target: Path) -> None:
    """What a disk changed is found by one of the shares, and by no other."""
    tensors = [OutputTensor(f"{i}", Dtype.U8, (50,)) for i in range(9)]
    with CheckpointWriter.create(target, {"": lay_out(tensors, 1 << 21, {})}, []) as writer:
        for tensor in tensors:
            writer.write(tensor.name, 0, contents(tensor))
        writer.finish_all()
        (shard,) = target.parent.glob("*.mergec-partial-*/result/*.safetensors")
        shard.write_bytes(shard.read_bytes().replace(contents(tensors[4]), bytes(50)))
        names = [tensor.name for tensor in tensors]
        for sample in (Sample(part, 3) for part in (1, 2, 3)):
            if "4" not in sample.of(names):
                writer.read_back(1, sample)
        found_by = next(it for it in (Sample(n, 3) for n in (1, 2, 3)) if "4" in it.of(names))
        with pytest.raises(MergecError):
            writer.read_back(1, found_by)


def test_threads_that_read_back_end_with_the_first_failure(
    tmp_path: Path, source: Checkpoint, case: Case
) -> None:
    """Every read of reading back fails in turn, once, and no descriptor and no file stays."""
    reads = 0
    while True:
        reads += 1
        home = tmp_path / str(reads)
        home.mkdir()
        files = FailingBack(reads)
        open_before = os.listdir("/proc/self/fd")
        with suppress(MergecError):
            copy_checkpoint(source, home / "child", files, case, threads=3)
        assert os.listdir("/proc/self/fd") == open_before
        if files.reads < reads:
            break
        assert list(home.iterdir()) == []
    assert folder_files(home / "child") == expected_files(case)
    tensors = [tensor for shard in shard_paths(case).values() for tensor in shard.tensors]
    indexes = sum(name.endswith("index.json") for name in expected_files(case))
    assert reads - 1 == len(shard_paths(case)) + sum(t.nbytes > 0 for t in tensors) + indexes


class FailingBack(WatchedFiles):
    """The nth read fails of those that come after the first file was asked from the device."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at
        self.reads = 0
        self.finished = False

    def system(self, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        name = call.__name__
        self.finished |= name == "posix_fadvise" and args[3] == os.POSIX_FADV_DONTNEED
        if name == "preadv" and self.finished:
            self.reads += 1
            if self.reads == self.at:
                raise OSError(errno.EIO, "")
        return super().system(call, *args, **kwargs)
