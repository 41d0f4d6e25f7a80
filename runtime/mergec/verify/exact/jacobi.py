"""Singular values and vectors by rotations of columns, in float64 and without a library.

M. R. Hestenes, "Inversion of matrices by biorthogonalization and related results" (1958): columns
are turned in pairs until all are orthogonal. Slow, and as exact as float64 can be.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

Row = list[float]
# Far more rounds than it takes: convergence is quadratic in the end.
_ROUNDS = 60
_ORTHOGONAL = 2.0**-51


class Triple(NamedTuple):
    """A singular value with the unit vectors that it leads from, `right`, and to, `left`."""

    value: float
    left: Row
    right: Row


def decomposed(matrix: Sequence[Row]) -> list[Triple]:
    """The triples of the values above 0, by falling value.

    >>> [triple.value for triple in decomposed([[0.0, 2.0], [0.0, 0.0], [-1.0, 0.0]])]
    [2.0, 1.0]
    """
    if matrix and len(matrix) < len(matrix[0]):
        turned = decomposed(transposed(matrix))
        return [Triple(value, right, left) for value, left, right in turned]
    images = transposed(matrix)
    size = len(images)
    ways = [[float(i == j) for j in range(size)] for i in range(size)]
    for _ in range(_ROUNDS):
        pairs = ((i, j) for i in range(size) for j in range(i + 1, size))
        if not sum(_turned(images, ways, i, j) for i, j in pairs):
            break
    found = [(math.hypot(*image), image, way) for image, way in zip(images, ways, strict=True)]
    found.sort(key=lambda each: -each[0])
    return [Triple(value, [x / value for x in image], way) for value, image, way in found if value]


def transposed(matrix: Sequence[Row]) -> list[Row]:
    """Columns as rows."""
    return [list(column) for column in zip(*matrix, strict=True)]


def outer_sum(factors: Sequence[float], lefts: Sequence[Row], rights: Sequence[Row]) -> list[Row]:
    """Σ factor · left · rightᵀ; there is at least one of each."""
    rows, columns = transposed(lefts), transposed(rights)
    return [
        [math.fsum(f * x * y for f, x, y in zip(factors, row, column, strict=True))
         for column in columns]
        for row in rows
    ]  # fmt: skip


def _turned(images: list[Row], ways: list[Row], i: int, j: int) -> bool:
    """Turn two columns until they are orthogonal; False if they were."""
    x, y = images[i], images[j]
    xx, yy, xy = _dot(x, x), _dot(y, y), _dot(x, y)
    if abs(xy) <= _ORTHOGONAL * math.sqrt(xx) * math.sqrt(yy):
        return False
    ratio = (yy - xx) / (2 * xy)
    tangent = math.copysign(1.0, ratio) / (abs(ratio) + math.hypot(1.0, ratio))
    cosine = 1 / math.hypot(1.0, tangent)
    sine = cosine * tangent
    for vectors in (images, ways):
        p, q = vectors[i], vectors[j]
        vectors[i] = [cosine * a - sine * b for a, b in zip(p, q, strict=True)]
        vectors[j] = [sine * a + cosine * b for a, b in zip(p, q, strict=True)]
    return True


def _dot(x: Row, y: Row) -> float:
    return math.fsum(a * b for a, b in zip(x, y, strict=True))
