"""What truncations of singular values share: the leading triples of a matrix, and factors of them.

Where singular values are equal their vectors are any basis of their space, and libraries choose.
Apart from that the sign of each pair of vectors is free, and `factors` settles it: of the left
vector, the first element of at least half the largest magnitude is positive. Rounding does not
turn that, as it would where signs are taken from the largest of several nearly equal elements.
"""

import math
from collections.abc import Sequence

from mergec.diagnostics import fail
from mergec.frozen import frozen
from mergec.ops.matrices import Matrix, singular_values
from mergec.ops.namespace import Array, ArrayNamespace


@frozen
class Triples:
    """The `rank` leading singular triples: vectors as rows of `left` and `right`.

    `cut` are the squares of what is left out, and of the whole.
    """

    left: Matrix
    values: tuple[float, ...]
    right: Matrix
    cut: tuple[float, float]


def leading(xp: ArrayNamespace, u: Matrix, s: Matrix, vt: Matrix, rank: int, of: str) -> Triples:
    """The first `rank` of what `xp.svd` found of the tensor `of`; E817 if it found nothing."""
    found = singular_values(xp, s)
    if not all(map(math.isfinite, found)):
        raise fail(
            "E817",
            f"the change of `{of}` has no singular values within float64",
            help="make the change smaller, or treat this tensor otherwise in a `match`",
        )
    # The least first, so that small ones count.
    lost, kept = (math.fsum(x * x for x in part) for part in (found[rank:], found[:rank]))
    return Triples(
        _first_rows(xp, u.T, rank),
        tuple(found[:rank]),
        _first_rows(xp, vt, rank),
        (lost, lost + kept),
    )


def product(xp: ArrayNamespace, triples: Triples) -> Array:
    """The matrix that the triples add up to, row by row."""
    return xp.flat(scaled_rows(xp, triples.left, triples.values).T @ triples.right)


def factors(xp: ArrayNamespace, triples: Triples, *, turned: bool) -> Array:
    """A [rank, in] and B [out, rank] whose product B·A the triples add up to, one behind the other.

    Each has half of a singular value, as its root. `turned` gives factors of the transpose.
    """
    signs = _signs(xp, triples.left, len(triples.values))
    roots = [sign * math.sqrt(value) for sign, value in zip(signs, triples.values, strict=True)]
    left, right = (scaled_rows(xp, x, roots) for x in (triples.left, triples.right))
    a, b = (left, right) if turned else (right, left)
    return xp.join([xp.flat(a), xp.flat(b.T)])


def scaled_rows(xp: ArrayNamespace, matrix: Matrix, by: Sequence[float]) -> Matrix:
    """Each row times a number of its own."""
    width = len(matrix.T)
    return matrix * xp.matrix(xp.spread(xp.floats(by), width), width)


def _first_rows(xp: ArrayNamespace, matrix: Matrix, count: int) -> Matrix:
    width = len(matrix.T)
    return xp.matrix(xp.flat(matrix)[: count * width], width)


def _signs(xp: ArrayNamespace, rows: Matrix, count: int) -> list[float]:
    """-1 for each row whose first large element is negative, else 1."""
    width, flat = len(rows.T), xp.flat(rows)
    sizes = xp.abs(flat)
    large = sizes >= xp.spread(xp.row_max(sizes, width) * 0.5, width)
    # The first place is the largest distance from the row's end.
    ends = xp.tile(xp.floats([float(width - i) for i in range(width)]), count)
    found = xp.host(xp.row_max(xp.where(large, ends, 0.0), width))
    first = xp.take(flat, xp.integers([i * width + width - int(x) for i, x in enumerate(found)]))
    return [-1.0 if x < 0 else 1.0 for x in xp.host(first)]
