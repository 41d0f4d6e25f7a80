"""Weighted sums."""

from collections.abc import Sequence
from fractions import Fraction

from mergec.verify.exact.meaning import ONE, Applied, Vector, combine, means


def _coefficients(at: Applied) -> list[Fraction]:
    return at.numbers("coefficients", len(at.operands))


@means("affine", reach=_coefficients)
def affine(at: Applied) -> Vector:
    """Σ cᵢ xᵢ."""
    return combine(_coefficients(at), at.operands)


def _shares(at: Applied) -> list[Fraction]:
    weights = at.numbers("weights", len(at.operands))
    whole = sum(weights) if at["normalize"] else ONE
    return [weight / whole for weight in weights]


@means("linear", reach=_shares)
def linear(at: Applied) -> Vector:
    """Σ wᵢ xᵢ / Σ wᵢ."""
    return combine(_shares(at), at.operands)


def _by(at: Applied) -> Sequence[Fraction]:
    return [at.number("by")]


@means("scale", reach=_by)
def scale(at: Applied) -> Vector:
    """A delta times a number."""
    return combine(_by(at), at.operands)


@means("as_model")
def same(at: Applied) -> Vector:
    """Says how a value is called, and computes nothing."""
    return at.operands[0]


def _by_depth(at: Applied) -> Sequence[Fraction]:
    return [at.number("by")]


@means("lines", reach=_by_depth)
def lines(at: Applied) -> Vector:
    """A delta times the factor of its layer, which the compiler has worked out."""
    return combine(_by_depth(at), at.operands)


def _fading(at: Applied) -> Sequence[Fraction]:
    beta, count = at.number("beta"), len(at.operands)
    return [beta ** (count - 1), *((1 - beta) * beta ** (count - 1 - i) for i in range(1, count))]


@means("ema", reach=_fading)
def ema(at: Applied) -> Vector:
    """Each checkpoint counts less the longer ago it was."""
    return combine(_fading(at), at.operands)


def _latest(at: Applied) -> Sequence[Fraction]:
    count = len(at.operands)
    k = min(int(at.number("k")), count)
    return [Fraction(int(i >= count - k), k) for i in range(count)]


@means("lawa", reach=_latest)
def lawa(at: Applied) -> Vector:
    """The average of the latest checkpoints."""
    return combine(_latest(at), at.operands)
