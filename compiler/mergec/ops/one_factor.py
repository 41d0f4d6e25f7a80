"""One of the factors that a stage gives together.

Formula    outⱼ = x_{start + j}, for j from 0 up to `count`
Shapes     the elements of A and then of B, whole → those of one of them
Parameters start: the first element · count: how many there are
Edge cases none
Source     ours: A and B are two tensors of an adapter, and come of one decomposition
Example    one_factor([2, 0, 0, 2]; start=2, count=2) is [0, 2]
"""

from collections.abc import Sequence
from typing import ClassVar, final

from mergec.ops.namespace import Array, ArrayNamespace
from mergec.ops.params import rational
from mergec.ops.stage import Cursor, Params, Site, Stage


@final
class OneFactor(Stage):
    """The stage that parts factors."""

    name: ClassVar[str] = "one_factor"
    revision: ClassVar[int] = 1

    def prepare(self, params: Params, site: Site) -> slice:
        """The range."""
        start = int(rational(params, "start"))
        return slice(start, start + int(rational(params, "count")))

    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: slice, cursor: Cursor
    ) -> Array:
        """A view of it."""
        return blocks[0][setting]


STAGE = OneFactor()
