"""What a failed comparison tells: tensor, element, both values, the spec's line, how to replay."""

from mergec.diagnostics import Diagnostic, MergecError, Span
from mergec.diagnostics.printable import escape
from mergec.frozen import frozen
from mergec.plan import Plan, Row
from mergec.verify.trial.compare import Difference
from mergec.verify.trial.report import Report

_ORACLES = {
    "reference": "the reference backend computes it from whole tensors, stage by stage",
    "exact": "exact rationals give that for the spec as it is written",
}


@frozen
class Case:
    """One comparison: what the checkpoints were filled with, and the backend that merged them."""

    report: Report
    plan: Plan
    kind: str
    backend: str

    @property
    def replay(self) -> str:
        """The command that makes this comparison again."""
        return self.report.replay(self.backend)


def difference_found(
    case: Case, row: Row, output: tuple[str, str], difference: Difference, against: str
) -> Diagnostic:
    """E903 for a tensor that is not what an oracle says."""
    export, tensor = output
    of = f" of `{escape(export)}`" if len(case.plan.exports) > 1 else ""
    more = difference.count - 1
    beside = f" and {more} more element{'s' * (more != 1)} of it" if more else ""
    return Diagnostic(
        "E903",
        f"element {difference.element} of `{escape(tensor)}`{of} is {difference.found!r} on "
        f"`{case.backend}`, and should be {difference.wanted!r}",
        _span(row),
        "what is computed here differs",
        notes=(
            f"{_ORACLES[against]}{beside and f'; {beside[5:]} differ too'}",
            f"computed as {_formula(row)} from numbers of the kind `{case.kind}`",
            f"replay: {case.replay}",
        ),
        help=("report this: a plan that computes something else than its spec is a bug in mergec",),
    )


def refusal_found(case: Case, error: MergecError) -> Diagnostic:
    """E903 for a run that stops where the reference has a result."""
    first = error.diagnostics[0]
    return Diagnostic(
        "E903",
        f"the run on `{case.backend}` stops, and the reference has a result",
        first.span,
        notes=(
            f"it stops with {first.code}: {first.message}",
            f"the sources held numbers of the kind `{case.kind}`",
            f"replay: {case.replay}",
        ),
        help=("report this: a plan that computes something else than its spec is a bug in mergec",),
    )


def _span(row: Row) -> Span | None:
    return row.place.result if row.place else None


def _formula(row: Row) -> str:
    stages = ", ".join(dict.fromkeys(call.stage for call in row.program.calls))
    return stages or "a cast"
