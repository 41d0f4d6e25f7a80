"""Set the entries that are not larger than a bound to zero.

Formula    out = x where |x| > bound, 0 elsewhere; bound = epsilon, or epsilon · rms(x) if relative
Shapes     [*s] → [*s]; in the work dtype; the root mean square in float64 over the whole tensor
Parameters epsilon: rational ≥ 0 · relative: bool
Edge cases epsilon 0 changes no number; zeros become +0 · dropped entries are +0
Source     the active sets of RAM, arXiv:2601.13572
Example    threshold([3, -1, 0]; epsilon=1) is [3, 0, 0]
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import ClassVar, final

from mergec.catalog.dtypes import Dtype
from mergec.frozen import frozen
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import flag, rational
from mergec.ops.rounding import coefficient
from mergec.ops.stage import Cursor, Params, Site, StatisticStage
from mergec.ops.tree_sum import finite, total


@frozen
class Bound:
    """What an entry must exceed; `epsilon` is exact, and relative until the tensor was seen."""

    epsilon: Fraction
    site: Site
    bound: float


@final
class Threshold(StatisticStage):
    """The stage of a lower bound on magnitudes."""

    name: ClassVar[str] = "threshold"
    revision: ClassVar[int] = 1

    def sweeps(self, params: Params, work: Dtype) -> int:
        """One for the root mean square of a relative bound."""
        return int(flag(params, "relative"))

    def prepare(self, params: Params, site: Site) -> Bound:
        """The absolute bound in work precision."""
        epsilon = rational(params, "epsilon")
        return Bound(epsilon, site, coefficient(epsilon, site.work, None))

    @untrapped
    def observe(
        self, xp: ArrayNamespace, acc: list[float] | None, blocks: Sequence[Array], setting: Bound
    ) -> list[float]:
        """Leaf sums of x² in float64."""
        x = xp.widen(blocks[0])
        return [*(acc or ()), *xp.leaf_sums(x * x)]

    def combine(self, acc: list[float] | None, setting: Bound) -> Bound:
        """The bound for this tensor's root mean square."""
        tensor = setting.site.tensor
        mean = total(acc or (), tensor) / max(setting.site.numel, 1)
        exact = setting.epsilon * Fraction(finite(math.sqrt(mean), f"the norm of `{tensor}`"))
        return replace(setting, bound=coefficient(exact, setting.site.work, None))

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Bound, cursor: Cursor
    ) -> Array:
        """By selection."""
        return xp.where(xp.abs(blocks[0]) > setting.bound, blocks[0], 0.0)


STAGE = Threshold()
