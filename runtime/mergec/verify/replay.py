"""Recompute a finished checkpoint from its lineage with the reference backend.

Bit for bit, but where the class of a tensor promises less for the backend that made it.
"""

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mergec.backends import get_backend, self_test
from mergec.catalog import TensorEntry, TensorName
from mergec.catalog.sample import Sample
from mergec.diagnostics import Diagnostic, MergecError, SourceText, fail
from mergec.diagnostics.printable import escape
from mergec.elaborate import Bundle, Setting
from mergec.execute import compute_step
from mergec.execute.numbers import Numbers
from mergec.execute.work import settle_alone
from mergec.plan import DEFAULT_MEMORY, Plan, Row, compile_bundle, fit_budget, plan_hash
from mergec.plan.barriers import needed
from mergec.plan.encode import pinned_commits
from mergec.plan.model import PlannedExport
from mergec.plan.steps import Output, row_step
from mergec.plugin.registry import require_plugins
from mergec.shards import SourceReader
from mergec.shards.fetch import absent_files, fetch
from mergec.verify.evaluate import StoredTensor
from mergec.verify.find_root import find_root
from mergec.verify.integrity import Result
from mergec.verify.trial.compare import differs
from mergec.verify.verdict import State, Verdict

Progress = Callable[[int], None]


def replay(
    target: Path,
    result: Result,
    sample: Sample,
    root: Path | None,
    progress: Progress = lambda _: None,
) -> Verdict:
    """The verdict on a finished checkpoint whose digests are right, by computing it again."""
    checked = result.hashed
    try:
        plan, export = _plan_again(result, root or _root(target, result))
    except MergecError as error:
        return Verdict(State.INCONCLUSIVE, checked, 0, error.diagnostics)
    if result.lineage.run["backend"]["device"] != "cpu":
        return Verdict(State.INCONCLUSIVE, checked, 0, (_accelerator(),))
    chosen = sample.of(row.tensor for row in export.rows)
    rows = tuple(row for row in export.rows if row.tensor in chosen)
    if not rows:
        return Verdict(State.INCONCLUSIVE, checked, 0, (_nothing_sampled(export),))
    try:
        findings = _replay(plan, rows, result, progress)
    except MergecError as error:  # a source that changed under the replay, or can no longer be read
        return Verdict(State.INCONCLUSIVE, checked, 0, error.diagnostics)
    state = State.FAILED if findings else State.VERIFIED
    return Verdict(state, checked, len(rows), findings)


def _root(target: Path, result: Result) -> Path:
    return find_root(target, [source.ref for source in result.lineage.sources])


def _plan_again(result: Result, root: Path) -> tuple[Plan, PlannedExport]:
    """The plan that the lineage's spec leads to now, and the export that this checkpoint is."""
    require_plugins(result.lineage.inner.get("plugins"), "this checkpoint")
    plan = compile_bundle(_bundle(result, root)).plan
    if plan_hash(plan) != result.lineage.plan:
        raise fail(
            "E810",
            "the sources, or the meaning of an operator, changed since this checkpoint was made",
            notes=("the plan made now has another hash than the one in the lineage",),
            help="name the folder with the original sources by `--root`",
        )
    name = result.lineage.export["name"]
    for export in plan.exports:
        if export.decl.name == name:
            return plan, export
    raise fail(
        "E812",
        f"the lineage names the export `{escape(name)}`, and its spec has none of that name",
        help="run the spec again; do not use this checkpoint",
    )


def _bundle(result: Result, root: Path) -> Bundle:
    """What was compiled, to be compiled again with sources below `root`."""
    spec = result.lineage.spec
    given = {name: Setting(text) for name, text in spec.get("set", {}).items()}
    source = SourceText(spec["name"], spec["text"])
    without = tuple(spec.get("without", ()))
    pins = pinned_commits(result.lineage.tables)
    return Bundle(source, root, given, spec.get("imports", {}), without, pins)


def _replay(
    plan: Plan, rows: tuple[Row, ...], result: Result, progress: Progress
) -> tuple[Diagnostic, ...]:
    """E812 for every row that does not come out as it was written."""
    backend = get_backend("reference")
    self_test(backend)
    budget = fit_budget(plan, DEFAULT_MEMORY, 1, "reference")
    findings: list[Diagnostic] = []
    fetch(absent_files(plan))
    with ExitStack() as stack:
        readers = {
            label: stack.enter_context(SourceReader(checkpoint))
            for label, checkpoint in plan.checkpoints.items()
        }
        numbers = Numbers(plan.policy)
        before = needed(plan.barriers, [row.program for row in rows])
        settled = settle_alone(before, readers, backend, budget, numbers)
        for row in rows:
            with _Written.open(row, result) as written:
                # By the row's own program, alone: a second way to what the run computed together.
                step = row_step(row)
                compute_step(
                    step, readers, backend, budget, written.compare, settled=settled,
                    numbers=numbers,
                )  # fmt: skip
            if not written.agrees:
                message = f"tensor `{escape(row.tensor)}` is not what its sources merge to"
                findings.append(
                    Diagnostic("E812", message, None, help=("run the spec again and compare",))
                )
            progress(row.nbytes)
    return tuple(findings)


@dataclass(slots=True)
class _Written:
    """A tensor in the file of the result, and whether what was compared with it agrees so far.

    `made_by` is the backend of the run: its classes say what it promised.
    """

    row: Row
    entry: TensorEntry
    file: BinaryIO
    made_by: str
    agrees: bool = True

    @classmethod
    @contextmanager
    def open(cls, row: Row, result: Result) -> "Generator[_Written]":
        """The tensor that `row` led to; its digest was found to be the recorded one."""
        entry = result.checkpoint.tensors[TensorName(row.tensor)]
        made_by = str(result.lineage.run["backend"]["name"])
        with (result.root / entry.file).open("rb") as file:
            alike = (entry.dtype, entry.shape) == (row.dtype, row.shape)
            yield cls(row, entry, file, made_by, alike)

    def compare(self, _: Output, offset: int, data: memoryview) -> None:
        """Compare a piece that was computed again."""
        self.file.seek(self.entry.start + offset)
        here, there = bytes(data), self.file.read(data.nbytes)
        if self.agrees and there != here:
            shape = (len(here) * 8 // self.row.dtype.bits,)
            found = StoredTensor(self.row.dtype, shape, there)
            wanted = StoredTensor(self.row.dtype, shape, here)
            gap = differs(found, wanted, self.row.exactness, self.row.work, self.made_by)
            self.agrees = self.row.action == "merge" and gap is None


def _nothing_sampled(export: PlannedExport) -> Diagnostic:
    return Diagnostic(
        "E812",
        f"the sample holds none of the {len(export.rows)} tensors, so nothing was recomputed",
        None,
        help=("ask for a larger share, such as `--replay sample=1/10`",),
    )


def _accelerator() -> Diagnostic:
    return Diagnostic(
        "E812",
        "this checkpoint was computed on an accelerator, whose results are exact to a tolerance",
        None,
        help=("run the spec with `--backend reference` for a result that replays bit for bit",),
    )
