"""Digests that are kept: used for the same state of a file alone, and never trusted when odd."""

import os
from pathlib import Path

import pytest

from mergec.catalog.checkpoint import Checkpoint
from mergec.diagnostics import MergecError
from mergec.shards.digest_cache import digest_folder
from mergec.shards.hash_files import hash_files, weight_files
from mergec.shards.leaves import FileDigest
from tests.runtime.shard_cases import make_source


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that takes files that were written just now."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("mergec.shards.digest_cache.SETTLED", -10.0)


@pytest.fixture
def source(tmp_path: Path) -> Checkpoint:
    return make_source(tmp_path / "source")


def digest(source: Checkpoint, *, cached: bool = True) -> FileDigest:
    (found,) = hash_files([*weight_files(source, [source.shards[0].name])], 1, cached=cached)
    return found


def entries() -> list[Path]:
    return sorted(digest_folder().iterdir()) if digest_folder().exists() else []


def forge() -> None:
    """Make the kept digest of the one file another, as if it were right."""
    import hashlib

    (entry,) = entries()
    raw = entry.read_bytes()
    magic, body = raw[:17], b"\x11" * 32 + raw[17 + 64 :]
    entry.write_bytes(magic + hashlib.sha256(body).digest() + body)


def test_a_file_is_hashed_once(source: Checkpoint) -> None:
    first = digest(source)
    forge()
    assert digest(source).sha256 == "11" * 32  # so it was not hashed
    assert digest(source, cached=False) == first


def test_a_file_that_was_written_to_is_hashed_again(source: Checkpoint) -> None:
    first = digest(source)
    forge()
    path = source.root / source.shards[0].name
    status = path.stat()
    path.write_bytes(path.read_bytes())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # the change of status tells
    assert digest(source) == first


@pytest.mark.parametrize("keep", [0, 10, 40, 80])
def test_an_entry_that_is_cut_off_is_none(source: Checkpoint, keep: int) -> None:
    first = digest(source)
    (entry,) = entries()
    entry.write_bytes(entry.read_bytes()[:keep])
    assert digest(source) == first


def test_an_entry_with_another_bit_is_none(source: Checkpoint) -> None:
    first = digest(source)
    (entry,) = entries()
    raw = bytearray(entry.read_bytes())
    raw[-1] ^= 1
    entry.write_bytes(raw)
    assert digest(source) == first


def test_what_was_written_just_now_is_not_kept(
    source: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mergec.shards.digest_cache.SETTLED", 60.0)
    digest(source)
    assert entries() == []


def test_a_cache_that_cannot_be_there_is_none(source: Checkpoint, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file in the way")
    digest(source)


def test_the_oldest_make_room(source: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mergec.shards.digest_cache._MOST_ENTRIES", 4)
    digest_folder().mkdir(parents=True)
    for number in range(6):
        place = digest_folder() / f"old-{number}"
        place.write_bytes(b"")
        os.utime(place, (number, number))
    digest(source)
    assert len(entries()) == 4
    assert [entry.name for entry in entries() if entry.name.startswith("old")] == [
        "old-3",
        "old-4",
        "old-5",
    ]


def test_a_file_of_another_size_is_not_hashed(source: Checkpoint) -> None:
    path = source.root / source.shards[0].name
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(MergecError) as caught:
        digest(source)
    assert caught.value.diagnostics[0].code == "E807"
