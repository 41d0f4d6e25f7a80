"""The guard of locked runs: no byte that was handed out escapes it, in whatever order."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.catalog.checkpoint import Checkpoint, TensorEntry
from mergec.diagnostics import MergecError, fail
from mergec.shards import SourceReader
from mergec.shards.hash_files import hash_files, weight_files
from mergec.shards.leaves import Leaf, Leaves
from mergec.shards.read_guard import ReadGuard
from tests.runtime.shard_cases import make_source

_SMALL_LEAF = 32  # bytes, so that the toy's tensors have several


@pytest.fixture(autouse=True)
def small_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mergec.shards.leaves.LEAF", _SMALL_LEAF)
    monkeypatch.setattr("mergec.shards.read_guard.LEAF", _SMALL_LEAF)


@pytest.fixture
def source(tmp_path: Path) -> Checkpoint:
    return make_source(tmp_path / "source")


@pytest.fixture
def reader(source: Checkpoint) -> Iterator[SourceReader]:
    with SourceReader(source) as opened:
        guard(source, opened)
        yield opened


def guard(source: Checkpoint, reader: SourceReader) -> None:
    files = [*weight_files(source, {shard.name for shard in source.shards})]
    digests = hash_files(files, 1, cached=False)
    known = {
        file.shard.name: (file.leaves, digest) for file, digest in zip(files, digests, strict=True)
    }
    reader.guard(ReadGuard(known, reader.read_again, differs))


def differs(file: str, leaf: Leaf, wanted: str, found: str) -> MergecError:
    return fail("E874", f"{file} {leaf.start} {leaf.stop} {wanted} {found}")


def embed(source: Checkpoint) -> TensorEntry:
    return next(entry for entry in source.tensors.values() if entry.name == "embed")


def read(reader: SourceReader, entry: TensorEntry, start: int, stop: int) -> bytes:
    buffer = bytearray(stop - start)
    reader.read_into(entry, start, memoryview(buffer))
    return bytes(buffer)


def flip(path: Path, at: int) -> None:
    """Change one bit of a file, and leave no trace in its times."""
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        bit = file.read(1)[0] ^ 1
        file.seek(at)
        file.write(bytes([bit]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def is_found(reader: SourceReader) -> bool:
    try:
        reader.unchanged()
    except MergecError as error:
        return error.diagnostics[0].code == "E874"
    return False


def test_leaves_are_all_bytes_behind_the_header(source: Checkpoint) -> None:
    for shard in source.shards:
        leaves = Leaves(it for it in source.tensors.values() if it.file == shard.name)
        found = [leaves.of(number) for number in range(len(leaves))]
        starts = [leaf.start for leaf in found]
        assert [leaf.stop for leaf in found] == [*starts[1:], shard.size]
        firsts = {e.start for e in source.tensors.values() if e.file == shard.name and e.nbytes}
        assert firsts <= {*starts}
        assert all(leaves.at(at) == leaf for leaf in found for at in (leaf.start, leaf.stop - 1))


def test_every_byte_of_a_tensor_counts(source: Checkpoint) -> None:
    entry = embed(source)
    path = source.root / entry.file
    for at in range(entry.nbytes):
        with SourceReader(source) as reader:
            guard(source, reader)
            flip(path, entry.start + at)
            with pytest.raises(MergecError):
                read(reader, entry, 0, entry.nbytes)
            flip(path, entry.start + at)


def test_bytes_that_were_wrong_when_they_were_read(
    source: Checkpoint, reader: SourceReader
) -> None:
    entry = embed(source)
    path = source.root / entry.file
    flip(path, entry.start + 40)
    read(reader, entry, 36, 48)  # from the middle of a leaf
    flip(path, entry.start + 40)  # and right again
    assert is_found(reader)


def test_a_second_sweep_is_compared_too(source: Checkpoint, reader: SourceReader) -> None:
    entry = embed(source)
    read(reader, entry, 0, entry.nbytes)
    flip(source.root / entry.file, entry.start + 100)
    with pytest.raises(MergecError):
        read(reader, entry, 0, entry.nbytes)


def test_a_leaf_that_is_begun_is_compared_as_it_was_handed_out(
    source: Checkpoint, reader: SourceReader
) -> None:
    entry = embed(source)
    read(reader, entry, 64, 70)
    flip(source.root / entry.file, entry.start + 66)
    assert not is_found(reader)  # what was handed out was right, and its leaf cannot say otherwise


def test_a_touched_and_a_replaced_file_may_hold_the_same_bytes(
    source: Checkpoint, reader: SourceReader
) -> None:
    entry = embed(source)
    path = source.root / entry.file
    read(reader, entry, 0, 20)
    os.utime(path)
    path.with_name("new").write_bytes(path.read_bytes())
    path.with_name("new").replace(path)
    read(reader, entry, 20, entry.nbytes)
    assert not is_found(reader)


_RANGES = st.lists(st.tuples(st.integers(0, 139), st.integers(1, 60)), min_size=1, max_size=12)


@given(ranges=_RANGES, at=st.integers(0, 139), before=st.integers(0, 12))
def test_whatever_is_read_in_whatever_order(
    tmp_path_factory: pytest.TempPathFactory,
    ranges: list[tuple[int, int]],
    at: int,
    before: int,
) -> None:
    source = make_source(tmp_path_factory.mktemp("any") / "source")
    entry = embed(source)
    path = source.root / entry.file
    true = path.read_bytes()[entry.start : entry.start + entry.nbytes]
    with SourceReader(source) as reader:
        guard(source, reader)
        wrong = False
        try:
            for number, (start, count) in enumerate(ranges):
                if number == before:
                    flip(path, entry.start + at)
                stop = min(start + count, entry.nbytes)
                wrong |= read(reader, entry, start, stop) != true[start:stop]
            if before < len(ranges):
                flip(path, entry.start + at)  # right again: what was handed out stays wrong
            reader.unchanged()
            found = False
        except MergecError:
            found = True
    # A leaf that held a wrong bit for a while may be told as well, if its bytes were read then.
    assert found or not wrong
    assert wrong or not found or before < len(ranges)
