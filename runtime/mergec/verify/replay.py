"""Recompute a finished checkpoint from its lineage with the reference backend, bit for bit."""

import hashlib
import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from mergec.backends import Backend, get_backend, self_test
from mergec.catalog import TensorName
from mergec.diagnostics import Diagnostic, MergecError, fail
from mergec.diagnostics.printable import escape
from mergec.execute import compute_step
from mergec.plan import DEFAULT_MEMORY, Budget, Plan, Row, compile_bundle, fit_budget, plan_hash
from mergec.plan.model import PlannedExport
from mergec.plan.steps import Output, row_step
from mergec.shards import SourceReader
from mergec.verify.integrity import Result, check_integrity, open_result
from mergec.verify.verdict import State, Verdict

_SAMPLE = re.compile(r"sample=([1-9][0-9]{0,5})/([1-9][0-9]{0,5})")
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Sample:
    """Every `parts`-th tensor, beginning with the `part`-th (from 1); `1/1` is all of them."""

    part: int
    parts: int

    def rows(self, export: PlannedExport) -> tuple[Row, ...]:
        """The rows of the sample, in the plan's order."""
        return export.rows[self.part - 1 :: self.parts]


def parse_sample(text: str) -> Sample | None:
    """`full` or `sample=n/t` with 1 <= n <= t; None for anything else."""
    if text == "full":
        return Sample(1, 1)
    found = _SAMPLE.fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        return None
    return Sample(int(found[1]), int(found[2]))


def verify(
    target: Path,
    sample: Sample | None = None,
    root: Path | None = None,
    progress: Progress = lambda _: None,
) -> Verdict:
    """The verdict on a finished checkpoint: its digests, and with `sample` a replay.

    `root` is the folder that the spec's references start at; by default where it was when the
    checkpoint was made, relative to it. Raises E811.
    """
    try:
        result = open_result(target)
    except MergecError as error:
        if error.diagnostics[0].code != "E812":
            raise
        return Verdict(State.FAILED, 0, 0, error.diagnostics)
    findings = check_integrity(result)
    checked = len(result.digests())
    if findings or sample is None:
        state = State.FAILED if findings else State.VERIFIED
        return Verdict(state, checked, 0, findings)
    try:
        plan, export = _plan_again(result, root or target / result.lineage["root"])
    except MergecError as error:
        return Verdict(State.INCONCLUSIVE, checked, 0, error.diagnostics)
    if result.lineage["backend"]["device"] != "cpu":
        return Verdict(State.INCONCLUSIVE, checked, 0, (_accelerator(),))
    rows = sample.rows(export)
    if not rows:
        return Verdict(State.INCONCLUSIVE, checked, 0, (_nothing_sampled(export),))
    try:
        findings = _replay(plan, rows, result.digests(), progress)
    except MergecError as error:  # a source that changed under the replay, or can no longer be read
        return Verdict(State.INCONCLUSIVE, checked, 0, error.diagnostics)
    state = State.FAILED if findings else State.VERIFIED
    return Verdict(state, checked, len(rows), findings)


def _plan_again(result: Result, root: Path) -> tuple[Plan, PlannedExport]:
    """The plan that the lineage's spec leads to now, and the export that this checkpoint is."""
    plan = compile_bundle(result.bundle(root)).plan
    if plan_hash(plan) != result.lineage["plan"]:
        raise fail(
            "E810",
            "the sources, or the meaning of an operator, changed since this checkpoint was made",
            notes=("the plan made now has another hash than the one in the lineage",),
            help="name the folder with the original sources by `--root`",
        )
    name = result.lineage["export"]["name"]
    for export in plan.exports:
        if export.decl.name == name:
            return plan, export
    raise fail(
        "E812",
        f"the lineage names the export `{escape(name)}`, and its spec has none of that name",
        help="run the spec again; do not use this checkpoint",
    )


def _replay(
    plan: Plan, rows: tuple[Row, ...], recorded: Mapping[TensorName, str], progress: Progress
) -> tuple[Diagnostic, ...]:
    """E812 for every row whose recomputed bytes have another digest."""
    backend = get_backend("reference")
    self_test(backend)
    budget = fit_budget(plan, DEFAULT_MEMORY, 1, "reference")
    findings: list[Diagnostic] = []
    with ExitStack() as stack:
        readers = {
            label: stack.enter_context(SourceReader(checkpoint))
            for label, checkpoint in plan.checkpoints.items()
        }
        for row in rows:
            digest = _digest(row, readers, backend, budget)
            if digest != recorded.get(TensorName(row.tensor)):
                message = f"tensor `{escape(row.tensor)}` is not what its sources merge to"
                findings.append(
                    Diagnostic("E812", message, None, help=("run the spec again and compare",))
                )
            progress(row.nbytes)
    return tuple(findings)


def _digest(row: Row, readers: Mapping[str, SourceReader], backend: Backend, budget: Budget) -> str:
    """Computed by the row's own program, alone: a second way to what the run computed together."""
    digest = hashlib.sha256()

    def emit(_output: Output, _offset: int, data: memoryview) -> None:
        digest.update(data)

    compute_step(row_step(row), readers, backend, budget, emit)
    return digest.hexdigest()


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
