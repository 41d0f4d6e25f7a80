"""The change by a DoRA: the adapted weights in their new direction, at lengths that were learned.

Formula    out = m·(W + Δ) / ‖W + Δ‖ - W; the norm is over what leads to one output, a row of
           [out, …], or a column of [in, out] if `turned`; squares are summed in float64
Shapes     W, Δ and m, which has its number at each element, all of one shape → that shape
Parameters turned: whether the tensor is [in, out]
Edge cases W + Δ zero for some output: E817, for it has no direction · Δ = 0 and m = ‖W‖: nearly 0
Source     S.-Y. Liu et al., "DoRA: weight-decomposed low-rank adaptation", 2024, equation 5,
           https://arxiv.org/abs/2402.09353; the norms are those of the model by itself, as in PEFT
Example    dora([[1, 3]], [[2, 1]], [[10, 10]]) is [[5, 5]]
"""

from collections.abc import Sequence
from math import prod
from typing import ClassVar, final

from mergec.catalog.dtypes import Dtype
from mergec.diagnostics import fail
from mergec.frozen import frozen
from mergec.ops.declaration import Shape
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import flag
from mergec.ops.stage import Cursor, Params, Site, Stage


@frozen
class Lengths:
    """How many elements a row has, that is what has one first index, and the tensor."""

    row: int
    turned: bool
    tensor: str


@final
class Dora(Stage):
    """The stage of DoRA, over whole rows; over the whole tensor where it is stored [in, out]."""

    name: ClassVar[str] = "dora"
    revision: ClassVar[int] = 1

    def grain(self, params: Params, shape: Shape) -> int:
        """What a norm is over."""
        return prod(shape) if params["turned"] is True else prod(shape[1:])

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """Squares are summed."""
        return True

    def prepare(self, params: Params, site: Site) -> Lengths:
        """Host scalars."""
        return Lengths(prod(site.shape[1:]), flag(params, "turned"), site.tensor)

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Lengths, cursor: Cursor
    ) -> Array:
        """In float64, rounded once. Raises E817."""
        own, change, lengths = map(xp.widen, blocks)
        moved, row = own + change, setting.row
        squares = moved * moved
        sums = xp.column_sums(squares, row) if setting.turned else xp.row_sums(squares, row)
        if xp.count(sums == 0.0):
            raise _no_direction(setting.tensor)
        norms = xp.sqrt(sums)
        whole = xp.tile(norms, len(own) // row) if setting.turned else xp.spread(norms, row)
        return xp.narrow(lengths / whole * moved - own, blocks[0])


def _no_direction(tensor: str) -> Exception:
    return fail(
        "E817",
        f"`{tensor}` has weights of zeros once a DoRA is added, and these have no direction",
        notes=("DoRA gives the weights of each output a length, and zeros cannot get one",),
        help="leave this tensor out, as in `match { ... => base, else => base + lora }`",
    )


STAGE = Dora()
