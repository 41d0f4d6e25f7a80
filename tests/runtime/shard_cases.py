"""A small checkpoint, a run that copies it, and file systems that fail, for the tests of shards.

As a script, `shard_cases.py FOLDER` makes the run in FOLDER/1, FOLDER/2 ..., killed at its first,
second ... system call, until one comes through; it imports nothing beyond the product.
"""

import hashlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from mergec.catalog.checkpoint import Checkpoint, Sha256, ShardFile, TensorEntry, TensorName
from mergec.catalog.dtypes import Dtype
from mergec.plan.layout import OutputTensor, ShardLayout, index_json, lay_out
from mergec.shards import CheckpointWriter, Files, SourceReader

P = ParamSpec("P")
R = TypeVar("R")

TENSORS = (
    OutputTensor("embed", Dtype.F32, (5, 7)),
    OutputTensor("layers.0.weight", Dtype.BF16, (9, 4)),
    OutputTensor("layers.0.empty", Dtype.F32, (0, 3)),
    OutputTensor("position_ids", Dtype.I64, (6,)),
    OutputTensor("scale", Dtype.F64, ()),
)
SHARD_BYTES = 150
METADATA = {"format": "pt"}
CONFIG = b'{"model_type": "toy"}\n'


def contents(tensor: OutputTensor) -> bytes:
    """Bytes that depend on the name, so that no two tensors may be exchanged unnoticed."""
    return hashlib.shake_128(tensor.name.encode()).digest(tensor.nbytes)


def layouts() -> tuple[ShardLayout, ...]:
    return lay_out(TENSORS, SHARD_BYTES, METADATA)


def shard_bytes(layout: ShardLayout) -> bytes:
    """What a finished shard of the case holds, put together without the writer."""
    by_name = {tensor.name: tensor for tensor in TENSORS}
    body = b"".join(contents(by_name[place.name]) for place in layout.tensors)
    return head(layout) + body


def head(layout: ShardLayout) -> bytes:
    """A finished shard's bytes before its tensors."""
    return len(layout.header).to_bytes(8, "little") + layout.header


def expected_files() -> dict[str, bytes]:
    """Name and bytes of every file of the published case."""
    index = index_json(layouts())
    assert index is not None
    files = {layout.name: shard_bytes(layout) for layout in layouts()}
    return {**files, "model.safetensors.index.json": index, "config.json": CONFIG}


def make_source(root: Path) -> Checkpoint:
    """The case as a source: the same shards, made long ago."""
    root.mkdir(parents=True)
    for layout in layouts():
        path = root / layout.name
        path.write_bytes(shard_bytes(layout))
        os.utime(path, ns=(10**18, 10**18))
    return as_planned(root, layouts())


def as_planned(root: Path, planned: Sequence[ShardLayout]) -> Checkpoint:
    """The catalogue's view of shards laid out like that in `root`, without touching the disk."""
    return Checkpoint(
        root=root,
        shards=tuple(
            ShardFile(layout.name, layout.size, Sha256(hashlib.sha256(head(layout)).hexdigest()))
            for layout in planned
        ),
        tensors={
            TensorName(place.name): TensorEntry(
                TensorName(place.name),
                place.dtype,
                place.shape,
                layout.name,
                place.start,
                place.nbytes,
            )
            for layout in planned
            for place in layout.tensors
        },
        config=None,
        small_files=(),
        licence=None,
    )


def copy_checkpoint(source: Checkpoint, target: Path, files: Files) -> None:
    """A run of every kind of call: some tensors copied, the others written in blocks."""
    with (
        SourceReader(source, files, descriptors=2) as reader,
        CheckpointWriter.create(target, layouts(), [source.root], files) as writer,
    ):
        for tensor in TENSORS:
            entry = source.tensors[TensorName(tensor.name)]
            step = tensor.nbytes or 1 if tensor.dtype is Dtype.I64 else 64
            for offset in range(0, tensor.nbytes, step):
                block = memoryview(bytearray(min(step, tensor.nbytes - offset)))
                reader.read_into(entry, offset, block)
                writer.write(tensor.name, offset, block)
        writer.finish_all()
        writer.read_back()
        reader.unchanged()
        writer.add_file("config.json", CONFIG)
        writer.publish()


def folder_files(folder: Path) -> dict[str, bytes]:
    """Name and bytes of everything in a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


class WatchedFiles(Files):
    """Counts system calls and tells `before` and `after` about each, by number from 1 and name.

    Nothing is synced: these tests kill processes, not machines.
    """

    def __init__(self) -> None:
        self.count = 0

    def before(self, number: int, name: str) -> None: ...

    def after(self, number: int, name: str) -> None: ...

    def system(self, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        self.count += 1
        number, name = self.count, call.__name__
        if name == "close":
            # Whatever the system says, the descriptor is gone.
            call(*args, **kwargs)
        self.before(number, name)
        try:
            return cast(R, None) if name in ("fsync", "close") else call(*args, **kwargs)
        finally:
            self.after(number, name)


class ShortFiles(Files):
    """Reads and writes at most three bytes a call."""

    def system(self, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        given: list[Any] = [*args]
        if call.__name__ == "pwrite":
            given[1] = given[1][:3]
        if call.__name__ == "preadv":
            given[1] = [given[1][0][:3]]
        return cast(Callable[..., R], call)(*given, **kwargs)


class KilledFiles(WatchedFiles):
    """Dies by SIGKILL just before its nth call."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def before(self, number: int, name: str) -> None:
        if number == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def kill_at_every_call(folder: Path) -> None:
    """Run the case in FOLDER/n in a child that is killed at its nth call, for n = 1, 2, 3 ..."""
    number = 0
    status = -1
    while status != 0:
        number += 1
        home = folder / str(number)
        source = make_source(home / "source")
        child = os.fork()
        if child == 0:
            copy_checkpoint(source, home / "child", KilledFiles(number))
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status in (0, -signal.SIGKILL), status


if __name__ == "__main__":
    kill_at_every_call(Path(sys.argv[1]))
