"""Calls that are legal and seldom meant."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.diagnostics import Diagnostic, Label
from mergec.elaborate.parameters import Report
from mergec.elaborate.values import Weights
from mergec.elaborate.wording import quoted, shown
from mergec.ir import GraphBuilder, Value, is_scheduled
from mergec.ops import Operator, number, numbers
from mergec.plugin.registry import find_plugin
from mergec.syntax.nodes import Call, Expr, Number

# Two skills may be added whole; from three deltas on a sum above this is far from all parents.
_MANY, _LARGE = 3, 2


def warn_of_call(
    operator: Operator,
    call: Call,
    operands: Sequence[tuple[Expr, Weights]],
    params: Mapping[str, Value],
    report: Report,
) -> None:
    """W204 (one operand twice), W205 (a position at an end point), W206 (a large sum), W303."""
    _warn_of_repeated(operator, operands, report)
    # What a plugin calls `t` may be anything.
    named = () if find_plugin(operator.name) else call.keywords
    position = next((keyword for keyword in named if keyword.name == "t"), None)
    if position is not None and isinstance(position.value, Number) and params["t"] in (0, 1):
        end = "first" if params["t"] == 0 else "second"
        message = f"at `t={shown(number(params['t']))}` the result is the {end} operand"
        hint = "write a position between 0 and 1, or the operand by itself"
        report(Diagnostic("W205", message, position.span, "an end point", help=(hint,)))
    if operator.name == "breadcrumbs":
        _warn_of_no_room(call, params, report)
    weights = params.get("weights")
    if params.get("normalize") is False and weights is not None and not is_scheduled(weights):
        total = sum(numbers(weights, len(operands)), Fraction(0))
        if all(value.mass == 0 for _, value in operands):
            warn_of_large_sum(call, len(operands), total, report)


def _warn_of_no_room(call: Call, params: Mapping[str, Value], report: Report) -> None:
    """W303 for outliers that cannot all be dropped; not where everything is kept by a default."""
    gamma = next((keyword for keyword in call.keywords if keyword.name == "gamma"), None)
    if any(is_scheduled(params[name]) for name in ("density", "gamma")):
        return
    density, share = number(params["density"]), number(params["gamma"])
    if density + share <= 1 or (gamma is None and density == 1):
        return
    message = f"`gamma` and `density` add up to {shown(density + share)}, which is more than 1"
    at = gamma.value.span if gamma is not None else call.span
    notes = (f"only the share {shown(1 - density)} of the entries is dropped as outliers",)
    hint = f"write `gamma={shown(1 - density)}`, or a smaller `density`"
    report(Diagnostic("W303", message, at, notes=notes, help=(hint,)))


def warn_of_sum(written: Expr, value: Weights, builder: GraphBuilder, report: Report) -> None:
    """W206 for a model that is a sum of three models or more, with weights far above 1."""
    terms: dict[str, Fraction] = {}
    waiting = [(value.key, Fraction(1))]
    for _ in range(_MOST_TERMS):
        if not waiting:
            break
        key, factor = waiting.pop()
        node = builder[key]
        parts = node.param("coefficients") if node.op == "affine" else None
        if not isinstance(parts, tuple) or is_scheduled(parts):
            terms[key] = terms.get(key, Fraction(0)) + factor
            continue
        waiting += [
            (operand, factor * number(part))
            for operand, part in zip(node.operands, parts, strict=True)
        ]
    if waiting:
        return  # too long a sum to say something sensible about
    added = [part for part in terms.values() if part > 0]
    if value.mass == 1 and any(part < 0 for part in terms.values()):
        warn_of_large_sum(written, len(added), sum(added, Fraction(0)), report)


# Every binding is looked at, and sums of bindings may share most of their terms.
_MOST_TERMS = 64


def warn_of_large_sum(written: Expr, count: int, total: Fraction, report: Report) -> None:
    """W206 for `count` deltas whose weights sum to `total`, if that is far above 1."""
    if count < _MANY or total <= _LARGE:
        return
    message = f"the weights of these {count} deltas sum to {shown(total)}"
    notes = ("where task vectors agree they add up, and the result lies beyond all parents",)
    hint = "give smaller weights, or write `ties` or `linear` for an average"
    report(Diagnostic("W206", message, written.span, notes=notes, help=(hint,)))


def _warn_of_repeated(
    operator: Operator, operands: Sequence[tuple[Expr, Weights]], report: Report
) -> None:
    known: dict[str, Expr] = {}
    for expr, value in operands:
        first = known.setdefault(value.key, expr)
        if first is not expr:
            message = f"`{quoted(expr.span)}` is given twice to `{operator.name}`"
            labels = (Label(first.span, "given first here"),)
            hint = "remove one, or say with a weight how much it counts"
            if operator.parameter("weights") is None:
                hint = "remove one, or write the model that was meant"
            report(Diagnostic("W204", message, expr.span, "again", labels, help=(hint,)))
