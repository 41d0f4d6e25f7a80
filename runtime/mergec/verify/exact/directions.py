"""Means of directions. Lengths are irrational, so coefficients pass through float64."""

import math
from collections.abc import Sequence
from fractions import Fraction

from mergec.verify.exact.meaning import Applied, Vector, combine, means

Floats = Sequence[float]


def _along_the_mean(at: Applied) -> list[Fraction]:
    return _coefficients(at, steps=0)


def _along_the_centre(at: Applied) -> list[Fraction]:
    return _coefficients(at, steps=200)


@means("nlerp", reach=_along_the_mean)
def nlerp(at: Applied) -> Vector:
    """The mean direction with the mean length."""
    return combine(_along_the_mean(at), at.operands)


@means("karcher", reach=_along_the_centre)
def karcher(at: Applied) -> Vector:
    """The centre on the sphere with the mean length."""
    return combine(_along_the_centre(at), at.operands)


def _coefficients(at: Applied, steps: int) -> list[Fraction]:
    """From unit vectors; `steps` of gradient descent on the sphere start at the mean direction."""
    weights = at.numbers("weights", len(at.operands))
    shares = [float(w / sum(weights)) for w in weights]
    lengths = [math.hypot(*map(float, x)) for x in at.operands]
    directed = [i for i, length in enumerate(lengths) if length and shares[i]]
    if not directed or len(directed) == sum(map(bool, shares)) == 1:
        return [w / sum(weights) for w in weights]
    units = [[float(x) / lengths[i] for x in at.operands[i]] for i in directed]
    parts = [shares[i] for i in directed]
    parts = _normed(parts, units)
    for _ in range(steps):
        parts = _stepped(parts, units, [shares[i] for i in directed])
    whole = sum(share * length for share, length in zip(shares, lengths, strict=True))
    found = [Fraction(0)] * len(lengths)
    for i, part in zip(directed, parts, strict=True):
        found[i] = Fraction(whole * part / lengths[i])
    return found


def _normed(parts: Floats, units: Sequence[Floats]) -> list[float]:
    length = math.hypot(*_sum(parts, units))
    return [part / length for part in parts]


def _sum(parts: Floats, units: Sequence[Floats]) -> list[float]:
    return [
        math.fsum(c * x for c, x in zip(parts, at, strict=True)) for at in zip(*units, strict=True)
    ]


def _stepped(parts: Floats, units: Sequence[Floats], shares: Floats) -> list[float]:
    """Along the mean of the logarithms: u ← cos|T|·u + sin|T|·T/|T|."""
    here, total = _sum(parts, units), math.fsum(shares)
    tangent = [0.0] * len(parts)
    for i, (unit, share) in enumerate(zip(units, shares, strict=True)):
        along = math.fsum(a * b for a, b in zip(here, unit, strict=True))
        across = math.hypot(*(b - along * a for a, b in zip(here, unit, strict=True)))
        if across == 0.0:
            continue
        factor = share / total * math.atan2(across, along) / across
        tangent[i] += factor
        tangent = [t - factor * along * part for t, part in zip(tangent, parts, strict=True)]
    size = math.hypot(*_sum(tangent, units))
    if size == 0.0:
        return [*parts]
    turned = [
        math.cos(size) * part + math.sin(size) * t / size
        for part, t in zip(parts, tangent, strict=True)
    ]
    return _normed(turned, units)
