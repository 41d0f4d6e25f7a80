"""Add several task vectors, at the entries that enough of them have a large share in.

Formula    τ = Σᵢ xᵢ;  mᵢ = [|xᵢ| > kappaᵢ · |τ - xᵢ|];  out = τ where Σᵢ mᵢ ≥ k, 0 elsewhere
Shapes     n × [*s] → [*s]; in the work dtype
Parameters kappa: n positive rationals · k: an integer ≥ 0
Edge cases k = 0 adds everywhere · dropped entries are +0 · sums run left to right in operand order
Source     the masks of TALL, https://arxiv.org/abs/2405.07813, eq. 4–6
Example    shared_sum([4, 1], [4, 0]; kappa=(2/5, 2/5), k=2) is [8, 0]
"""

from collections.abc import Sequence
from typing import ClassVar, final

from mergec.frozen import frozen
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import integer, rationals
from mergec.ops.rounding import coefficient
from mergec.ops.stage import Cursor, Params, Site, Stage


@frozen
class Caring:
    """The factor of each delta's comparison, and how many deltas must pass theirs."""

    kappas: tuple[float, ...]
    k: int


@final
class SharedSum(Stage):
    """The stage of the sum under a mask that the summands vote on."""

    name: ClassVar[str] = "shared_sum"
    revision: ClassVar[int] = 1

    def prepare(self, params: Params, site: Site) -> Caring:
        """The factors in work precision."""
        exact = rationals(params, "kappa")
        return Caring(
            tuple(coefficient(kappa, site.work, None) for kappa in exact), integer(params, "k")
        )

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Caring, cursor: Cursor
    ) -> Array:
        """The sum, left to right, by selection."""
        first, *others = blocks
        total = first
        for x in others:
            total = total + x
        if setting.k == 0:
            return total
        count = first - first
        for x, kappa in zip(blocks, setting.kappas, strict=True):
            count = count + xp.mask_as(xp.abs(x) > xp.abs(total - x) * kappa, x)
        return xp.where(count >= setting.k, total, 0.0)


STAGE = SharedSum()
