"""Average the entries that several task vectors have, and boost those that one alone has.

Formula    c = Σᵢ [xᵢ ≠ 0];  out = Σᵢ xᵢ · (λᵢ if c = 1 else 1/c);  λᵢ = 1 + r · min(sᵢ/uᵢ, alpha);
           uᵢ counts the nonzeros of xᵢ where c = 1, sᵢ those where c > 1
Shapes     n × [*s] → [*s]; in the work dtype; counts over the whole tensor
Parameters r, alpha: rationals ≥ 0
Edge cases c = 0 gives +0, so that the base's bits remain · uᵢ = 0: λᵢ = 1 + r · alpha, and no entry
           has it · sums run left to right in operand order
Source     RAM+, arXiv:2601.13572, as mergekit computes it for each tensor; the paper counts over
           the whole model
Example    boosted_mean([4, 2], [0, 4]; r=1, alpha=1/2) is [6, 3]
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import ClassVar, final

from mergec.catalog.dtypes import Dtype
from mergec.frozen import frozen
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import rational
from mergec.ops.rounding import coefficient
from mergec.ops.stage import Cursor, Params, Site, StatisticStage

_Counted = tuple[tuple[int, int], ...]


@frozen
class Boost:
    """The boost of each operand's own entries, once the tensor was seen."""

    r: Fraction
    alpha: Fraction
    site: Site
    boosts: tuple[float, ...] = ()


@final
class BoostedMean(StatisticStage):
    """The stage of the mean that treats shared and unshared entries differently."""

    name: ClassVar[str] = "boosted_mean"
    revision: ClassVar[int] = 1

    def sweeps(self, params: Params, work: Dtype) -> int:
        """One for the counts."""
        return 1

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """The boosts come from the data, and their products are added."""
        return True

    def prepare(self, params: Params, site: Site) -> Boost:
        """The parameters as they are."""
        return Boost(rational(params, "r"), rational(params, "alpha"), site)

    def observe(
        self, xp: ArrayNamespace, acc: _Counted | None, blocks: Sequence[Array], setting: Boost
    ) -> _Counted:
        """Of each operand, how many entries only it has, and how many others have too."""
        sharers = _sharers(xp, blocks)
        before = acc or ((0, 0),) * len(blocks)
        return tuple(
            (own + xp.count((x != 0) & (sharers == 1)), shared + xp.count((x != 0) & (sharers > 1)))
            for x, (own, shared) in zip(blocks, before, strict=True)
        )

    def combine(self, acc: _Counted | None, setting: Boost) -> Boost:
        """The boosts, exact until they are rounded."""
        counted = acc or ((0, 0),) * len(setting.site.stored)
        exact = [boost_of(own, shared, setting.r, setting.alpha) for own, shared in counted]
        return replace(
            setting, boosts=tuple(coefficient(each, setting.site.work, None) for each in exact)
        )

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Boost, cursor: Cursor
    ) -> Array:
        """The sum of all, with unshared entries times their boost, over the number of sharers."""
        sharers = _sharers(xp, blocks)
        total = None
        for x, boost in zip(blocks, setting.boosts, strict=True):
            part = x if boost == 1.0 else xp.where(sharers == 1, x * boost, x)
            part = xp.where(x != 0, part, 0.0)
            total = part if total is None else total + part
        return total / xp.where(sharers == 0, 1.0, sharers)


STAGE = BoostedMean()


def boost_of(own: int, shared: int, r: Fraction, alpha: Fraction) -> Fraction:
    """The factor of entries that only one operand has, from how many it has and how many it shares.

    >>> boost_of(2, 1, Fraction(1, 10), Fraction(1))
    Fraction(21, 20)
    """
    return 1 + r * (min(Fraction(shared, own), alpha) if own else alpha)


def _sharers(xp: ArrayNamespace, blocks: Sequence[Array]) -> Array:
    """How many operands have each entry, in the dtype of the blocks."""
    count = None
    for x in blocks:
        has = xp.mask_as(x != 0, x)
        count = has if count is None else count + has
    return count
