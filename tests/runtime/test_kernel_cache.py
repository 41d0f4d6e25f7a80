"""Compiled kernels that are kept for the next process: whole, ours, or not used."""

import os
from pathlib import Path

import numpy as np
import pytest

from mergec.backends.native import NativeBackend, objects
from mergec.backends.native.engine import Engine
from mergec.backends.native.objects import Objects
from mergec.catalog import Dtype

pytest.importorskip("llvmlite")


def _thrice(engine: Engine) -> bytes:
    backend = NativeBackend(engine)
    x = backend.load(memoryview(np.arange(5, dtype=np.float32).tobytes()), Dtype.F32, Dtype.F32)
    return bytes(backend.store(x * 3.0, Dtype.F32))


EXPECTED = (np.arange(5, dtype=np.float32) * 3).tobytes()


def test_the_next_engine_generates_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _thrice(Engine(folder=tmp_path / "new" / "kernels")) == EXPECTED

    def refuse(self: Engine, define: object) -> bytes:
        raise AssertionError("compiled again")

    monkeypatch.setattr(Engine, "_generated", refuse)
    assert _thrice(Engine(folder=tmp_path / "new" / "kernels")) == EXPECTED


def test_a_damaged_file_is_made_again(tmp_path: Path) -> None:
    _thrice(Engine(folder=tmp_path))
    files = sorted(tmp_path.iterdir())
    before = [file.read_bytes() for file in files]
    for file, data in zip(files, before, strict=True):
        file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    files[0].write_bytes(b"")
    assert _thrice(Engine(folder=tmp_path)) == EXPECTED
    assert [file.read_bytes() for file in files] == before


def test_a_folder_that_others_write_to_is_not_used(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    assert _thrice(Engine(folder=tmp_path)) == EXPECTED
    assert not [*tmp_path.iterdir()]


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert _thrice(Engine(folder=tmp_path / "file" / "kernels")) == EXPECTED


def test_another_processor_has_other_files(tmp_path: Path) -> None:
    one, other = Objects(tmp_path, "this"), Objects(tmp_path, "that")
    one.keep("kernel", b"code")
    assert (one.load("kernel"), other.load("kernel")) == (b"code", None)


def test_the_older_half_of_too_many_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "_MOST_FILES", 4)
    kept = Objects(tmp_path, "this")
    for number in range(4):
        kept.keep(str(number), b"code")
        for path in tmp_path.iterdir():
            os.utime(path, (path.stat().st_mtime - 10, path.stat().st_mtime - 10))
    kept.keep("last", b"code")
    found = [kept.load(name) for name in ("0", "1", "2", "3", "last")]
    assert found == [None, None, b"code", b"code", b"code"]
