"""Select, at each entry, the value of largest magnitude among several tensors.

Formula    out = x_m, where at each entry m = argmaxᵢ |xᵢ|
Shapes     n × [*s] → [*s]; in the work dtype
Parameters zero, what opposite values of one largest magnitude yield: `first` the first of them,
           `drop` +0
Edge cases equal values of one sign agree, whatever `zero` says · one tensor is that tensor
Source     the selection of MagMax, https://arxiv.org/abs/2407.06322
Example    largest([3, -1], [-2, 1]; zero=drop) is [3, 0]
"""

from collections.abc import Sequence
from typing import ClassVar, final

from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import word
from mergec.ops.stage import Cursor, Params, Site, Stage


@final
class Largest(Stage):
    """The stage that selects the entry of largest magnitude."""

    name: ClassVar[str] = "largest"
    revision: ClassVar[int] = 1

    def prepare(self, params: Params, site: Site) -> bool:
        """Whether opposite entries of one magnitude are dropped."""
        return word(params, "zero", "first") == "drop"

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: bool, cursor: Cursor
    ) -> Array:
        """The best so far, and where it has met its opposite."""
        best, *others = blocks
        opposed = None
        for x in others:
            larger = xp.abs(x) > xp.abs(best)
            if setting:
                meets = (x == -best) & (x != 0)
                opposed = (meets if opposed is None else opposed | meets) & ~larger
            best = xp.where(larger, x, best)
        return best if opposed is None else xp.where(opposed, 0.0, best)


STAGE = Largest()
