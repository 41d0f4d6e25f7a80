"""Rows or columns of a tensor as the groups that a statistic is taken of.

A tensor is seen as a matrix: its last axis is a row, and all axes before it count the rows. A
vector is one group, whichever way it is cut.
"""

from collections.abc import Sequence
from math import prod

from mergec.frozen import frozen
from mergec.ops.namespace import Array, ArrayNamespace
from mergec.ops.stage import row_length


@frozen
class Groups:
    """Rows of `row` elements, or the columns of such rows, which need the tensor in one block."""

    row: int
    columns: bool

    def grain(self, shape: tuple[int, ...]) -> int:
        """What a stage over these groups asks for."""
        return prod(shape) if self.columns else self.row

    def first(self, start: int) -> int:
        """The number of the group where a block begins whose first element is `start`."""
        return 0 if self.columns else start // self.row

    def name(self, number: int, tensor: str) -> str:
        """A group as messages name it, counted from 0."""
        return f"{'column' if self.columns else 'row'} {number} of `{tensor}`"

    def sums(self, xp: ArrayNamespace, x: Array) -> list[float]:
        """One sum for each group of a float64 block, on the host."""
        found: list[float] = xp.host((xp.column_sums if self.columns else xp.row_sums)(x, self.row))
        return found

    def give(self, xp: ArrayNamespace, values: Sequence[float], like: Array) -> Array:
        """Each group's number to all its elements, in the dtype and length of the block `like`."""
        numbers = xp.narrow(xp.floats(values), like)
        if self.columns:
            return xp.tile(numbers, len(like) // self.row)
        return xp.spread(numbers, self.row)


def groups_of(scope: str, shape: tuple[int, ...]) -> Groups | None:
    """The groups for `scope`: None for `tensor`, else of `row` or `column`."""
    if scope == "tensor":
        return None
    return Groups(row_length(shape), scope == "column" and len(shape) > 1)
