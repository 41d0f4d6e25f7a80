"""Matrices by their singular values. These are irrational, so results pass through float64."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import chain

from mergec.verify.exact.jacobi import Row, decomposed, outer_sum
from mergec.verify.exact.meaning import (
    ONE,
    Applied,
    NotStatedError,
    Vector,
    combine,
    means,
)

# Singular values of at most this share of a delta's largest are rounding.
_ROUNDING = 1e-12


def _scaled(at: Applied) -> Sequence[Fraction]:
    bases = [ONE] if at.has_base else []
    return [*bases, *[abs(at.number("scale"))] * len(at.deltas)]


@means("iso_c", reach=_scaled, spread=True, rounds=True)
def iso_c(at: Applied) -> Vector:
    """The sum of the deltas with one singular value for all."""
    whole = combine([ONE] * len(at.deltas), at.deltas)
    triples = decomposed(_matrix(at, whole)) if any(whole) else []
    if not triples:
        return at.on_base(whole)
    least = float(at.number("rank_tol")) * triples[0].value
    kept = [triple for triple in triples if triple.value > least]
    room = min(at.shape[0], len(whole) // at.shape[0])
    if len(kept) < room and at["level"] == "error":
        raise NotStatedError("iso_c of a sum of low rank")
    over = len(kept) if at["level"] == "rank" else room
    level = sum(triple.value for triple in kept) / over
    polar = outer_sum(
        [level] * len(kept), [each.left for each in kept], [each.right for each in kept]
    )
    return at.on_base(combine([at.number("scale")], [_vector(polar)]))


@means("tsvm", reach=_scaled, spread=True, rounds=True)
def tsvm(at: Applied) -> Vector:
    """The strongest directions of each delta, all made orthogonal to each other."""
    rows = at.shape[0]
    most = min(rows, len(at.deltas[0]) // rows) // len(at.deltas)
    kept = [
        triple
        for triples in (decomposed(_matrix(at, delta)) for delta in at.deltas)
        for triple in triples[:most]
        if triple.value > _ROUNDING * triples[0].value
    ]
    if not kept:
        return at.on_base((Fraction(0),) * len(at.deltas[0]))
    merged = outer_sum(
        [triple.value for triple in kept],
        _orthonormal([triple.left for triple in kept]),
        _orthonormal([triple.right for triple in kept]),
    )
    return at.on_base(combine([at.number("scale")], [_vector(merged)]))


@means("svd", spread=True, rounds=True)
def svd(at: Applied) -> Vector:
    """The matrix of the largest singular values."""
    (delta,) = at.operands
    rank, rows = int(at.number("rank")), at.shape[0]
    if rank >= min(rows, len(delta) // rows) or not any(delta):
        return delta
    kept = decomposed(_matrix(at, delta))[:rank]
    return _vector(
        outer_sum(
            [each.value for each in kept],
            [each.left for each in kept],
            [each.right for each in kept],
        )
    )


def _orthonormal(vectors: Sequence[Row]) -> list[Row]:
    """The orthonormal vectors that are nearest to these: the polar factor of their matrix."""
    triples = decomposed(vectors)
    lefts, rights = [each.left for each in triples], [each.right for each in triples]
    return outer_sum([1.0] * len(triples), lefts, rights)


def _matrix(at: Applied, x: Vector) -> list[Row]:
    """The first axis by all others."""
    count = len(x) // at.shape[0]
    return [[float(value) for value in x[i * count : (i + 1) * count]] for i in range(at.shape[0])]


def _vector(matrix: Sequence[Row]) -> Vector:
    return tuple(Fraction(value) for value in chain.from_iterable(matrix))
