"""Drop entries at random, the smaller of each row more often, and rescale those that stay.

Formula    out = x/qⱼ where kept, 0 elsewhere; qⱼ = density - epsilon + 2·epsilon·rⱼ/(m - 1), with
           rⱼ the place of |xⱼ| in its row of m entries, from 0 for the least
Shapes     [*s] → [*s]; in the work dtype
Parameters density (0, 1] mean share kept, exact · epsilon: from the mean to either end of a row ·
           seed, role, label: with the tensor's name and the entry's index they alone decide what is
           drawn · rescale: `per_element` divides by qⱼ · `l1` restores Σ|x| of the tensor · `none`
Edge cases equal magnitudes by index · a row of one entry has q = density · epsilon = 0 has the
           mask of `drop`, bit for bit · dropped entries are +0 · a vector is one row ·
           `l1` with nothing but zeros kept changes nothing
Source     P. Deep, R. Bhardwaj, S. Poria, "DELLA-Merging", 2024, section 3.1,
           https://arxiv.org/abs/2406.11617; its window is 2·epsilon
Example    with the mask 1 0 1: drop_by_rank([4, 2, -1]; density=1/2, epsilon=1/4) is
           [5.3333, 0, -4]
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from math import lcm
from typing import ClassVar, final

from mergec.catalog.dtypes import SIGNIFICAND_BITS, Dtype
from mergec.frozen import frozen
from mergec.ops.drop import restoring_factor
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import integer, rational, word
from mergec.ops.rounding import coefficient
from mergec.ops.stage import Cursor, MaskStage, Params, Site, given_mask, row_length
from mergec.ops.threefry import Key, keep_below, keep_threshold, mask_key

_Seen = tuple[int, list[float], list[float]]


@frozen
class RankTable:
    """By place in a row: below which word an entry is kept, and what it is then divided by."""

    thresholds: tuple[int, ...]
    divisors: tuple[float, ...]


@frozen
class RankDropSetting:
    """The mask's key and table; kept entries are divided by it if so set, times `factor`.

    `mask` is the whole tensor's, if it is given instead of drawn.
    """

    key: Key
    table: RankTable
    divides: bool
    site: Site
    factor: float = 1.0
    mask: tuple[bool, ...] | None = None


@final
class DropByRank(MaskStage):
    """The stage of random dropping by magnitude (DELLA)."""

    name: ClassVar[str] = "drop_by_rank"
    revision: ClassVar[int] = 1

    def grain(self, params: Params, shape: tuple[int, ...]) -> int:
        """Whole rows."""
        return row_length(shape)

    def sweeps(self, params: Params, work: Dtype) -> int:
        """One to restore the L1 norm, else none."""
        return int(word(params, "rescale", "per_element") == "l1")

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """If the norm is restored, by a factor that comes from the data."""
        return word(params, "rescale", "per_element") == "l1"

    def prepare(self, params: Params, site: Site) -> RankDropSetting:
        """The tensor's key and the table for its rows."""
        key = mask_key(
            integer(params, "seed"),
            word(params, "role", "dare"),
            word(params, "label", ""),
            site.tensor,
        )
        density, epsilon = rational(params, "density"), rational(params, "epsilon")
        divides = word(params, "rescale", "per_element") == "per_element"
        return RankDropSetting(
            key, rank_table(density, epsilon, site.row, site.work), divides, site
        )

    def keep_probabilities(
        self, params: Params, shape: tuple[int, ...], values: Sequence[float]
    ) -> tuple[Fraction, ...]:
        """By the place of each magnitude in its row."""
        density, epsilon = rational(params, "density"), rational(params, "epsilon")
        row = row_length(shape)
        found: dict[int, Fraction] = {}
        for start in range(0, len(values), max(row, 1)):
            order = sorted(range(start, start + row), key=lambda i: (abs(values[i]), i))
            for rank, i in enumerate(order):
                found[i] = keep_probability(density, epsilon, rank, row)
        return tuple(found[i] for i in range(len(values)))

    def with_mask(self, setting: RankDropSetting, mask: tuple[bool, ...]) -> RankDropSetting:
        """The setting with `mask` instead of the one that the key draws."""
        return replace(setting, mask=mask)

    @untrapped
    def observe(
        self,
        xp: ArrayNamespace,
        acc: _Seen | None,
        blocks: Sequence[Array],
        setting: RankDropSetting,
    ) -> _Seen:
        """Leaf sums of |x| over all and over the kept entries, and how many entries were seen."""
        start, every, kept = acc or (0, [], [])
        size = xp.widen(xp.abs(blocks[0]))
        mask = _keep(xp, blocks[0], setting, start)[0]
        every += xp.leaf_sums(size)
        kept += xp.leaf_sums(xp.where(mask, size, 0.0))
        return start + len(blocks[0]), every, kept

    def combine(self, acc: _Seen | None, setting: RankDropSetting) -> RankDropSetting:
        """The factor that restores the L1 norm of this realisation."""
        _, every, kept = acc or (0, [], [])
        return replace(setting, factor=restoring_factor(every, kept, setting.site))

    @untrapped
    def apply(
        self,
        xp: ArrayNamespace,
        blocks: Sequence[Array],
        setting: RankDropSetting,
        cursor: Cursor,
    ) -> Array:
        """Draw this block's part of the mask and rescale by selection."""
        mask, ranks = _keep(xp, blocks[0], setting, cursor.start)
        return keep_divided(xp, blocks[0], mask, ranks, setting)


