"""Locks as files: the same text for the same lock, and nothing weaker passes for one."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mergec.diagnostics import MergecError
from mergec.plan.lock import Lock, LockedFile, LockedSource, is_within, tool_range
from mergec.plan.lock_changes import changes
from mergec.plan.lock_file import read_lock

SHA = "ab" * 32
FILES = {
    "config.json": LockedFile(12, SHA),
    "model.safetensors": LockedFile(500, SHA, "cd" * 32),
}
STORED = {"model.safetensors": LockedFile(500, None, "cd" * 32, ("etag", '"5-7"'))}
LOCK = Lock(
    tool=">=0.1,<0.2",
    operators={"linear": 1, "ties": 2},
    plugins=[],
    exactness="M",
    sources={
        "./base": LockedSource("./base", None, "model", None, FILES),
        "org/a": LockedSource("org/a", "v1", "model", "0f" * 20, FILES),
        "s3://b/c": LockedSource("s3://b/c", None, "model", None, STORED),
    },
)


def edited(tmp_path: Path, edits: Mapping[str, object]) -> Path:
    """The lock with members, by their paths, that are gone or have another value."""
    table: dict[str, Any] = json.loads(LOCK.text)
    for place, value in edits.items():
        *outer, last = place.split()
        inner = table
        for name in outer:
            inner = inner[name]
        if value == _GONE:
            del inner[last]
        else:
            inner[last] = value
    path = tmp_path / "spec.merge.lock"
    path.write_text(json.dumps(table))
    return path


def test_a_lock_reads_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "spec.merge.lock"
    path.write_text(LOCK.text)
    assert read_lock(path) == LOCK
    assert read_lock(path).text == LOCK.text
    assert LOCK.text.isascii()
    assert LOCK.text.endswith("}\n")
    assert "\r" not in LOCK.text


def test_how_a_lock_is_laid_out_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "spec.merge.lock"
    path.write_bytes(LOCK.text.replace("\n", "\r\n").encode())
    assert read_lock(path).digest == LOCK.digest


_GONE = "(gone)"
_SOURCE = "sources ./base"
_FILE = f"{_SOURCE} files model.safetensors"


@pytest.mark.parametrize(
    "edits",
    [
        {"schema": "mergec.lock/2"},
        {"extra": 1},
        {"operators": _GONE},
        {"mergec": "whatever"},
        {"operators linear": "1"},
        {"operators linear": True},
        {"numbers class": "Q"},
        {"plugins": "none"},
        {"sources": []},
        {f"{_SOURCE} kind": "pickle"},
        {f"{_SOURCE} commit": "main"},
        {f"{_SOURCE} files": None},
        {f"{_FILE} md5": "00" * 16},  # a weaker digest beside the right one, or in its place
        {f"{_FILE} sha256": _GONE, f"{_FILE} crc32": "00"},
        {f"{_FILE} sha256": _GONE},
        {f"{_FILE} sha256": "ab" * 20},
        {f"{_FILE} sha256": "AB" * 32},
        {f"{_FILE} size": -1},
        {f"{_FILE} size": 1.5},
        {f"{_FILE} etag": "1", f"{_FILE} modified": "then"},
    ],
)
def test_an_edited_lock_is_none(tmp_path: Path, edits: dict[str, object]) -> None:
    with pytest.raises(MergecError) as caught:
        read_lock(edited(tmp_path, edits))
    assert [(found.code, found.exit) for found in caught.value.diagnostics] == [("E871", 10)]


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"\xff", b'{"schema": 1, "schema": 2}', b"[" * 100 + b"]" * 100, b"NaN"],
)
def test_what_is_no_json_is_no_lock(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "spec.merge.lock"
    path.write_bytes(raw)
    with pytest.raises(MergecError) as caught:
        read_lock(path)
    assert caught.value.diagnostics[0].code == "E871"


def test_a_vast_lock_is_none(tmp_path: Path) -> None:
    path = tmp_path / "spec.merge.lock"
    with path.open("wb") as file:
        file.truncate((16 << 20) + 1)
    with pytest.raises(MergecError) as caught:
        read_lock(path)
    assert caught.value.diagnostics[0].code == "E871"


def test_a_local_file_that_lost_its_digest_for_a_state_is_told(tmp_path: Path) -> None:
    edits = {f"{_FILE} sha256": _GONE, f"{_FILE} etag": "1"}
    weakened = read_lock(edited(tmp_path, edits))
    (found,) = changes(weakened, LOCK, "0.1.0")
    assert (found.kind, found.text) == (
        "bytes",
        "`model.safetensors` of `./base` has no SHA-256 in the lock",
    )


def test_versions_of_a_range() -> None:
    assert tool_range("0.1.0") == ">=0.1,<0.2"
    assert [is_within(">=0.1,<0.2", it) for it in ("0.1.9", "0.2.0", "1.0.0", "unknown")] == [
        True,
        False,
        False,
        True,
    ]
    assert [is_within(">=1.2,<2", it) for it in ("1.1.0", "1.9.0", "2.0.0")] == [False, True, False]
