"""The change of a tensor that the factors of an adapter stand for."""

from collections.abc import Sequence
from fractions import Fraction

from mergec.ir import Node
from mergec.verify.exact.meaning import Applied, Vector, means

PRODUCT = "low_rank"


@means(PRODUCT)
def low_rank(at: Applied) -> Vector:
    """The matrix product of both factors, or its transpose."""
    b, a = at.operands
    rank = int(at.number("rank"))
    left = [b[i : i + rank] for i in range(0, len(b), rank)]
    width = len(a) // rank
    right = [a[k * width : (k + 1) * width] for k in range(rank)]

    def element(i: int, j: int) -> Fraction:
        return sum((left[i][k] * right[k][j] for k in range(rank)), Fraction(0))

    if at["turned"] is True:
        return tuple(element(i, j) for j in range(width) for i in range(len(left)))
    return tuple(element(i, j) for i in range(len(left)) for j in range(width))


def product_shape(node: Node, shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...] | None:
    """The shape of a product of factors that have these; None for any other node."""
    if node.op != PRODUCT:
        return None
    b, a = shapes
    shape = (b[0], *a[1:])
    return shape[::-1] if node.param("turned") is True else shape
