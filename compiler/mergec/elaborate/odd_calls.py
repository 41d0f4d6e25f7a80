"""Calls that are legal and seldom meant."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.diagnostics import Diagnostic, Label
from mergec.elaborate.parameters import Report
from mergec.elaborate.values import Weights
from mergec.elaborate.wording import quoted, shown
from mergec.ir import GraphBuilder, NodeKey, Value, is_scheduled
from mergec.ops import Operator, number, numbers
from mergec.plugin.registry import find_plugin
from mergec.syntax.nodes import Call, Expr, Number

# Two skills may be added whole; from three deltas on a sum above this is far from all parents. So
# are two, or one, where their weights come to more than the last.
_MANY, _LARGE, _HUGE = 3, 2, 4
# The least share kept at random whose rest is not mostly noise: variances of 19 times the square.
_FEW = Fraction(1, 20)


def warn_of_call(
    operator: Operator,
    call: Call,
    operands: Sequence[tuple[Expr, Weights]],
    params: Mapping[str, Value],
    report: Report,
) -> None:
    """W204 (one operand twice), W205 (a position at an end point), W206 (a large sum), W303.

    And W209 (few entries kept at random), W210 (an average with a negative weight).
    """
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
    if operator.masked and not find_plugin(operator.name):
        _warn_of_few(operator, call, params, report)
    weights = params.get("weights")
    if operator.name != "linear" or weights is None or is_scheduled(weights):
        return
    found = numbers(weights, len(operands))
    if params["normalize"] is False and all(value.mass == 0 for _, value in operands):
        total, size = sum(found, Fraction(0)), sum(map(abs, found), Fraction(0))
        warn_of_large_sum(call, len(operands), total, size, report)
    elif params["normalize"] or sum(found) == 1:
        _warn_of_subtracted(call, operands, found, report)


def _warn_of_few(
    operator: Operator, call: Call, params: Mapping[str, Value], report: Report
) -> None:
    """W209 where entries are divided by a density so small that little but noise is left."""
    density = params["density"]
    if is_scheduled(density) or number(density) >= _FEW or params["rescale"] == "none":
        return
    if params.get("q") is not None:
        return  # then the density is not what is divided by
    given = next((keyword for keyword in call.keywords if keyword.name == "density"), None)
    share = number(density)
    message = f"`{operator.name}` keeps only the share {shown(share)} of the entries, at random"
    noise = (
        f"an entry that is kept so seldom, and divided by that share, has a variance of "
        f"1/{shown(share)} - 1 = {_rounded(1 / share - 1)} times its square"
    )
    hint = "keep a share of 0.05 or more, or keep the largest entries by `trim`"
    at = given.value.span if given is not None else call.span
    report(Diagnostic("W209", message, at, notes=(noise,), help=(hint,)))


def _rounded(value: Fraction) -> str:
    return shown(Fraction(round(value))) if value >= 10 else shown(round(value, 1))


def _warn_of_subtracted(
    call: Call,
    operands: Sequence[tuple[Expr, Weights]],
    weights: Sequence[Fraction],
    report: Report,
) -> None:
    """W210 for an average that some operands are taken away from."""
    total = sum(weights, Fraction(0))
    pairs = zip(operands, weights, strict=True)
    negative = [(expr, weight) for (expr, _), weight in pairs if weight / total < 0]
    if not negative:
        return
    expr, weight = negative[0]
    message = f"`{quoted(expr.span)}` has the weight {shown(weight)}, so it is taken away"
    size = sum(map(abs, weights), Fraction(0)) / abs(total)
    notes = ["an average lies between its operands only if all weights have one sign"]
    if size > _HUGE:
        notes.append(f"these weights are {_rounded(size)} times as large as their sum")
    hint = "to take a skill away subtract its task vector, as in `base - 0.5*(code - base)`"
    keyword = next((each for each in call.keywords if each.name == "weights"), None)
    at = keyword.value.span if keyword is not None else call.span
    report(Diagnostic("W210", message, at, notes=tuple(notes), help=(hint,)))


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
    """W206 for a model that is a sum of models with weights far above 1."""
    terms: dict[NodeKey, Fraction] = {}
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
    if value.mass != 1:
        return
    # What it starts from has the weight that is left over.
    deltas = {key: part for key, part in terms.items() if key not in value.points}
    above = sum((part for part in deltas.values() if part > 0), Fraction(0))
    below = sum((-part for part in deltas.values() if part < 0), Fraction(0))
    if len(deltas) < len(terms) and all(builder[key].type.mass == 0 for key in deltas):
        count = sum(part > 0 for part in deltas.values())
        warn_of_large_sum(written, count, above, above + below, report)
    elif any(part < 0 for part in terms.values()):
        added = [part for part in terms.values() if part > 0]
        size = above if len(deltas) == len(terms) else max(above, below)
        warn_of_large_sum(written, len(added), sum(added, Fraction(0)), size, report)


# Every binding is looked at, and sums of bindings may share most of their terms.
_MOST_TERMS = 64


def warn_of_large_sum(
    written: Expr, count: int, total: Fraction, size: Fraction, report: Report
) -> None:
    """W206 for `count` deltas whose weights sum to `total`, and without their signs to `size`."""
    many = count >= _MANY and total > _LARGE
    if not many and size <= _HUGE:
        return
    message = f"the weights of these {count} deltas sum to {shown(total)}"
    if not many:
        message = f"the deltas here have weights of {shown(size)} in all"
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
