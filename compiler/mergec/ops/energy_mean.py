"""Average the task vectors that agree with the elected sign, each by its energy.

Formula    eᵢ = Σ (xᵢ where marked)² over the tensor;  S = {i : xᵢ ≠ 0, sgn xᵢ = g};
           out = Σ_S eᵢ·xᵢ / Σ_S eᵢ
Shapes     [*s] signs g, ([*s] mask of 0 and 1,) n × [*s] → [*s]; energies in float64
Parameters masked: whether operand 1 is the mask; if not, every entry is marked ·
           merge: `selected` averages marked entries only, `all` every entry · dialect: `mergekit`
           weighs equally where Σ eᵢ is below 1e-6 an element, and divides by at least 1e-6 · Σ eᵢ
Edge cases empty S gives +0 · all energies zero: equal weights · equal energies make it the plain
           mean of those that agree, bit for bit
Source     the coefficients of SCE, https://arxiv.org/abs/2408.07990, section 3.3
Example    signs [1, 1], mask [1, 1], [2, 0] and [0, 2]: [2, 2]
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import ClassVar, final

from mergec.catalog.dtypes import Dtype
from mergec.frozen import frozen
from mergec.ir import Value
from mergec.ops.agreeing_mean import STAGE as AGREEING_MEAN
from mergec.ops.agreeing_mean import Averaging
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import flag, in_dialect, word
from mergec.ops.stage import Cursor, Params, Site, StatisticStage
from mergec.ops.tree_sum import total

_Leaves = tuple[list[float], ...]
_LEAST = Fraction(1, 10**6)


@frozen
class Energies:
    """What is averaged, and once the tensor was seen by which weights."""

    masked: bool
    selected: bool
    site: Site
    averaging: Averaging | None = None
    least: Fraction = Fraction(0)

    @property
    def first(self) -> int:
        """The place of the first task vector among the operands."""
        return 2 if self.masked else 1


@final
class EnergyMean(StatisticStage):
    """The stage of the mean that is weighted by energies."""

    name: ClassVar[str] = "energy_mean"
    revision: ClassVar[int] = 1

    def sweeps(self, params: Params, work: Dtype) -> int:
        """One for the energies."""
        return 1

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """The weights come from the data, and their products are added."""
        return True

    def prepare(self, params: Params, site: Site) -> Energies:
        """The choices."""
        merges_selected = word(params, "merge", "selected") != "all"
        least = _LEAST if in_dialect(params) else Fraction(0)
        return Energies(flag(params, "masked"), merges_selected, site, least=least)

    @untrapped
    def observe(
        self, xp: ArrayNamespace, acc: _Leaves | None, blocks: Sequence[Array], setting: Energies
    ) -> _Leaves:
        """Leaf sums of the squares of the marked entries."""
        vectors = _marked(xp, blocks, setting)
        leaves = acc or tuple([] for _ in vectors)
        for sums, x in zip(leaves, vectors, strict=True):
            wide = xp.widen(x)
            sums.extend(xp.leaf_sums(wide * wide))
        return leaves

    def combine(self, acc: _Leaves | None, setting: Energies) -> Energies:
        """The weights of the average."""
        count = len(setting.site.stored) - setting.first
        tensor = setting.site.tensor
        energies = [total(sums, tensor) for sums in acc or ([],) * count]
        return replace(setting, averaging=averaging_by(energies, setting.site, setting.least))

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Energies, cursor: Cursor
    ) -> Array:
        """The weighted mean of those that agree."""
        vectors = _marked(xp, blocks, setting) if setting.selected else blocks[setting.first :]
        assert setting.averaging is not None
        return AGREEING_MEAN.apply(xp, [blocks[0], *vectors], setting.averaging, cursor)


STAGE = EnergyMean()


def averaging_by(energies: Sequence[float], site: Site, least: Fraction = Fraction(0)) -> Averaging:
    """The average by exact energies; equal weights if all are zero.

    So too if they come to less than `least` for each element, which is also the least share of all
    that is divided by.
    """
    exact = tuple(Fraction(energy) for energy in energies)
    if not any(exact) or sum(exact) < least * site.numel:
        exact = (Fraction(1),) * len(exact)
    params: dict[str, Value] = {
        "weights": exact,
        "agg": "wmean",
        "weight_stage": "before",
        "elected": True,
    }
    averaging = AGREEING_MEAN.prepare(params, site)
    whole = math.fsum(weight for _, weight, _ in averaging.members)
    return replace(averaging, least=float(least) * whole)


def _marked(xp: ArrayNamespace, blocks: Sequence[Array], setting: Energies) -> Sequence[Array]:
    if not setting.masked:
        return blocks[1:]
    return [xp.where(blocks[1] != 0, x, 0.0) for x in blocks[2:]]
