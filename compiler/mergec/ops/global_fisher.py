"""Average each entry by Fisher information, each operand's relative to its norm over all tensors.

Formula    as in `fisher`, with wᵢ / ‖Fᵢ‖ in the place of wᵢ; the norm is over all tensors
Shapes     n × [*s] and n × [*s] Fisher tensors → [*s]; in float64
Parameters weights, floor, floor_on as in `fisher`; the floor counts before the norm is divided by
Edge cases an operand whose information is 0 everywhere has no norm: E817 · else as in `fisher`
Source     M. Matena, C. Raffel, "Merging models with Fisher-weighted averaging", 2021, as in the
           authors' code, https://arxiv.org/abs/2111.09832
Example    the values 1 and 3 with information [3] and [4] in one tensor, [4] and [3] in another:
           both norms are 5
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, ClassVar, final

from mergec.catalog.dtypes import Dtype
from mergec.diagnostics import fail
from mergec.frozen import frozen
from mergec.ops import fisher
from mergec.ops.fisher import Informed
from mergec.ops.global_stage import GlobalStage, Seen
from mergec.ops.namespace import Array, ArrayNamespace, Counts, untrapped
from mergec.ops.rounding import proportional, round_significand
from mergec.ops.stage import Cursor, Params, Site
from mergec.ops.tree_sum import combine_leaves, finite

_WIDE_BITS = 53
_Leaves = tuple[list[float], ...]


@frozen
class NormedSetting:
    """The average of a tensor; once `settled` its weights are relative to the norms."""

    informed: Informed
    numel: int
    settled: bool


@final
class GlobalFisher(GlobalStage):
    """The stage of averages weighted by relative information."""

    name: ClassVar[str] = "global_fisher"
    revision: ClassVar[int] = 1

    def passes(self, params: Params) -> int:
        """One for the norms."""
        return 1

    def settled(self, setting: NormedSetting) -> bool:
        """Whether the norms are known."""
        return setting.settled

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """The weights come from the data."""
        return True

    def prepare(self, params: Params, site: Site) -> NormedSetting:
        """The average by the weights as written."""
        return NormedSetting(fisher.STAGE.prepare(params, site), site.numel, settled=False)

    @untrapped
    def observe(
        self,
        xp: ArrayNamespace,
        acc: _Leaves | None,
        blocks: Sequence[Array],
        setting: NormedSetting,
    ) -> _Leaves:
        """Leaf sums of the squares of the information."""
        information = blocks[setting.informed.count :]
        leaves = acc or _no_leaves(setting)
        for sums, (i, _, _) in zip(leaves, setting.informed.members, strict=True):
            known = xp.widen(information[i])
            sums.extend(xp.leaf_sums(known * known))
        return leaves

    def seen(self, acc: _Leaves | None, setting: NormedSetting) -> Seen:
        """One sum of squares for each operand that counts."""
        return Seen(tuple(map(combine_leaves, acc or _no_leaves(setting))))

    def combine_all(
        self, own: Sequence[Any], shared: Counts | None, settings: Sequence[NormedSetting]
    ) -> list[NormedSetting]:
        """The weights divided by the norms, as short numbers of the same ratios."""
        members = settings[0].informed.members
        if not any(setting.numel for setting in settings):
            return [replace(setting, settled=True) for setting in settings]
        squares = [combine_leaves([sums[i] for sums in own]) for i in range(len(members))]
        weights = [
            Fraction(weight) / Fraction(_norm(square))
            for (_, weight, _), square in zip(members, squares, strict=True)
        ]
        found = tuple(
            (i, round_significand(weight, _WIDE_BITS), floor)
            for (i, _, floor), weight in zip(members, proportional(weights), strict=True)
        )
        return [
            replace(setting, informed=replace(setting.informed, members=found), settled=True)
            for setting in settings
        ]

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: NormedSetting, cursor: Cursor
    ) -> Array:
        """One quotient, as in `fisher`."""
        return fisher.STAGE.apply(xp, blocks, setting.informed, cursor)


STAGE = GlobalFisher()


def _no_leaves(setting: NormedSetting) -> _Leaves:
    return tuple([] for _ in setting.informed.members)


def _norm(square: float) -> float:
    if finite(square, "the norm of the Fisher information"):
        return math.sqrt(square)
    raise fail(
        "E817",
        "the Fisher information of an operand is 0 in all tensors, so it has no norm",
        notes=("with `normalize=l2` each operand's information is divided by its norm",),
        help="leave that operand out, or write `normalize=none`",
    )
