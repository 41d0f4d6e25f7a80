"""Mark the entries where several task vectors differ most from one another.

Formula    V = Σ_{i<j} (xᵢ - xⱼ)², which orders entries as their variance does;
           out = 1 on the k entries of largest V, 0 elsewhere;  k = ⌊tau · nnz(V)⌋
Shapes     n × [*s] → [*s] of 0 and 1 in the work dtype, n ≥ 2; V in float64
Parameters tau: rational in (0, 1] · dialect: `mergekit` takes tau·nnz(V) in float32 before ⌊⌋
Edge cases where V = 0 nothing is marked · among equals the lowest flat index comes first · k = 0
           marks nothing · a common shift of all operands changes V by rounding alone
Source     the selection of SCE, https://arxiv.org/abs/2408.07990, section 3.3
Example    variance_mask([1, 2, 3, 4], [1, 2, 5, 3]; tau=1/2) is [0, 0, 1, 0]
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from typing import Any, ClassVar, final

from mergec.catalog.dtypes import SIGNIFICAND_BITS, Dtype
from mergec.frozen import frozen
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import in_dialect, rational
from mergec.ops.rounding import round_significand
from mergec.ops.select_top import Search, search_sweeps, start_search
from mergec.ops.stage import Cursor, Params, Site, StatisticStage
from mergec.ops.top_mask import top_mask


@frozen
class Selection:
    """The search for the k-th largest variance; k is known when all were seen once.

    It may turn out that none is to be found: then the mask is `empty`.
    """

    tau: Fraction
    binary: bool = False
    search: Search | None = None
    empty: bool = False


@final
class VarianceMask(StatisticStage):
    """The stage of selection by disagreement."""

    name: ClassVar[str] = "variance_mask"
    revision: ClassVar[int] = 1

    def sweeps(self, params: Params, work: Dtype) -> int:
        """Those of a search among float64."""
        return search_sweeps(Dtype.F64)

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """Squares are added."""
        return True

    def prepare(self, params: Params, site: Site) -> Selection:
        """The share; the search begins when the nonzeros were counted."""
        return Selection(rational(params, "tau"), in_dialect(params))

    @untrapped
    def observe(
        self, xp: ArrayNamespace, acc: Any, blocks: Sequence[Array], setting: Selection
    ) -> Any:
        """Count one digit of the variances and, in the first sweep, those that are not zero."""
        if setting.empty:
            return acc
        spread = _spread(xp, blocks)
        search = setting.search or start_search(1, Dtype.F64)
        counts = xp.histogram(spread, search.shift, search.prefix)
        found = xp.count(spread > 0)
        if acc is None:
            return counts, found
        so_far, before = acc
        so_far += counts
        return so_far, before + found

    def combine(self, acc: Any, setting: Selection) -> Selection:
        """The search one digit on."""
        if setting.empty:
            return setting
        counts, found = acc or (None, 0)
        search = setting.search
        if search is None:
            k = _share(setting, found)
            if k == 0:
                return replace(setting, empty=True)
            search = start_search(k, Dtype.F64)
        return replace(setting, search=search.narrow(counts))

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Selection, cursor: Cursor
    ) -> Array:
        """The mask as zeros and ones."""
        if setting.search is None:
            return xp.mask_as(blocks[0] != blocks[0], blocks[0])
        marked, cursor.carry = top_mask(xp, _spread(xp, blocks), setting.search, cursor.carry)
        return xp.mask_as(marked, blocks[0])


STAGE = VarianceMask()


def _share(setting: Selection, found: int) -> int:
    """How many of the `found` are selected."""
    if not setting.binary:
        return setting.tau.numerator * found // setting.tau.denominator
    bits = SIGNIFICAND_BITS[Dtype.F32]
    share, count = (Fraction(round_significand(x, bits)) for x in (setting.tau, Fraction(found)))
    return min(int(round_significand(share * count, bits)), found)


def _spread(xp: ArrayNamespace, blocks: Sequence[Array]) -> Array:
    """Σ (xᵢ - xⱼ)², exactly zero where all agree, and exact where the deltas are short numbers."""
    wide = [xp.widen(x) for x in blocks]
    total = None
    for x, y in combinations(wide, 2):
        gap = x - y
        square = gap * gap
        total = square if total is None else total + square
    return total
