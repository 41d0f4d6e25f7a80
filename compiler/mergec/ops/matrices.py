"""What operators on matrices share: which tensors are matrices, and bases of singular vectors."""

from collections.abc import Sequence
from math import prod

from mergec.ops.declaration import Shape
from mergec.ops.namespace import Array, ArrayNamespace

Matrix = Array


def is_matrix(shape: Shape) -> bool:
    """A matrix [out, in], or the weight of a convolution [out, in, height, width]."""
    return len(shape) in (2, 4) and all(shape)


def columns(shape: Shape) -> int:
    """How many columns the tensor has as a matrix of its first axis by all others."""
    return prod(shape[1:])


def rank_room(shape: Shape) -> int:
    """How many singular values the tensor has as a matrix."""
    return min(shape[0], columns(shape))


def singular_values(xp: ArrayNamespace, values: Matrix) -> list[float]:
    """Those that `xp.svd` found, on the host."""
    return [float(value) for value in xp.host(xp.flat(values))]


def scaled_columns(xp: ArrayNamespace, matrix: Matrix, factors: Sequence[float]) -> Matrix:
    """Each column times a number of its own."""
    rows = len(matrix)
    return matrix * xp.matrix(xp.tile(xp.floats(factors), rows), len(factors))


def placement(xp: ArrayNamespace, rows: int, count: int, start: int, width: int) -> Matrix:
    """The matrix rows × width that moves the first `count` columns of a matrix to `start`.

    `x @ placement(...)` has them there and zeros elsewhere, so that a sum of such products holds
    several matrices beside each other.
    """
    i, j = xp.spread(xp.iota(rows), width), xp.tile(xp.iota(width), rows)
    ones = (j - i == start) & (i < count)
    return xp.matrix(xp.mask_as(ones, xp.floats([0.0])), width)
