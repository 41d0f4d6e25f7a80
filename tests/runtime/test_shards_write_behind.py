"""Having the device begin early, and not waiting for it at all."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

from mergec.catalog.checkpoint import Checkpoint
from mergec.catalog.dtypes import Dtype
from mergec.plan.layout import OutputTensor, lay_out
from mergec.shards import CheckpointWriter, Files
from tests.runtime.shard_cases import (
    TWO,
    WatchedFiles,
    contents,
    copy_checkpoint,
    expected_files,
    folder_files,
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


class NamingFiles(Files):
    """Keeps the name of each call."""

    def __init__(self, *, durable: bool = True) -> None:
        super().__init__(durable=durable)
        self.made: list[str] = []

    def system(self, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        self.made.append(call.__name__)
        return call(*args, **kwargs)


def test_writing_begins_before_the_sync(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mergec.shards.open_shards._WRITE_BEHIND", 1000)
    tensors = [OutputTensor(f"{i}", Dtype.U8, (400,)) for i in range(10)]
    files = NamingFiles()
    with CheckpointWriter.create(target, {"": lay_out(tensors, 1 << 20, {})}, [], files) as writer:
        files.made.clear()
        for tensor in tensors:
            writer.write(tensor.name, 0, contents(tensor))
        calls = [name for name in files.made if name in ("pwrite", "_sync_file_range")]
        assert calls == [*["pwrite"] * 3, "_sync_file_range"] * 3 + ["pwrite"]
        writer.publish()


def test_a_system_that_cannot_begin_early_is_used_all_the_same(
    source: Checkpoint, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Late(WatchedFiles):
        def before(self, number: int, name: str) -> None:
            if name == "_sync_file_range":
                raise OSError(errno.ENOSYS, "")

    monkeypatch.setattr("mergec.shards.open_shards._WRITE_BEHIND", 1)
    copy_checkpoint(source, target, Late())
    assert folder_files(target) == expected_files()


def test_files_that_need_not_last_are_never_synced(
    source: Checkpoint, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mergec.shards.open_shards._WRITE_BEHIND", 1)
    files = NamingFiles(durable=False)
    copy_checkpoint(source, target, files, TWO)
    assert folder_files(target) == expected_files(TWO)
    assert {"pwrite", "_rename_new"} <= set(files.made)
    assert not {"fsync", "_sync_file_range"} & set(files.made)
