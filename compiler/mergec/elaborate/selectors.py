"""Selectors as written to selectors as data: roles known, ranges whole and not empty."""

from collections.abc import Callable
from fractions import Fraction

from mergec.catalog.architecture import ROLES
from mergec.diagnostics import Diagnostic
from mergec.diagnostics.suggest import nearest
from mergec.elaborate.parameters import Evaluate, Report
from mergec.elaborate.values import Poison
from mergec.elaborate.wording import describe, quoted
from mergec.ir import TensorSelector
from mergec.ir.selector import AllOf, AnyOf, HasRole, InLayers, NameLike, NotThose
from mergec.syntax.nodes import Both, Either, Expr, Glob, Layers, Range, Role, Selector, Without

Bounds = tuple[int | None, int | None]


def read_selector(written: Selector, evaluate: Evaluate, report: Report) -> TensorSelector | None:
    """The selector; None after reporting E218, E217 or E206."""

    def pair(
        kind: Callable[[TensorSelector, TensorSelector], TensorSelector], both: Both | Either
    ) -> TensorSelector | None:
        left = read_selector(both.left, evaluate, report)
        right = read_selector(both.right, evaluate, report)
        return None if left is None or right is None else kind(left, right)

    match written:
        case Role():
            return _role(written, report)
        case Glob():
            return NameLike(written.pattern)
        case Layers():
            bounds = read_range(written.range, evaluate, report)
            return None if bounds is None else InLayers(*bounds)
        case Without():
            inner = read_selector(written.inner, evaluate, report)
            return None if inner is None else NotThose(inner)
        case Both():
            return pair(AllOf, written)
        case Either():
            return pair(AnyOf, written)


def read_range(written: Range, evaluate: Evaluate, report: Report) -> Bounds | None:
    """The bounds of a layer range, None for an open end; None after reporting E217 or E206."""
    bounds: list[int | None] = []
    for bound in (written.lo, written.hi):
        value = None if bound is None else _bound(bound, evaluate, report)
        if isinstance(value, Poison):
            return None
        bounds.append(value)
    low, high = bounds
    if high is None or (low or 0) < high:
        return low, high
    if (low or 0) > high:
        message = f"the range `{quoted(written.span)}` is reversed"
        hint = f"write `{high}..{low}`"
    else:
        message = f"the range `{quoted(written.span)}` holds no layer"
        hint = f"a range ends before its second number: for one layer write `{high}..{high + 1}`"
    report(Diagnostic("E217", message, written.span, help=(hint,)))
    return None


def _bound(written: Expr, evaluate: Evaluate, report: Report) -> int | Poison:
    value = evaluate(written)
    if isinstance(value, Poison):
        return value
    if isinstance(value, Fraction) and value.denominator == 1 and value >= 0:
        return int(value)
    said = describe(value)
    message = f"a layer range needs whole numbers from 0 on, and this is {said}"
    hint = "write a range such as `0..24`, `24..` or `..8`"
    report(Diagnostic("E217", message, written.span, help=(hint,)))
    return Poison()


def _role(written: Role, report: Report) -> TensorSelector | None:
    if written.name in ROLES:
        return HasRole(written.name)
    near = nearest(written.name, ROLES)
    hint = f"did you mean `{near}`?" if near else f"the roles are {', '.join(ROLES)}"
    if near is None:
        hint += f'; for tensors by their name write a pattern, as in `"*{written.name}*"`'
    report(Diagnostic("E218", f"there is no role `{written.name}`", written.span, help=(hint,)))
    return None
