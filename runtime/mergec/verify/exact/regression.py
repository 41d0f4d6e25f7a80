"""Regression means, by elimination on rationals."""

from collections.abc import Sequence
from fractions import Fraction

from mergec.frozen import frozen
from mergec.ir import part_statistics
from mergec.verify.exact.meaning import Applied, NotStatedError, Vector, combine, means

ZERO = Fraction(0)
# A solution in float64 is off by some 2⁻⁵³ times the condition; the least share that a rounding may
# come to is 2⁻²⁶ of what is reached.
_OF_CONDITION = Fraction(1, 2**27)

Square = Sequence[Sequence[Fraction]]


@frozen
class _System:
    """left · Yᵀ = Σ rightᵢ · Wᵢᵀ; `left` is the sum of all `rights`."""

    left: Square
    rights: Sequence[Square]


def _reach(at: Applied) -> Sequence[Fraction]:
    """By the matrices that operands are multiplied with, and by the condition of the system."""
    system = _system(at)
    if system is None:
        return _shares(at)
    inverse = _solved(system.left, _identity(len(system.left)))
    condition = _largest_row(system.left) * _largest_row(inverse)
    own = len(system.left) * condition * _OF_CONDITION
    return [_largest_row(_product(inverse, right)) + own for right in system.rights]


@means("regmean", reach=_reach, spread=True)
def regmean(at: Applied) -> Vector:
    """The matrix whose outputs on the inputs of all change least."""
    layers, _ = part_statistics(at.operands, at.params)
    system = _system(at)
    if system is None:
        return combine(_shares(at), layers)
    # Σ rightᵢ · Wᵢᵀ is the product of what stands beside each other with what stands below.
    beside = [[x for row in rows for x in row] for rows in zip(*system.rights, strict=True)]
    below = [column for layer in layers for column in zip(*at.rows(layer), strict=True)]
    merged = _solved(system.left, _product(beside, below))
    return tuple(value for row in zip(*merged, strict=True) for value in row)


def _shares(at: Applied) -> list[Fraction]:
    weights = at.numbers("weights", len(part_statistics(at.operands, at.params)[0]))
    return [weight / sum(weights) for weight in weights]


def _system(at: Applied) -> _System | None:
    """rightᵢ = wᵢ·(G̃ᵢ + r·1), r = ridge · tr Σ wᵢ·G̃ᵢ / size; None if all Gram matrices are 0."""
    _, grams = part_statistics(at.operands, at.params)
    size, alpha, shares = at.shape[-1], at.number("alpha"), _shares(at)
    pairs = [*zip(grams, shares, strict=True)]
    trace = sum((w * gram[i * (size + 1)] for gram, w in pairs for i in range(size)), ZERO)
    if not trace:
        return None
    ridge = at.number("ridge") * trace / size

    def right(gram: Vector, share: Fraction, i: int, j: int) -> Fraction:
        return share * (gram[i * size + j] + ridge if i == j else alpha * gram[i * size + j])

    span = range(size)
    rights = [[[right(*pair, i, j) for j in span] for i in span] for pair in pairs]
    left = [[sum((each[i][j] for each in rights), ZERO) for j in span] for i in span]
    return _System(left, rights)


def _solved(left: Square, right: Square) -> Square:
    """X of left · X = right, by elimination."""
    rows = [[*a, *b] for a, b in zip(left, right, strict=True)]
    for i in range(len(rows)):
        pivot = next((k for k in range(i, len(rows)) if rows[k][i]), None)
        if pivot is None:
            raise NotStatedError("regmean where the Gram matrices determine nothing")
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for k, row in enumerate(rows):
            if k != i and row[i]:
                rows[k] = [x - row[i] * y for x, y in zip(row, rows[i], strict=True)]
    return [row[len(rows) :] for row in rows]


def _identity(size: int) -> Square:
    return [[Fraction(i == j) for j in range(size)] for i in range(size)]


def _product(left: Square, right: Square) -> Square:
    columns = [*zip(*right, strict=True)]
    return [
        [sum((x * y for x, y in zip(row, column, strict=True)), ZERO) for column in columns]
        for row in left
    ]


def _largest_row(matrix: Square) -> Fraction:
    return max((sum(map(abs, row), ZERO) for row in matrix), default=ZERO)
