"""Task vectors that compete for each entry by scores (PCB): float64, by the formula of the page."""

import math
from collections.abc import Sequence
from fractions import Fraction

from mergec.verify.exact.meaning import (
    ONE,
    Applied,
    NotStatedError,
    Vector,
    as_one_vector,
    columns,
    combine,
    means,
    sign,
)

ZERO = Fraction(0)


def _scaled(at: Applied) -> Sequence[Fraction]:
    bases = [ONE] if at.has_base else []
    return [*bases, *[abs(at.number("scale"))] * len(at.deltas)]


@means("pcb", reach=_scaled, rounds=True, over_all=as_one_vector)
def pcb(at: Applied) -> Vector:
    """The average by scores, where somebody scores."""
    if at["scope"] != "tensor":
        raise NotStatedError("pcb over the whole model")
    sums = tuple(sum(column, ZERO) for column in columns(at.deltas))
    ends = [_ends(at, x) for x in at.deltas]
    sizes = [
        tuple(min(max(abs(value), low), high) for value in x)
        for x, (low, high) in zip(at.deltas, ends, strict=True)
    ]
    agreements = [
        [math.tanh(float(value * total)) for value, total in zip(x, sums, strict=True)]
        for x in at.deltas
    ]
    scores = [_scores(at, *each) for each in zip(sizes, ends, agreements, strict=True)]
    found: list[Fraction] = []
    for j, column in enumerate(columns(at.deltas)):
        clamped = (sign(value) * size[j] for value, size in zip(column, sizes, strict=True))
        score = [each[j] for each in scores]
        parts = (s * value for s, value in zip(score, clamped, strict=True))
        found.append(sum(parts, ZERO) / (sum(score, ZERO) or ONE))
    return at.on_base(combine([at.number("scale")], [tuple(found)]))


def _ends(at: Applied, x: Vector) -> tuple[Fraction, Fraction]:
    """The order statistics from either end that magnitudes beyond them are clamped to."""
    if not x:
        return ZERO, ZERO
    ordered, outside = sorted(map(abs, x)), math.floor(at.number("clip") * len(x))
    return ordered[outside], ordered[max(len(x) - 1 - outside, outside)]


def _scores(
    at: Applied, sizes: Vector, ends: tuple[Fraction, Fraction], agreements: Sequence[float]
) -> Vector:
    """From 0 at the quantile of the balances to 1 at the largest."""
    low, high = ends
    if low == high:
        return (ONE,) * len(sizes)
    balances = [
        math.exp(len(at.deltas) * float((size - low) / (high - low)) ** 2) * agreement
        for size, agreement in zip(sizes, agreements, strict=True)
    ]
    least = sorted(balances)[math.floor((1 - at.number("ratio")) * len(sizes))]
    most = max(balances)
    if least == most:
        return tuple(Fraction(each == most) for each in balances)
    return tuple(Fraction((max(each, least) - least) / (most - least)) for each in balances)