STAGE = DropByRank()


def keep_probability(density: Fraction, epsilon: Fraction, rank: int, row: int) -> Fraction:
    """How probably an entry is kept that is at place `rank` of a row of `row` entries.

    >>> [str(keep_probability(Fraction(1, 2), Fraction(1, 4), r, 3)) for r in range(3)]
    ['1/4', '1/2', '3/4']
    """
    return density + epsilon * Fraction(2 * rank - row + 1, row - 1) if row > 1 else density


@lru_cache(maxsize=32)
def rank_table(density: Fraction, epsilon: Fraction, row: int, work: Dtype) -> RankTable:
    """Thresholds and divisors of all places of a row; made once for all tensors of such rows."""
    if row < 2:
        return RankTable((keep_threshold(density),), (coefficient(density, work, None),))
    # In integers, for a row may be as long as a vocabulary: q = (first + rank·step)/whole.
    unit = lcm(density.denominator, epsilon.denominator)
    whole, step = unit * (row - 1), int(2 * epsilon * unit)
    first = int((density - epsilon) * whole)
    shares = range(first, first + row * step, step) if step else (first,) * row
    thresholds = tuple((share << 32) // whole for share in shares)
    divisors = (share / whole for share in shares)  # Python rounds quotients of integers correctly
    if work is Dtype.F32:
        divisors = (_round_quotient(share, whole, SIGNIFICAND_BITS[work]) for share in shares)
    return RankTable(thresholds, tuple(divisors))


def keep_divided(
    xp: ArrayNamespace, x: Array, mask: Array, ranks: Array, setting: RankDropSetting
) -> Array:
    """`x` divided and multiplied as `setting` says where `mask` holds, +0 elsewhere."""
    if setting.divides:
        x = x / xp.narrow(xp.take(xp.floats(setting.table.divisors), ranks), x)
    if setting.factor != 1.0:
        x = x * setting.factor
    return xp.where(mask, x, 0.0)


def _round_quotient(numerator: int, denominator: int, bits: int) -> float:
    """The nearest number of `bits` significant bits, ties to even; the quotient is in (0, 1]."""
    exponent = math.frexp(numerator / denominator)[1]
    digits, rest = divmod(numerator << (bits - exponent), denominator)
    digits += 2 * rest > denominator or (2 * rest == denominator and digits % 2)
    return math.ldexp(digits, exponent - bits)


def _keep(
    xp: ArrayNamespace, x: Array, setting: RankDropSetting, start: int
) -> tuple[Array, Array]:
    """Which entries of a block are kept, and the place of each in its row."""
    ranks = xp.row_ranks(x, setting.site.row)
    if setting.mask is not None:
        return given_mask(xp, setting.mask, start, len(x)), ranks
    thresholds = xp.take(xp.integers(setting.table.thresholds), ranks)
    return keep_below(xp, setting.key, start, thresholds), ranks
