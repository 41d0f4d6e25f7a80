"""The mean of each row over the sources that have it.

Formula    out = Σ xᵢ / n over the n sources whose presentᵢ is not 0; 0 where n = 0
Shapes     x₁, present₁, x₂, present₂, ...: [*s] → [*s]; in the work dtype
Parameters none
Edge cases a row that one source has is that row bit for bit · sums are formed in the order of the
           operands, and rounded once more by the division
Source     the rule for tokens that several parents have and the base lacks, as mergekit's
           embeddings have it
Example    mean_rows([3, 4], [1, 0], [5, 6], [1, 1]) is [4, 6]
"""

from collections.abc import Sequence
from typing import ClassVar, final

from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.stage import Cursor, Params, Site, Stage


@final
class MeanRows(Stage):
    """The stage that averages rows over those who have them."""

    name: ClassVar[str] = "mean_rows"
    revision: ClassVar[int] = 1

    def prepare(self, params: Params, site: Site) -> None:
        """Nothing: where rows are present is an operand."""

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: None, cursor: Cursor
    ) -> Array:
        """Add up what is present and count it; selections, so that a lone row keeps its bits."""
        total, count = blocks[0], blocks[1]
        for x, present in zip(blocks[2::2], blocks[3::2], strict=True):
            both = xp.where(count > 0.5, total + x, x)
            total = xp.where(present > 0.5, both, total)
            count = count + present
        return xp.where(count > 1.5, total / xp.where(count > 0.5, count, 1.0), total)


STAGE = MeanRows()
