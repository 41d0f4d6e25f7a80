"""Combine, at each entry, the task vectors that agree with the elected sign.

Formula    S = {i : vᵢ ≠ 0, sgn vᵢ = g};  out = Σ_S wᵢ·xᵢ / d;  vᵢ = wᵢ·xᵢ (before) or xᵢ (after);
           d = Σ_S wᵢ (wmean), |S| (mean), 1 (sum); max: the wᵢ·xᵢ of largest magnitude in S
Shapes     ([*s] signs,) n × [*s] → [*s]; in the work dtype
Parameters elected: whether operand 0 is the sign g; if not, S = {i : vᵢ ≠ 0} ·
           weights: n rationals wᵢ · agg: `wmean`, `mean`, `sum` or `max` ·
           weight_stage: `before` or `after` the election
Edge cases empty S gives +0, so that the base's bits remain · equal weights make `wmean` the plain
           mean, bit for bit, and a common scale of the weights changes nothing there · sums run
           left to right in operand order · weights of both signs count as they are in d, where 0
           is taken for 1 · among equal magnitudes `max` takes the first operand's
Source     P. Yadav, D. Tam, L. Choshen, C. Raffel, M. Bansal, "TIES-Merging", 2023, section 4.3,
           https://arxiv.org/abs/2306.01708, where the mean is `mean`; mergekit's is `wmean`
Example    signs [1, -1] with [3, 1] and [1, -4] and weights (1, 1): [2, -4]
"""

from collections.abc import Sequence
from typing import ClassVar, final

from mergec.catalog.dtypes import Dtype
from mergec.frozen import frozen
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import flag, rationals, word
from mergec.ops.rounding import coefficient, product_is_exact, proportional
from mergec.ops.stage import Cursor, Params, Site, Stage


@frozen
class Averaging:
    """Who may agree: (index of the task vector, its weight, whether the weight turns its sign).

    A divisor below `least` is taken for that.
    """

    members: tuple[tuple[int, float, bool], ...]
    elected: bool
    agg: str
    least: float = 0.0


@final
class AgreeingMean(Stage):
    """The stage that merges the entries an election selected."""

    name: ClassVar[str] = "agreeing_mean"
    revision: ClassVar[int] = 1

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """If a weight other than a power of two meets the computed task vectors."""
        exact = rationals(params, "weights")
        if word(params, "agg", "wmean") == "wmean":
            exact = proportional(exact)
        return not all(product_is_exact(w, work, None) for w in exact)

    def prepare(self, params: Params, site: Site) -> Averaging:
        """Weights rounded to work precision: the operands are computed values."""
        exact, agg = rationals(params, "weights"), word(params, "agg", "wmean")
        before = word(params, "weight_stage", "before") == "before"
        if agg == "wmean" and not min(exact) < 0 < max(exact):
            turned = min(exact) < 0  # the ratios of negative weights are positive
            exact = tuple(abs(w) for w in proportional(exact))
        else:
            turned = False
        members = tuple(
            (i, coefficient(w, site.work, None), before and (turned or w < 0))
            for i, w in enumerate(exact)
            if w or not before
        )
        return Averaging(members, flag(params, "elected"), agg)

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Averaging, cursor: Cursor
    ) -> Array:
        """The quotient, correctly rounded once; +0 where nobody agrees."""
        signs, vectors = (blocks[0], blocks[1:]) if setting.elected else (None, blocks)
        if not setting.members:
            return vectors[0] - vectors[0]
        if setting.agg == "max":
            return _largest(xp, signs, vectors, setting)
        total = size = None
        for i, weight, turned in setting.members:
            agrees = _agrees(vectors[i], signs, turned=turned)
            part = xp.where(agrees, _times(vectors[i], weight), 0.0)
            total = _add(total, part)
            if setting.agg == "sum":
                continue
            share = xp.mask_as(agrees, vectors[i])
            share = _times(share, weight) if setting.agg == "wmean" else share
            size = _add(size, share)
        if size is None:
            return total
        if setting.least:
            return total / xp.where(size < setting.least, setting.least, size)
        return total / xp.where(size == 0, 1.0, size)


STAGE = AgreeingMean()


def _add(total: Array | None, part: Array) -> Array:
    """Into `total`, which this stage made itself."""
    if total is None:
        return part
    total += part
    return total


def _agrees(x: Array, signs: Array | None, *, turned: bool) -> Array:
    """Membership in S. The product with -1, 0 or 1 is exact and zero only for non-members."""
    if signs is None:
        return x != 0
    return x * signs < 0 if turned else x * signs > 0


def _largest(
    xp: ArrayNamespace, signs: Array | None, vectors: Sequence[Array], setting: Averaging
) -> Array:
    best = None
    for i, weight, turned in setting.members:
        agrees = _agrees(vectors[i], signs, turned=turned)
        found = xp.where(agrees, _times(vectors[i], weight), 0.0)
        best = found if best is None else xp.where(xp.abs(found) > xp.abs(best), found, best)
    return best


def _times(x: Array, weight: float) -> Array:
    return x if weight == 1.0 else x * weight
