"""Average task vectors and shrink the mean by how far they disagree.

Formula    c = mean_{i<j} cos(xᵢ, xⱼ);  t = n·c/(1 + (n - 1)·c);  out = t · Σᵢ xᵢ/n;
           angle: c is the cosine of the mean angle; gram: t = mean_{i≠j}⟨xᵢ, xⱼ⟩ / ‖Σᵢ xᵢ/n‖²;
           floored: cos(xᵢ, xⱼ) = ⟨xᵢ, xⱼ⟩ / max(‖xᵢ‖·‖xⱼ‖, 1e-6), t = 0 at |1 + (n - 1)·c| < 1e-6
Shapes     n × [*s] → [*s], n ≥ 2; in the work dtype; inner products in float64, over the tensor
Parameters estimator: `cosine`, `angle`, `gram` or `floored` (in mergekit's dialect) · guard: `clip`
           t to 0 … 1, `none`, or `error`
Edge cases a pair with a zero tensor has no cosine and does not count; without a pair t = 0 · a pole
           of t: 0 if clipped, else E817 · t outside 0 … 1 with `error`: E817
Source     the interpolation ratio of Model Stock, https://arxiv.org/abs/2403.19522, eq. 7
Example    shrunk_mean([3, 4], [4, 3]) has t = 0.97959 and is [3.4286, 3.4286]
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from typing import ClassVar, final

from mergec.catalog.dtypes import Dtype
from mergec.diagnostics import fail
from mergec.frozen import frozen
from mergec.ops.gram import Gram, Leaves, gram_leaves, gram_of
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import word
from mergec.ops.rounding import coefficient
from mergec.ops.stage import Cursor, Params, Site, StatisticStage

FLOOR = 1e-6


@frozen
class Shrinking:
    """How the factor of the sum is found, and once the tensor was seen the factor."""

    estimator: str
    guard: str
    site: Site
    factor: float = 0.0


@final
class ShrunkMean(StatisticStage):
    """The stage of the mean that is pulled towards nothing."""

    name: ClassVar[str] = "shrunk_mean"
    revision: ClassVar[int] = 1

    def sweeps(self, params: Params, work: Dtype) -> int:
        """One for all inner products."""
        return 1

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """The factor comes from the data, and its product is added to the base."""
        return True

    def temporaries(self, operands: int) -> int:
        """All operands are widened at once; a product, and what halves it."""
        return operands + 3

    def prepare(self, params: Params, site: Site) -> Shrinking:
        """The choices."""
        return Shrinking(word(params, "estimator", "cosine"), word(params, "guard", "clip"), site)

    @untrapped
    def observe(
        self, xp: ArrayNamespace, acc: Leaves | None, blocks: Sequence[Array], setting: Shrinking
    ) -> Leaves:
        """Leaf sums of all products."""
        return gram_leaves(xp, acc, blocks)

    def combine(self, acc: Leaves | None, setting: Shrinking) -> Shrinking:
        """The factor of the sum. Raises E817 where the guard says so."""
        count, site = len(setting.site.stored), setting.site
        t = guarded(shrinkage(gram_of(acc, count, site.tensor), setting.estimator), setting)
        factor = coefficient(Fraction(t) / count, site.work, None)
        return Shrinking(setting.estimator, setting.guard, site, factor)

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Shrinking, cursor: Cursor
    ) -> Array:
        """The sum, left to right, times the factor."""
        first, *others = blocks
        total = first
        for x in others:
            total = total + x
        return total * setting.factor


STAGE = ShrunkMean()


def shrinkage(gram: Gram, estimator: str) -> float | None:
    """The factor t, unguarded; None at its pole.

    >>> shrinkage(Gram(((1.0, 1.0), (1.0, 2.0))), "gram")
    0.8
    """
    n = len(gram.products)
    pairs = list(combinations(range(n), 2))
    if estimator == "gram":
        apart = 2.0 * math.fsum(gram.products[i][j] for i, j in pairs)
        square = math.fsum(value for row in gram.products for value in row)
        # mean over n·(n - 1) ordered pairs, divided by ‖Σ‖²/n²
        return _ratio(apart * n, square * (n - 1))
    if estimator == "floored":
        floored = [gram.cosine(i, j, floor=FLOOR) for i, j in pairs]
        c = math.fsum(floored) / len(floored)
        pole = 1.0 + (n - 1) * c
        return 0.0 if abs(pole) < FLOOR else n * c / pole
    found = [gram.cosine(i, j) for i, j in pairs if gram.norms[i] and gram.norms[j]]
    if not found:
        return 0.0
    if estimator == "angle":
        c = math.cos(math.fsum(math.acos(cosine) for cosine in found) / len(found))
    else:
        c = math.fsum(found) / len(found)
    return _ratio(n * c, 1.0 + (n - 1) * c)


def guarded(t: float | None, setting: Shrinking) -> float:
    """`t` as the guard lets it through."""
    if setting.guard == "clip":
        return min(max(t or 0.0, 0.0), 1.0)
    if t is not None and (setting.guard == "none" or 0.0 <= t <= 1.0):
        return t
    said = "has a pole" if t is None else f"is {t:.3g} and not between 0 and 1"
    raise fail(
        "E817",
        f"the interpolation ratio of `{setting.site.tensor}` {said}",
        notes=["the task vectors disagree more than a common direction with noise would"],
        help="write `guard=clip` to take the nearest ratio between 0 and 1",
    )


def _ratio(above: float, below: float) -> float | None:
    """0/0, where all is zero, is 0."""
    if below:
        ratio = above / below
        return ratio if math.isfinite(ratio) else None
    return None if above else 0.0
