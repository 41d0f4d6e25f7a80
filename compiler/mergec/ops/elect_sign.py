"""Elect one sign for each entry among several task vectors.

Formula    mass: g = sgn Σᵢ vᵢ; count: g = sgn Σᵢ sgn vᵢ; vᵢ = wᵢ·xᵢ (before) or xᵢ (after)
Shapes     n × [*s] → [*s] of -1, 0, 1 in the work dtype
Parameters weights: n rationals wᵢ, of which only the ratios count · elect: `mass` or `count` ·
           zero, what a tie yields: `drop` 0 · `positive` 1 · `negative` -1 · `majority` the sign of
           the sum of the tensor's elected signs · weight_stage: `before` or `after` the election
Edge cases the sum is exact, so operand order and a power-of-two scale never change a sign ·
           a majority of 0 is negative, as in the authors' code · where every vᵢ is 0 the elected
           sign is that of a tie, and no entry agrees with it
Source     P. Yadav, D. Tam, L. Choshen, C. Raffel, M. Bansal, "TIES-Merging", 2023, section 4.2,
           https://arxiv.org/abs/2306.01708; `zero=drop` leaves their code's `majority`
Example    elect_sign(x, y; weights=(1, 1)) of [2, -1, 0] and [-1, 1, -3] is [1, 0, -1]
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import ClassVar, final

from mergec.catalog.dtypes import Dtype
from mergec.frozen import frozen
from mergec.ops.exact_sign import with_sign_of_sum
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import rationals, word
from mergec.ops.rounding import product_is_exact, proportional, round_significand
from mergec.ops.stage import Cursor, Params, Site, StatisticStage

# float32 data has 24 bits; with 29 more its product with a weight is exact in float64.
_WEIGHT_BITS = {Dtype.F32: 29, Dtype.F64: 53}
_TIE = {"drop": 0.0, "positive": 1.0, "negative": -1.0, "majority": 0.0}


@frozen
class Election:
    """(operand index, weight) of those that vote, how they vote, and the sign a tie yields."""

    voters: tuple[tuple[int, float], ...]
    by_count: bool
    tie: float


@final
class ElectSign(StatisticStage):
    """The stage of sign election."""

    name: ClassVar[str] = "elect_sign"
    revision: ClassVar[int] = 1

    def sweeps(self, params: Params, work: Dtype) -> int:
        """One to find the tensor's majority, else none."""
        return int(word(params, "zero", "drop") == "majority")

    def prepare(self, params: Params, site: Site) -> Election:
        """Weights as short numbers of the same ratios, rounded so that products are exact."""
        exact = rationals(params, "weights")
        if word(params, "weight_stage", "before") == "after":
            exact = (Fraction(1),) * len(exact)
        weights = [round_significand(w, _WEIGHT_BITS[site.work]) for w in proportional(exact)]
        voters = tuple((i, w) for i, w in enumerate(weights) if w != 0.0)
        return Election(
            voters,
            word(params, "elect", "mass") == "count",
            _TIE[word(params, "zero", "drop")],
        )

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """In float64, where a weight leaves its product no room to be exact."""
        if work is Dtype.F32 or word(params, "weight_stage", "before") == "after":
            return False
        exact = proportional(rationals(params, "weights"))
        return not all(product_is_exact(w, work, None) for w in exact)

    def temporaries(self, operands: int) -> int:
        """More than three terms are widened and kept as an expansion of as many components."""
        few = super().temporaries(operands)
        return few if operands <= 3 else few + 4 * (operands - 1)

    @untrapped
    def observe(
        self, xp: ArrayNamespace, acc: int | None, blocks: Sequence[Array], setting: Election
    ) -> int:
        """The sum of the elected signs so far."""
        elected = _elect(xp, blocks, setting)
        return (acc or 0) + xp.count(elected > 0) - xp.count(elected < 0)

    def combine(self, acc: int | None, setting: Election) -> Election:
        """A tie yields the majority's sign."""
        return replace(setting, tie=1.0 if (acc or 0) > 0 else -1.0)

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Election, cursor: Cursor
    ) -> Array:
        """The elected signs, ties resolved."""
        elected = _elect(xp, blocks, setting)
        return xp.where(elected == 0, setting.tie, elected) if setting.tie != 0.0 else elected


STAGE = ElectSign()


def _elect(xp: ArrayNamespace, blocks: Sequence[Array], setting: Election) -> Array:
    like = blocks[0]
    if not setting.voters:
        return xp.sign(like - like, like)
    if setting.by_count:
        return xp.sign(_count_signs(xp, blocks, setting.voters), like)
    # Products need float64 to be exact, and more than three terms its range.
    wide = len(setting.voters) > 3 or any(abs(w) != 1.0 for _, w in setting.voters)
    terms = [_weigh(xp.widen(blocks[i]) if wide else blocks[i], w) for i, w in setting.voters]
    return xp.sign(with_sign_of_sum(xp, terms), like)


def _weigh(x: Array, weight: float) -> Array:
    if abs(weight) != 1.0:
        return x * weight
    return -x if weight < 0 else x


def _count_signs(
    xp: ArrayNamespace, blocks: Sequence[Array], voters: Sequence[tuple[int, float]]
) -> Array:
    (first, weight), *others = voters
    total = _vote(xp, blocks[first], weight)
    for i, weight in others:
        total += _vote(xp, blocks[i], weight)
    return total


def _vote(xp: ArrayNamespace, x: Array, weight: float) -> Array:
    vote = xp.sign(x, x)
    return -vote if weight < 0 else vote
