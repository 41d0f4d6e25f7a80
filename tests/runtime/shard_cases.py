"""A small checkpoint, a run that copies it, and file systems that fail, for the tests of shards.

As a script, `shard_cases.py FOLDER CASE` makes the run in FOLDER/1, FOLDER/2 ..., killed at its
first, second ... system call, until one comes through; it imports nothing beyond the product.
"""

import hashlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
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
Case = Mapping[str, Sequence[OutputTensor]]
ONE: Case = {"": TENSORS}
# One of the tensors stands in both folders, of another length in each.
TWO: Case = {
    "child": TENSORS,
    "delta": (OutputTensor("embed", Dtype.F32, (3, 4)), OutputTensor("half", Dtype.F16, (0,))),
}
CASES: Mapping[str, Case] = {"one": ONE, "two": TWO}
CONFIG = b'{"model_type": "toy"}\n'


def contents(tensor: OutputTensor) -> bytes:
    """Bytes that depend on the name, so that no two tensors may be exchanged unnoticed."""
    return hashlib.shake_128(tensor.name.encode()).digest(tensor.nbytes)


def layouts(tensors: Sequence[OutputTensor] = TENSORS) -> tuple[ShardLayout, ...]:
    return lay_out(tensors, SHARD_BYTES, METADATA)


def case_layouts(case: Case) -> dict[str, tuple[ShardLayout, ...]]:
    """The shards of each folder."""
    return {folder: layouts(tensors) for folder, tensors in case.items()}


def shard_paths(case: Case) -> dict[str, ShardLayout]:
    """Every shard of a case by its path in the output."""
    return {
        os.path.join(folder, layout.name): layout
        for folder, group in case_layouts(case).items()
        for layout in group
    }


def shard_bytes(layout: ShardLayout) -> bytes:
    """What a finished shard of a case holds, put together without the writer."""
    by_name = {
        (tensor.name, tensor.shape): tensor
        for case in CASES.values()
        for t in case.values()
        for tensor in t
    }
    body = b"".join(contents(by_name[place.name, place.shape]) for place in layout.tensors)
    return head(layout) + body


def head(layout: ShardLayout) -> bytes:
    """A finished shard's bytes before its tensors."""
    return len(layout.header).to_bytes(8, "little") + layout.header


def expected_files(case: Case = ONE) -> dict[str, bytes]:
    """Path and bytes of every file of the published case."""
    files = {path: shard_bytes(layout) for path, layout in shard_paths(case).items()}
    for folder, group in case_layouts(case).items():
        files[os.path.join(folder, "config.json")] = CONFIG
        index = index_json(group)
        if index is not None:
            files[os.path.join(folder, "model.safetensors.index.json")] = index
    return files


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


def copy_checkpoint(
    source: Checkpoint, target: Path, files: Files, case: Case = ONE, *, threads: int = 1
) -> None:
    """A run of every kind of call: some tensors copied, the others written in blocks."""
    written = [(folder, tensor) for folder, tensors in case.items() for tensor in tensors]
    with (
        SourceReader(source, files, descriptors=2) as reader,
        CheckpointWriter.create(target, case_layouts(case), [source.root], files) as writer,
    ):
        for folder, tensor in written:
            step = tensor.nbytes or 1 if tensor.dtype is Dtype.I64 else 64
            for offset in range(0, tensor.nbytes, step):
                block = memoryview(bytearray(min(step, tensor.nbytes - offset)))
                entry = source.tensors[TensorName(tensor.name)]
                reader.expect(entry, offset, step)
                reader.read_into(entry, offset, block)
                writer.write(tensor.name, offset, block, folder)
        writer.finish_all()
        writer.read_back(threads)
        reader.unchanged()
        for folder in case:
            writer.add_file("config.json", CONFIG, folder)
        writer.publish()


def folder_files(folder: Path) -> dict[str, bytes]:
    """Path and bytes of every file in a folder and in those below."""
    files = sorted(path for path in folder.rglob("*") if not path.is_dir())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


class WatchedFiles(Files):
    """Counts system calls and tells `before` and `after` about each, by number from 1 and name.

    Nothing is synced: these tests kill processes, not machines.
    """

    def __init__(self) -> None:
        self.count = 0

    def is_memory(self, descriptor: int) -> bool:
        """Never, so that the calls are the same wherever the tests run."""
        return False

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
            skipped = name in ("fsync", "fdatasync", "close")
            return cast(R, None) if skipped else call(*args, **kwargs)
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


def kill_at_every_call(folder: Path, case: Case) -> None:
    """Run the case in FOLDER/n in a child that is killed at its nth call, for n = 1, 2, 3 ..."""
    number = 0
    status = -1
    while status != 0:
        number += 1
        home = folder / str(number)
        source = make_source(home / "source")
        child = os.fork()
        if child == 0:
            copy_checkpoint(source, home / "child", KilledFiles(number), case)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status in (0, -signal.SIGKILL), status


if __name__ == "__main__":
    kill_at_every_call(Path(sys.argv[1]), CASES[sys.argv[2]])
