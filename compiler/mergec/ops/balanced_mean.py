"""Average task vectors by scores for which they compete within each tensor.

Formula    tᵢ = (aᵢ - min aᵢ)/(max aᵢ - min aᵢ), aᵢ = |xᵢ| clamped to its order statistics ⌊clip·N⌋
           from either end;  βᵢ = exp(n·tᵢ²)·tanh(xᵢ·Σₗ xₗ);  qᵢ = the ⌊(1 - ratio)·N⌋-th least βᵢ,
           from 0;  sᵢ = (max(βᵢ, qᵢ) - qᵢ)/(max βᵢ - qᵢ);  out = Σ sᵢ·sgn(xᵢ)·aᵢ / Σ sᵢ
Shapes     n × [*s] of N elements → [*s]; in float64, rounded to the work dtype
Parameters ratio: rational in (0, 1] · clip: rational in [0, 1/2]
Edge cases max aᵢ = min aᵢ: sᵢ = 1 · max βᵢ = qᵢ: sᵢ = 1 where βᵢ is that, 0 elsewhere · Σ sᵢ = 0
           gives +0, so that the base's bits remain · exp and tanh are the library's
Source     parameter competition balancing, https://arxiv.org/abs/2410.02396, section 3.2
Example    balanced_mean([3, 1]; ratio=1/2, clip=0) is [3, 0]
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, final

from mergec.catalog.dtypes import Dtype
from mergec.frozen import frozen
from mergec.ops.balancing import Balance, Glimpse, advanced, averaged, begun, glimpse, passes
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import rational
from mergec.ops.stage import Cursor, Params, Site, StatisticStage


@frozen
class Balancing:
    """The tensor, and what is known of its task vectors."""

    site: Site
    balance: Balance


@final
class BalancedMean(StatisticStage):
    """The stage of the average by competition."""

    name: ClassVar[str] = "balanced_mean"
    revision: ClassVar[int] = 1
    approximate: ClassVar[bool] = True

    def sweeps(self, params: Params, work: Dtype) -> int:
        """One for extremes and four for thresholds; four more for order statistics."""
        return passes(rational(params, "clip"))

    def temporaries(self, operands: int) -> int:
        """Counts of digits too, each as long as the smallest block: two for each, and the sums."""
        return super().temporaries(operands) + 5 * operands

    def prepare(self, params: Params, site: Site) -> Balancing:
        """Nothing is known yet."""
        count = len(site.stored)
        return Balancing(site, begun(rational(params, "ratio"), rational(params, "clip"), count))

    @untrapped
    def observe(
        self, xp: ArrayNamespace, acc: Glimpse | None, blocks: Sequence[Array], setting: Balancing
    ) -> Glimpse:
        """Extremes or counts of digits."""
        found = glimpse(xp, blocks, setting.balance)
        return found if acc is None else acc + found

    def combine(self, acc: Glimpse | None, setting: Balancing) -> Balancing:
        """One step on."""
        return replace(setting, balance=advanced(setting.balance, acc, setting.site.numel))

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Balancing, cursor: Cursor
    ) -> Array:
        """The average."""
        return xp.narrow(averaged(xp, blocks, setting.balance), blocks[0])


STAGE = BalancedMean()
