"""One number for each output of a layer, given to all elements that lead to that output.

Formula    out[i, …] = m[i], or out[i, j] = m[j] if `turned`
Shapes     m, of any shape with `out` elements → [out, …], or [in, out] if `turned`; m whole
Parameters turned: whether the tensor is [in, out]
Edge cases none
Source     ours: the magnitudes of DoRA, as `dora` takes them
Example    spread_outputs([1, 2]) over a tensor of shape [2, 2] is [[1, 1], [2, 2]]
"""

from collections.abc import Sequence
from math import prod
from typing import ClassVar, final

from mergec.frozen import frozen
from mergec.ops.namespace import Array, ArrayNamespace
from mergec.ops.params import flag
from mergec.ops.stage import Cursor, Params, Site, Stage


@frozen
class Spreading:
    """How many elements a row has, that is what has one first index, and the tensor."""

    row: int
    numel: int
    turned: bool


@final
class SpreadOutputs(Stage):
    """The stage of magnitudes."""

    name: ClassVar[str] = "spread_outputs"
    revision: ClassVar[int] = 1
    takes_whole: ClassVar[bool] = True

    def prepare(self, params: Params, site: Site) -> Spreading:
        """Host scalars."""
        return Spreading(prod(site.shape[1:]), site.numel, flag(params, "turned"))

    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Spreading, cursor: Cursor
    ) -> Array:
        """The elements from where the pass stands."""
        count = cursor.count if cursor.count is not None else setting.numel
        first, skipped = divmod(cursor.start, setting.row)
        rows = -(-(skipped + count) // setting.row)
        if setting.turned:
            found = xp.tile(blocks[0], rows)
        else:
            found = xp.spread(blocks[0][first : first + rows], setting.row)
        return found[skipped : skipped + count]


STAGE = SpreadOutputs()
