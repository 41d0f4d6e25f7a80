"""The change of a tensor that the factors of an adapter stand for, and that by a DoRA."""

from collections.abc import Sequence
from fractions import Fraction

from mergec.ir import Node
from mergec.verify.exact.meaning import Applied, NotStatedError, Vector, means, square_root

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


@means("spread_outputs")
def spread_outputs(at: Applied) -> Vector:
    """The numbers themselves: what they are given to, `dora` knows."""
    return at.operands[0]


@means("dora", rounds=True, spread=True)
def dora(at: Applied) -> Vector:
    """The adapted weights of each output at the length for it, less the weights that were there."""
    own, change, lengths = at.operands
    moved = [x + y for x, y in zip(own, change, strict=True)]
    row = len(own) // at.shape[0]
    # The output that each element leads to.
    of = [j % row if at["turned"] is True else j // row for j in range(len(own))]
    squares = [Fraction(0)] * len(lengths)
    for output, x in zip(of, moved, strict=True):
        squares[output] += x * x
    norms = [square_root(x) for x in squares]
    if not all(norms):
        raise NotStatedError("a DoRA of weights without a direction")
    pairs = zip(of, moved, own, strict=True)
    return tuple(lengths[i] / norms[i] * x - before for i, x, before in pairs)


def product_shape(node: Node, shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...] | None:
    """The shape of a product of factors that have these; None for any other node."""
    if node.op != PRODUCT:
        return None
    b, a = shapes
    shape = (b[0], *a[1:])
    return shape[::-1] if node.param("turned") is True else shape
