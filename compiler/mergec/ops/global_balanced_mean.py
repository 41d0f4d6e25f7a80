"""Average task vectors by scores for which they compete, over all tensors of a value.

Formula    as in `balanced_mean`, where xᵢ is all tensors as one vector
Shapes     n × [*s] → [*s]; in float64
Parameters ratio, clip as in `balanced_mean`
Edge cases as in `balanced_mean`
Source     parameter competition balancing, https://arxiv.org/abs/2410.02396, section 3.2, which
           flattens the model
Example    with the tensors [3, 1] and [2] and ratio=1/3, clip=0: [3, 0] and [0]
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from typing import ClassVar, final

from mergec.ops import balanced_mean
from mergec.ops.balanced_mean import Balancing
from mergec.ops.balancing import Glimpse, advanced, passes
from mergec.ops.global_stage import GlobalStage, Seen
from mergec.ops.namespace import Array, ArrayNamespace, Counts, untrapped
from mergec.ops.params import rational
from mergec.ops.stage import Cursor, Params, Site


@final
class GlobalBalancedMean(GlobalStage):
    """The stage of the average by competition within the whole model."""

    name: ClassVar[str] = "global_balanced_mean"
    revision: ClassVar[int] = 1
    approximate: ClassVar[bool] = True

    def passes(self, params: Params) -> int:
        """As many as the sweeps of `balanced_mean`."""
        return passes(rational(params, "clip"))

    def settled(self, setting: Balancing) -> bool:
        """Whether all thresholds are known."""
        return setting.balance.phase == "settled"

    def temporaries(self, operands: int) -> int:
        """Counts of this tensor, and of all."""
        return balanced_mean.STAGE.temporaries(operands) + 2 * operands

    def prepare(self, params: Params, site: Site) -> Balancing:
        """Nothing is known yet."""
        return balanced_mean.STAGE.prepare(params, site)

    @untrapped
    def observe(
        self, xp: ArrayNamespace, acc: Glimpse | None, blocks: Sequence[Array], setting: Balancing
    ) -> Glimpse:
        """Extremes or counts of digits."""
        return balanced_mean.STAGE.observe(xp, acc, blocks, setting)

    def seen(self, acc: Glimpse | None, setting: Balancing) -> Seen:
        """Counts are shared; the few numbers beside them are the tensor's own."""
        if acc is None:
            return Seen(None)
        return Seen(replace(acc, digits=()), Glimpse((), (), acc.digits) if acc.digits else None)

    def combine_all(
        self,
        own: Sequence[Glimpse | None],
        shared: Counts | None,
        settings: Sequence[Balancing],
    ) -> list[Balancing]:
        """One step on, the same for all tensors."""
        parts = [each for each in own if each is not None]
        whole = reduce(add, parts) if parts else None
        if whole is not None and shared is not None:
            whole = replace(whole, digits=shared.digits)
        every = sum(setting.site.numel for setting in settings)
        after = advanced(settings[0].balance, whole, every)
        return [replace(setting, balance=after) for setting in settings]

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Balancing, cursor: Cursor
    ) -> Array:
        """This tensor's average."""
        return balanced_mean.STAGE.apply(xp, blocks, setting, cursor)


STAGE = GlobalBalancedMean()
