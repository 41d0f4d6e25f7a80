"""Reading sources: the right bytes, few open files, and no silence when a source changes."""

import errno
import os
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mergec.catalog.checkpoint import Checkpoint, TensorName
from mergec.diagnostics import MergecError
from mergec.plan.layout import OutputTensor
from mergec.shards import Files, SourceReader
from tests.runtime.shard_cases import (
    TENSORS,
    ShortFiles,
    WatchedFiles,
    contents,
    layouts,
    make_source,
    shard_bytes,
)

EMBED = TENSORS[0]


@pytest.fixture
def source(tmp_path: Path) -> Checkpoint:
    return make_source(tmp_path / "source")


def read(reader: SourceReader, source: Checkpoint, tensor: OutputTensor) -> bytes:
    buffer = bytearray(tensor.nbytes)
    reader.read_into(source.tensors[TensorName(tensor.name)], 0, memoryview(buffer))
    return bytes(buffer)


def file_of(source: Checkpoint, tensor: OutputTensor) -> Path:
    return source.root / source.tensors[TensorName(tensor.name)].file


def error_of(action: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(MergecError) as caught:
        action()
    (found,) = caught.value.diagnostics
    assert found.help
    return found.code, found.message


def test_reads_every_range(source: Checkpoint) -> None:
    entry = source.tensors[TensorName(EMBED.name)]
    data = contents(EMBED)
    with SourceReader(source) as reader:
        for start in range(0, len(data) + 1, 7):
            for stop in range(start, len(data) + 1, 11):
                buffer = bytearray(stop - start)
                reader.read_into(entry, start, memoryview(buffer))
                assert bytes(buffer) == data[start:stop]
        reader.unchanged()


def test_short_reads_are_continued(source: Checkpoint) -> None:
    with SourceReader(source, ShortFiles()) as reader:
        assert read(reader, source, EMBED) == contents(EMBED)


@pytest.mark.parametrize(("offset", "count"), [(-1, 2), (0, 141), (140, 1)])
def test_a_range_outside_the_tensor_is_misuse(source: Checkpoint, offset: int, count: int) -> None:
    entry = source.tensors[TensorName(EMBED.name)]
    with SourceReader(source) as reader, pytest.raises(ValueError, match="embed has 140 bytes"):
        reader.read_into(entry, offset, memoryview(bytearray(count)))


@pytest.mark.parametrize("cached", [0, 5, None])
def test_what_is_not_in_memory_is_asked_for_before_the_wait(
    source: Checkpoint, cached: int | None
) -> None:
    class PartlyCached(Files):
        def system(self, call: Any, /, *args: Any, **kwargs: Any) -> Any:
            if call is os.preadv and len(args) == 4 and cached is not None:
                return call(args[0], [args[1][0][:cached]], args[2]) if cached else 0
            return call(*args, **kwargs)

    missed: list[bool] = []
    buffer = bytearray(EMBED.nbytes)
    entry = source.tensors[TensorName(EMBED.name)]
    with SourceReader(source, PartlyCached()) as reader:
        reader.read_into(entry, 0, memoryview(buffer), lambda: missed.append(any(buffer)))
    assert bytes(buffer) == contents(EMBED)
    assert missed == ([] if cached is None else [cached > 0])


class CountingFiles(WatchedFiles):
    """Keeps the number of files open, and the most there were."""

    def __init__(self) -> None:
        super().__init__()
        self.open_now = 0
        self.open_most = 0

    def after(self, number: int, name: str) -> None:
        self.open_now += {"open": 1, "close": -1}.get(name, 0)
        self.open_most = max(self.open_most, self.open_now)


def test_threads_share_few_descriptors(source: Checkpoint) -> None:
    files = CountingFiles()
    order = random.Random(0).choices(TENSORS, k=400)
    with SourceReader(source, files, descriptors=1) as reader, ThreadPoolExecutor(3) as threads:
        found = list(threads.map(partial(read, reader, source), order))
    assert found == [contents(tensor) for tensor in order]
    assert len(source.shards) == 2
    assert 1 <= files.open_most <= 2
    assert files.open_now == 0


def test_a_full_descriptor_table_costs_idle_files_first(source: Checkpoint) -> None:
    class Exhausted(CountingFiles):
        def before(self, number: int, name: str) -> None:
            if name == "open" and self.open_now == 1:
                raise OSError(errno.EMFILE, "")

    files = Exhausted()
    with SourceReader(source, files) as reader:
        for tensor in (*TENSORS, *TENSORS):
            assert read(reader, source, tensor) == contents(tensor)
    assert files.open_most == 1


def test_a_read_error_is_retried_once(source: Checkpoint) -> None:
    class Flaky(WatchedFiles):
        failing: int = 0

        def before(self, number: int, name: str) -> None:
            if name == "preadv" and self.failing:
                self.failing -= 1
                raise OSError(errno.EIO, "")

    files = Flaky()
    path = file_of(source, EMBED)
    start = source.tensors[TensorName(EMBED.name)].start
    with SourceReader(source, files) as reader:
        read(reader, source, EMBED)
        # The first call does not wait, and what it meets is not looked at.
        files.failing = 2
        assert read(reader, source, EMBED) == contents(EMBED)
        files.failing = 3
        assert error_of(lambda: read(reader, source, EMBED)) == (
            "E809",
            f"reading `{path}` at offset {start} failed: input/output error",
        )


class Stale(WatchedFiles):
    """A server that forgets what was open, so many times."""

    failing: int = 0

    def before(self, number: int, name: str) -> None:
        if name == "preadv" and self.failing:
            self.failing -= 1
            raise OSError(errno.ESTALE, "")


def test_a_forgotten_file_is_opened_once_more(source: Checkpoint) -> None:
    files = Stale()
    with SourceReader(source, files) as reader:
        read(reader, source, EMBED)
        files.failing = 2  # the first call does not wait, and what it meets is not looked at
        assert read(reader, source, EMBED) == contents(EMBED)
        files.failing = 4
        assert error_of(lambda: read(reader, source, EMBED))[0] == "E809"


def test_another_file_in_the_place_of_a_forgotten_one(source: Checkpoint) -> None:
    files = Stale()
    path = file_of(source, EMBED)
    with SourceReader(source, files) as reader:
        read(reader, source, EMBED)
        raw = path.read_bytes()
        path.unlink()
        path.with_name("new").write_bytes(raw)
        path.with_name("new").rename(path)
        files.failing = 2
        assert error_of(lambda: read(reader, source, EMBED)) == (
            "E807",
            f"`{path}` changed after it was planned: another file has taken its place",
        )


@pytest.mark.parametrize(
    ("refusal", "text"),
    [(errno.EMFILE, "too many open files"), (errno.EACCES, "permission denied")],
)
def test_a_refused_open_says_why(source: Checkpoint, refusal: int, text: str) -> None:
    class Refusing(WatchedFiles):
        def before(self, number: int, name: str) -> None:
            if name == "open":
                raise OSError(refusal, "")

    with SourceReader(source, Refusing()) as reader:
        assert error_of(lambda: read(reader, source, EMBED)) == (
            "E715",
            f"`{file_of(source, EMBED)}` cannot be opened: {text}",
        )


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def alter_header(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b'"pt"', b'"np"', 1))


