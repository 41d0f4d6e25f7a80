"""The inner products of several tensors, all pairs in one sweep, and what follows from them.

Every mean on a sphere and every shrinkage factor is a combination of the tensors themselves whose
coefficients depend on these few numbers alone. Host sums are `math.fsum`, which rounds once, so the
order of the operands changes nothing.
"""

import math
from collections.abc import Sequence
from itertools import combinations_with_replacement

from mergec.frozen import frozen
from mergec.ops.namespace import Array, ArrayNamespace
from mergec.ops.tree_sum import total

Leaves = tuple[list[float], ...]


@frozen
class Gram:
    """`products[i][j]` is the inner product of tensors i and j, over all elements, in float64."""

    products: tuple[tuple[float, ...], ...]

    @property
    def norms(self) -> tuple[float, ...]:
        """The length of each tensor."""
        return tuple(math.sqrt(row[i]) for i, row in enumerate(self.products))

    def cosine(self, i: int, j: int, *, floor: float = 0.0) -> float:
        """Of the angle between two tensors that are not zero, within -1 … 1; 1 of one with itself.

        A product of norms below `floor` is taken for that.

        >>> Gram(((4.0, -8.0), (-8.0, 16.0))).cosine(0, 1)
        -1.0
        """
        if i == j:
            return 1.0
        if self.norms[i] * self.norms[j] < floor:
            return min(max(self.products[i][j] / floor, -1.0), 1.0)
        less, more = sorted((self.norms[i], self.norms[j]))  # the same bits for (j, i)
        return min(max(self.products[i][j] / more / less, -1.0), 1.0)


def gram_leaves(xp: ArrayNamespace, acc: Leaves | None, blocks: Sequence[Array]) -> Leaves:
    """The leaf sums of all products of two of the blocks, in float64, added to those before."""
    wide = [xp.widen(x) for x in blocks]
    pairs = list(_pairs(len(blocks)))
    leaves = acc or tuple([] for _ in pairs)
    for sums, (i, j) in zip(leaves, pairs, strict=True):
        sums.extend(xp.leaf_sums(wide[i] * wide[j]))
    return leaves


def gram_of(leaves: Leaves | None, count: int, tensor: str) -> Gram:
    """The matrix of `count` tensors. Raises E806, naming `tensor`, on overflow."""
    table = [[0.0] * count for _ in range(count)]
    for sums, (i, j) in zip(leaves or (), _pairs(count), strict=leaves is not None):
        table[i][j] = table[j][i] = total(sums, tensor)
    return Gram(tuple(tuple(row) for row in table))


def _pairs(count: int) -> "combinations_with_replacement[tuple[int, int]]":
    return combinations_with_replacement(range(count), 2)
