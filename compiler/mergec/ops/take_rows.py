"""Take the rows that a source has, and those of another value where it has none.

Formula    out = x where present is not 0, y elsewhere
Shapes     x, present, y: [*s] → [*s]; in the work dtype
Parameters none
Edge cases a row that is present is taken bit for bit, zeros and their signs included
Source     the rule for tokens that a parent lacks, as mergekit's embeddings have it
Example    take_rows([3, 4], [1, 0], [5, 6]) is [3, 6]
"""

from collections.abc import Sequence
from typing import ClassVar, final

from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.stage import Cursor, Params, Site, Stage


@final
class TakeRows(Stage):
    """The stage that fills rows which a source lacks."""

    name: ClassVar[str] = "take_rows"
    revision: ClassVar[int] = 2  # what follows knows that rows of stored data are stored data
    selects: ClassVar[tuple[int, ...]] = (0, 2)

    def prepare(self, params: Params, site: Site) -> None:
        """Nothing: where rows are present is an operand."""

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: None, cursor: Cursor
    ) -> Array:
        """Select."""
        x, present, y = blocks
        return xp.where(present > 0.5, x, y)


STAGE = TakeRows()
