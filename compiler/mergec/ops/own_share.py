"""Take one task's share of a task vector that all tasks have in common, rescaled to its own size.

Formula    m = [sgn x = sgn u, x ≠ 0];  out = s · u where m, 0 elsewhere;  s = Σ|x| / Σ|u where m|
Shapes     [*s] unified u and [*s] own x → [*s]; in the work dtype, sums in float64
Parameters -
Edge cases u agrees nowhere with x: s = 0, so all is +0 · u = x: s is 1 exactly · s is rounded to
           work precision
Source     the modulators of EMR-Merging, https://arxiv.org/abs/2405.17461, section 4.2
Example    u = [4, -1, 2] and x = [2, 1, 1]: m = [1, 0, 1], s = 4/6
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import ClassVar, final

from mergec.catalog.dtypes import Dtype
from mergec.frozen import frozen
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.rounding import coefficient
from mergec.ops.stage import Cursor, Params, Site, StatisticStage
from mergec.ops.tree_sum import combine_leaves, finite, total

Leaves = tuple[list[float], list[float]]


@frozen
class ShareSetting:
    """The tensor, and once it was seen the factor."""

    site: Site
    factor: float = 0.0


@final
class OwnShare(StatisticStage):
    """The stage of EMR's masks and rescalers."""

    name: ClassVar[str] = "own_share"
    revision: ClassVar[int] = 1

    def sweeps(self, params: Params, work: Dtype) -> int:
        """One for the sizes."""
        return 1

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """The factor comes from the data."""
        return True

    def prepare(self, params: Params, site: Site) -> ShareSetting:
        """Nothing is known yet."""
        return ShareSetting(site)

    @untrapped
    def observe(
        self, xp: ArrayNamespace, acc: Leaves | None, blocks: Sequence[Array], setting: ShareSetting
    ) -> Leaves:
        """Leaf sums of the magnitudes of x, and of those of u where they agree."""
        own, shared = acc or _no_leaves()
        own += xp.leaf_sums(xp.widen(xp.abs(blocks[1])))
        shared += xp.leaf_sums(xp.widen(xp.abs(_agreeing(xp, blocks))))
        return own, shared

    def combine(self, acc: Leaves | None, setting: ShareSetting) -> ShareSetting:
        """The factor of this tensor."""
        own, shared = (total(leaves, setting.site.tensor) for leaves in acc or _no_leaves())
        return with_factor(setting, own, shared)

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: ShareSetting, cursor: Cursor
    ) -> Array:
        """By selection, so that no other entry leaks in."""
        share = _agreeing(xp, blocks)
        if setting.factor == 1.0:
            return share
        return xp.where(share != 0, share * setting.factor, 0.0)


STAGE = OwnShare()


def means(acc: Leaves | None, site: Site) -> tuple[float, float]:
    """The mean magnitude of x over a tensor, and of u where they agree; 0 of no element."""
    name = f"the norm of `{site.tensor}`"
    own, shared = (finite(combine_leaves(leaves), name) for leaves in acc or _no_leaves())
    return own / max(site.numel, 1), shared / max(site.numel, 1)


def with_factor(setting: ShareSetting, own: float, shared: float) -> ShareSetting:
    """The factor that gives what is shared the size of what is the task's own."""
    ratio = Fraction(own) / Fraction(shared) if shared else Fraction(0)
    return replace(setting, factor=coefficient(ratio, setting.site.work, None))


def _no_leaves() -> Leaves:
    return [], []


def _agreeing(xp: ArrayNamespace, blocks: Sequence[Array]) -> Array:
    """What of u has the sign of x. By comparisons: a product of the two may underflow."""
    unified, own = blocks
    agrees = ((own > 0) & (unified > 0)) | ((own < 0) & (unified < 0))
    return xp.where(agrees, unified, 0.0)
