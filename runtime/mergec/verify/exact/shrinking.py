"""The mean of task vectors, shrunk by how far they disagree: cosines pass through float64."""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

from mergec.verify.exact.meaning import ONE, Applied, Vector, combine, means

ZERO = Fraction(0)


def _reach(at: Applied) -> Sequence[Fraction]:
    """No ratio between 0 and 1 reaches further than the mean."""
    largest = max(map(abs, _ratios(at)), default=ONE)
    bases = [ONE] if at.has_base else []
    return [*bases, *[max(ONE, largest / len(at.deltas))] * len(at.deltas)]


@means("model_stock", reach=_reach, rounds=True)
def model_stock(at: Applied) -> Vector:
    """The mean delta, each vector with one ratio shrunk by how far the deltas disagree in it."""
    n, vectors = len(at.deltas), [*zip(*map(at.rows, at.deltas), strict=True)]
    if at["scope"] == "tensor":
        vectors = [tuple(at.deltas)]
    found: list[Fraction] = []
    for t, parts in zip(_ratios(at), vectors, strict=True):
        found += combine([t / n] * n, parts)
    return at.on_base(tuple(found))


def _ratios(at: Applied) -> list[Fraction]:
    if at["scope"] == "tensor":
        return [_ratio(at, at.deltas)]
    return [_ratio(at, parts) for parts in zip(*map(at.rows, at.deltas), strict=True)]


def _ratio(at: Applied, deltas: Sequence[Vector]) -> Fraction:
    n, pairs = len(deltas), [*combinations(deltas, 2)]
    if at["estimator"] == "gram":
        mean = combine([Fraction(1, n)] * n, deltas)
        whole = _dot(mean, mean)
        if not whole:
            return ZERO
        return _guarded(at, 2 * sum((_dot(x, y) for x, y in pairs), ZERO) / (n * (n - 1)) / whole)
    cosines = [
        float(_dot(x, y)) / math.sqrt(_dot(x, x)) / math.sqrt(_dot(y, y))
        for x, y in pairs
        if any(x) and any(y)
    ]
    if not cosines:
        return ZERO
    cosines = [min(1.0, max(-1.0, c)) for c in cosines]
    c = math.fsum(cosines) / len(cosines)
    if at["estimator"] == "angle":
        c = math.cos(math.fsum(map(math.acos, cosines)) / len(cosines))
    below = 1 + (n - 1) * c
    return ZERO if abs(below) < 1e-12 else _guarded(at, Fraction(n * c / below))


def _guarded(at: Applied, t: Fraction) -> Fraction:
    return min(max(t, ZERO), ONE) if at["guard"] == "clip" else t


def _dot(x: Vector, y: Vector) -> Fraction:
    return sum((a * b for a, b in zip(x, y, strict=True)), ZERO)