def enlarge_length_word(path: Path) -> None:
    with path.open("r+b") as opened:
        opened.write((2**63).to_bytes(8, "little"))


def make_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (cut, "it has {less} bytes, not {size}"),
        (alter_header, "its header is another"),
        (enlarge_length_word, "its header is another"),
        (Path.unlink, "it no longer exists"),
        (make_pipe, "it is no longer a regular file"),
    ],
)
def test_changed_between_plan_and_run(
    source: Checkpoint, change: Callable[[Path], None], finding: str
) -> None:
    path = file_of(source, EMBED)
    size = path.stat().st_size
    change(path)
    with SourceReader(source) as reader:
        found = error_of(lambda: read(reader, source, EMBED))
    text = finding.format(less=size - 1, size=size)
    assert found == ("E807", f"`{path}` changed after it was planned: {text}")


def test_truncated_while_it_is_read(source: Checkpoint) -> None:
    path = file_of(source, EMBED)
    start = source.tensors[TensorName(EMBED.name)].start
    with SourceReader(source) as reader:
        read(reader, source, EMBED)
        os.truncate(path, start + 10)
        assert error_of(lambda: read(reader, source, EMBED)) == (
            "E807",
            f"`{path}` changed after it was planned: it ends at offset {start + 10}",
        )
        size = source.shards[0].size
        assert error_of(reader.unchanged) == (
            "E807",
            f"`{path}` changed after it was planned: it had {size} bytes and now has {start + 10}",
        )


def overwrite(path: Path) -> None:
    with path.open("r+b") as opened:
        opened.seek(-1, os.SEEK_END)
        opened.write(b"!")


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    stamp = path.stat().st_mtime_ns
    os.utime(other, ns=(stamp, stamp))
    other.replace(path)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (overwrite, "it was written to while it was read"),
        (replace, "another file has taken its place"),
        (Path.unlink, "it no longer exists"),
    ],
)
def test_changed_while_it_is_read(
    source: Checkpoint, change: Callable[[Path], None], finding: str
) -> None:
    """At the end of the run, and at once if the file had been closed and must be opened again."""
    path = file_of(source, EMBED)
    in_other_shard = next(t for t in TENSORS if file_of(source, t) != path)
    with SourceReader(source, descriptors=1) as reader:
        read(reader, source, EMBED)
        reader.unchanged()
        change(path)
        expected = ("E807", f"`{path}` changed after it was planned: {finding}")
        assert error_of(reader.unchanged) == expected
        read(reader, source, in_other_shard)
        assert error_of(lambda: read(reader, source, EMBED)) == expected


def test_reading_touches_nothing(source: Checkpoint) -> None:
    def state() -> list[tuple[str, int, int, int]]:
        stats = [(path.name, path.stat()) for path in sorted(source.root.iterdir())]
        return [(name, s.st_mode, s.st_mtime_ns, s.st_ctime_ns) for name, s in stats]

    before = state()
    with SourceReader(source) as reader:
        for tensor in TENSORS:
            assert read(reader, source, tensor) == contents(tensor)
    assert state() == before
    assert [p.read_bytes() for p in sorted(source.root.iterdir())] == list(
        map(shard_bytes, layouts())
    )


def test_a_closed_reader_reads_no_more(source: Checkpoint) -> None:
    reader = SourceReader(source)
    reader.close()
    with pytest.raises(ValueError, match="closed"):
        read(reader, source, EMBED)
