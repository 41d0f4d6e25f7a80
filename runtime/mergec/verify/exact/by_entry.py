"""What is chosen or weighed at each entry by itself."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from mergec.ir import Value, part_statistics
from mergec.verify.exact.meaning import (
    ONE,
    Applied,
    NotStatedError,
    Vector,
    columns,
    means,
    square_root,
)

ZERO = Fraction(0)


@means("median")
def median(at: Applied) -> Vector:
    """The middle value, or between the two in the middle."""
    found: list[Fraction] = []
    for column in columns(at.operands):
        ordered = sorted(column)
        lower, upper = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
        middle = {"mean": (lower + upper) / 2, "lower": lower, "upper": upper}
        found.append(middle[str(at["even"])])
    return tuple(found)


@means("nearswap")
def nearswap(at: Applied) -> Vector:
    """The first operand, moved by no more than the limit."""
    a, x = at.operands
    limit = at.number("limit")
    return tuple(p + min(max(q - p, -limit), limit) for p, q in zip(a, x, strict=True))


def _values_only(at: Applied) -> Sequence[Fraction]:
    values, statistics = part_statistics(at.operands, at.params)
    return [*[ONE] * len(values), *[ZERO] * len(statistics)]


def _by_their_norms(tensors: Sequence[Applied]) -> Sequence[Applied]:
    """Each operand's weight is divided by the norm of its information in all tensors."""
    values, _ = part_statistics(tensors[0].operands, tensors[0].params)
    weights = tensors[0].numbers("weights", len(values))
    for i, weight in enumerate(weights):
        if weight:
            known = (part_statistics(at.operands, at.params)[1][i] for at in tensors)
            norm = square_root(sum((f * f for every in known for f in every), ZERO))
            if not norm:
                raise NotStatedError("fisher of an operand without information")
            weights[i] = weight / norm
    settled: dict[str, Value] = {"normalize": "none", "weights": tuple(weights)}
    return [replace(at, params={**at.params, **settled}) for at in tensors]


@means("fisher", reach=_values_only, over_all=_by_their_norms)
def fisher(at: Applied) -> Vector:
    """The mean weighed by Fisher information."""
    if at.params.get("normalize", "none") != "none":
        raise NotStatedError("fisher with norms of the whole model")
    values, fishers = part_statistics(at.operands, at.params)
    weights, floor = at.numbers("weights", len(values)), at.number("floor")
    found: list[Fraction] = []
    for column, information in zip(columns(values), columns(fishers), strict=True):
        floored = [
            max(f, floor) if i == 0 or at["floor_on"] == "all" else f
            for i, f in enumerate(information)
        ]
        parts = [w * f for w, f in zip(weights, floored, strict=True)]
        total = sum((c * x for c, x in zip(parts, column, strict=True)), ZERO)
        found.append(total / sum(parts))
    return tuple(found)
