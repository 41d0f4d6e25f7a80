"""Run a plan: every tensor to its planned place, then publish, or leave nothing behind."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from mergec.backends import Backend, self_test
from mergec.catalog.sample import ALL, Sample
from mergec.diagnostics import Diagnostic
from mergec.execute.ancestors import ancestors_of
from mergec.execute.cuts import ExportCuts
from mergec.execute.findings import Findings, Outcome
from mergec.execute.fingerprint import fingerprint
from mergec.execute.ledger import Ledger
from mergec.execute.left_out import LeftOut
from mergec.execute.lineage import companion_files
from mergec.execute.measures import require_contracts
from mergec.execute.numbers import TensorNumbers
from mergec.execute.numbers_told import numbers_warnings
from mergec.execute.origin import Origin
from mergec.execute.parents import require_parents
from mergec.execute.place import Place, open_writer
from mergec.execute.work import Progress, Work
from mergec.frozen import frozen
from mergec.plan import Budget, Plan, plan_hash
from mergec.plan.model import PlanSource
from mergec.shards import CheckpointWriter, Files, SourceReader
from mergec.shards.fetch import absent_files, fetch

Secure = Callable[[Mapping[str, SourceReader]], None]


@frozen
class RunReport:
    """What a run did. Times are seconds of wall clock; `peak_memory` is the process's, in bytes.

    What the plan projected of these stands beside them; of time that is None where this machine
    was not calibrated.

    `numbers` counts, for each tensor with any, what is not finite and what became too small.
    `left_out` says what was not done although it is by default, `warnings` what the numbers of
    some tensors give reason to doubt, `cuts` how much operators left out of tensors, and `resumed`
    how many tensors the run before had made. `read_back` is the share of the weights that was,
    unless that was left out.
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
    numbers: tuple[TensorNumbers, ...] = ()
    cuts: tuple[ExportCuts, ...] = ()
    resumed: int = 0
    read_back: Sample = ALL


def run_plan(
    plan: Plan,
    target: Path,
    backend: Backend,
    budget: Budget,
    origin: Origin,
    progress: Progress = lambda _: None,
    left_out: Sequence[LeftOut] = (),
    secure: Secure = lambda _: None,
    *,
    resume: bool = False,
    replace: bool = False,
    read_back: Sample = ALL,
) -> RunReport:
    """Execute `plan` into the new folder `target`.

    `progress` gets bytes as they are fetched from a hub, if any are, and as they are written.
    With several exports each gets a folder of its own in `target`. Each of these can be left out:
    `digests`, the SHA-256 of every tensor, which lineage then lacks; `read_back`, by which all that
    was written is read from the disk again and compared before it is published (so it goes with
    them: ValueError); and `sync`, without which a power failure may take any part of the result
    away after this returned, and what is read back may be what the memory holds. Of the tensors of
    each export those in the sample `read_back` are read back.
    `secure` gets the readers of the sources, by label, when all files are there and none was read.

    All or nothing: on any error, and on KeyboardInterrupt, `target` does not exist. What was made
    is removed, but after a stop and a failure that may pass, if part of it is on the disk and was
    hashed: with `resume` another run of the same plan goes on with that. With `replace` an older
    result at `target` stays until this one takes its place in one step. Raises E605, E602,
    E723-E727, E801-E809, E812, E813, E815, E816, E821, E406, E425, E850-E852, E874.
    """
    if "digests" in left_out and ("read_back" not in left_out or resume):
        raise ValueError("what is read back or resumed is compared with digests")
    started = time.monotonic()
    self_test(backend)
    roots = source_roots(plan)
    layouts = {export.folder: export.layouts for export in plan.exports}
    with ExitStack() as stack:
        readers = {
            label: stack.enter_context(SourceReader(checkpoint))
            for label, checkpoint in plan.checkpoints.items()
        }
        files = Files(durable="sync" not in left_out)
        place = Place(target, layouts, roots, companion_bytes(plan), replace)
        identity = plan_hash(plan)
        header = None if "digests" in left_out else fingerprint(plan, identity, origin)
        writer = stack.enter_context(open_writer(place, header, files, resume=resume))
        fetch(absent_files(plan), progress)
        secure(readers)
        require_parents(plan, readers, backend)
        findings = Findings.of(plan)
        ledger = Ledger(plan, writer, findings)
        Work(plan, backend, budget, readers, writer, progress, findings, ledger).run()
        measured = findings.measurements.values()
        require_contracts(plan, measured)
        writer.finish_all()
        for reader in readers.values():
            reader.unchanged()
        counted = findings.numbers.found([export.folder for export in plan.exports])
        outcome = Outcome(
            identity,
            measured,
            ancestors_of(plan),
            counted,
            findings.doubts.cuts(plan),
            tuple(left_out),
            read_back,
        )
        _add_companions(plan, writer, origin, outcome)
        if "read_back" not in left_out:
            writer.read_back(budget.threads, read_back)
        peak = peak_memory()  # nothing may fail any more once it is published
        writer.publish()
    return RunReport(
        target,
        len(plan.rows),
        plan.bytes_read,
        plan.bytes_written,
        time.monotonic() - started,
        peak,
        budget.peak,
        outcome.left_out,
        (
            *ledger.warnings(),
            *findings.doubts.warnings(),
            *numbers_warnings(plan.policy, counted),
            *outcome.ancestors.warnings(),
        ),
        numbers=counted,
        cuts=outcome.cuts,
        resumed=ledger.taken_over,
        read_back=read_back,
    )


def peak_memory() -> int:
    """The largest resident size of this process so far, in bytes."""
    # Not getrusage: its figure is inherited from the process that started this one.
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM:"))


def _add_companions(plan: Plan, writer: CheckpointWriter, origin: Origin, outcome: Outcome) -> None:
    for export in plan.exports:
        digests = writer.digests(export.folder)
        for name, data in companion_files(plan, export, digests, origin, outcome):
            writer.add_file(name, data, export.folder)


def companion_bytes(plan: Plan) -> int:
    """About how many bytes stand beside the weights; lineage has a line of digest a tensor."""
    size = 0
    for export in plan.exports:
        size += sum(small.size for small in export.files) + len(export.config or b"")
        size += sum(len(made.data) for made in export.made)
        size += sum(100 + len(row.tensor) for row in export.rows) + (64 << 10)
    return size


def source_roots(plan: Plan) -> list[Path]:
    """What the output of a plan must not touch, for each source."""
    return [_root(source) for source in plan.sources]


def _root(source: PlanSource) -> Path:
    """What the output must not touch: a source's folder, or its file where it is a file alone."""
    root, name = source.checkpoint.root, Path(source.decl.ref).name
    if source.checkpoint.hub is not None or source.checkpoint.stored is not None:
        return root
    return root if root.name == name else root / name
