"""Random masks that are equal by accident: two operands that lose the same entries."""

from collections.abc import Sequence

from mergec.diagnostics import Diagnostic, Label
from mergec.elaborate.parameters import Report
from mergec.elaborate.values import Weights
from mergec.elaborate.wording import quoted
from mergec.syntax.nodes import Expr


def warn_of_equal_masks(operands: Sequence[tuple[Expr, Weights]], report: Report) -> None:
    """W302 where masks of one key, but of two stages, meet in one sum or call.

    A stage that two operands share is one mask by intention.
    """
    known: dict[tuple[str, str, str], tuple[str, Expr]] = {}
    for expr, value in operands:
        for mask in sorted(value.masks):
            stage, first = known.setdefault(mask.drawn_from, (mask.stage, expr))
            if stage != mask.stage and first is not expr:
                seed, _, label = mask.drawn_from
                _report(expr, first, seed, label, report)
                break


def _report(expr: Expr, first: Expr, seed: str, label: str, report: Report) -> None:
    names = ", ".join(f"`{name}`" for name in label.split("\x1f"))
    report(
        Diagnostic(
            "W302",
            f"the mask of `{quoted(expr.span)}` is drawn as that of `{quoted(first.span)}` is",
            expr.span,
            "drops the same entries",
            labels=(Label(first.span, "as this does"),),
            notes=(f"a mask follows from seed and sources, here seed {seed} and {names}",),
            help=('to make them independent add `stream="b"` to one of the two',),
        )
    )
