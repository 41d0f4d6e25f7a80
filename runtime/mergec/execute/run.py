"""Run a plan: every tensor to its planned place, then publish, or leave nothing behind."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from mergec.backends import Backend, self_test
from mergec.diagnostics import Diagnostic
from mergec.execute.doubts import Doubts
from mergec.execute.left_out import LeftOut, what_is_left_out
from mergec.execute.lineage import companion_files
from mergec.execute.measures import Measured, Measurements, require_contracts
from mergec.execute.origin import Origin
from mergec.execute.work import Progress, Work
from mergec.plan import Budget, Plan
from mergec.plan.model import PlanSource
from mergec.shards import CheckpointWriter, Files, SourceReader
from mergec.shards.fetch import absent_files, fetch


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did. Times are seconds of wall clock; `peak_memory` is the process's, in bytes.

    What the plan projected of these stands beside them; of time that is None where this machine
    was not calibrated.

    `left_out` says what was not done although it is by default, `warnings` what the numbers of
    some tensors give reason to doubt.
    """

    target: Path
    tensors: int
    bytes_read: int
    bytes_written: int
    seconds: float
    peak_memory: int
    projected_memory: int
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    projected_seconds: float | None = None


def run_plan(
    plan: Plan,
    target: Path,
    backend: Backend,
    budget: Budget,
    origin: Origin,
    progress: Progress = lambda _: None,
    *,
    read_back: bool = True,
    sync: bool = True,
) -> RunReport:
    """Execute `plan` into the new folder `target`.

    `progress` gets bytes as they are fetched from a hub, if any are, and as they are written.
    With several exports each gets a folder of its own in `target`. With `read_back`, the weights
    are read from the disk again and compared with what was computed before anything is published.
    With `sync` the result is on the disk when this returns; without it, a power failure may take
    any part of it away, and what is read back may be what the memory holds. All or nothing: on any
    error, and on KeyboardInterrupt, what was made is removed and `target` does not exist. Raises
    E605, E602, E723-E727, E801-E809, E812, E813, E815, E816 and E406.
    """
    started = time.monotonic()
    self_test(backend)
    left_out = what_is_left_out(read_back=read_back, sync=sync)
    roots = [_root(source) for source in plan.sources]
    layouts = {export.folder: export.layouts for export in plan.exports}
    with ExitStack() as stack:
        readers = {
            label: stack.enter_context(SourceReader(checkpoint))
            for label, checkpoint in plan.checkpoints.items()
        }
        writer = stack.enter_context(
            CheckpointWriter.create(
                target, layouts, roots, Files(durable=sync), other_bytes=_companions(plan)
            )
        )
        fetch(absent_files(plan), progress)
        measurements, doubts = Measurements(plan), Doubts()
        Work(plan, backend, budget, readers, writer, measurements, progress, doubts).run()
        measured = measurements.values()
        require_contracts(plan, measured)
        writer.finish_all()
        if read_back:
            writer.read_back(budget.threads)
        for reader in readers.values():
            reader.unchanged()
        _add_companions(plan, writer, measured, origin, left_out)
        writer.publish()
    return RunReport(
        target,
        len(plan.rows),
        plan.bytes_read,
        plan.bytes_written,
        time.monotonic() - started,
        peak_memory(),
        budget.peak,
        left_out,
        doubts.warnings(),
    )


def peak_memory() -> int:
    """The largest resident size of this process so far, in bytes."""
    # Not getrusage: its figure is inherited from the process that started this one.
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM:"))


def _add_companions(
    plan: Plan,
    writer: CheckpointWriter,
    measured: Measured,
    origin: Origin,
    left_out: tuple[LeftOut, ...],
) -> None:
    for export in plan.exports:
        digests = writer.digests(export.folder)
        for name, data in companion_files(plan, export, digests, measured, origin, left_out):
            writer.add_file(name, data, export.folder)


def _companions(plan: Plan) -> int:
    """About how many bytes stand beside the weights; lineage has a line of digest a tensor."""
    size = 0
    for export in plan.exports:
        size += sum(small.size for small in export.files) + len(export.config or b"")
        size += sum(100 + len(row.tensor) for row in export.rows) + (64 << 10)
    return size


def _root(source: PlanSource) -> Path:
    """What the output must not touch: a source's folder, or its file where it is a file alone."""
    root, name = source.checkpoint.root, Path(source.decl.ref).name
    if source.checkpoint.hub is not None or source.checkpoint.stored is not None:
        return root
    return root if root.name == name else root / name
