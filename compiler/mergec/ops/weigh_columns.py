"""Add task vectors, each weighed by how far its columns moved in length and in direction.

Formula    out = Σᵢ σᵢ ⊙ δᵢ; with m and D the norm and direction of a column of base or base + δᵢ:
           Δmᵢ = |mᵢ - m_base|, Δdᵢ = 1 - cos(Dᵢ, D_base), each ranked among the c columns of its
           tensor; score = exp(rankᵢ/c)/Σₗ exp(rankₗ/c), or `value` where rankᵢ is above `ratio`
           times the mean rank; σᵢ = (score of Δm + score of Δd)/2
           a vector: scores of |δᵢ| itself instead of ranks, one for each entry
Shapes     base [*s], n × [*s] → [*s]; scores in float64 on the host, the sum in the work dtype
Parameters ratio: rational ≥ 0 · value: rational · axis: along which a norm is taken, `out` for the
           columns of an (out, in) matrix, `in` for its rows
Edge cases ranks from 0 for the least, equals by index · a column of zeros has Δd = 0 ·
           where the sum is 0 it is +0
Source     T. Yu, B. Yu, H. Yu, F. Huang, Y. Li, "Extend Model Merging from Fine-Tuned to
           Pre-Trained Large Language Models via Weight Disentanglement", 2024, section 3,
           https://arxiv.org/abs/2408.03092; the difference of directions is taken as half the
           square of their distance, which does not lose small ones
Example    weigh_columns([1, 1], [3, 1]; ratio=1, value=1) with one task vector is [3, 1]
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from math import prod
from typing import ClassVar, final

from mergec.catalog.dtypes import Dtype
from mergec.frozen import frozen
from mergec.ops.groups import Groups
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import rational, word
from mergec.ops.stage import Cursor, Params, Site, WholeTensorStage
from mergec.ops.tree_sum import finite

_Row = Sequence[float]


@frozen
class Weighing:
    """`groups` are the columns, or None for a vector."""

    ratio: Fraction
    value: float
    groups: Groups | None
    site: Site


@final
class WeighColumns(WholeTensorStage):
    """The stage of weight disentanglement (WIDEN)."""

    name: ClassVar[str] = "weigh_columns"
    revision: ClassVar[int] = 1

    def workspace(self, params: Params, shape: tuple[int, ...]) -> int:
        """The weights of a vector are numbers of the host, and so are their parts."""
        return 200 * prod(shape) if len(shape) < 2 else 0

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """The weights come from the data."""
        return True

    def prepare(self, params: Params, site: Site) -> Weighing:
        """Which columns there are."""
        groups = Groups(site.row, columns=word(params, "axis", "out") == "out")
        return Weighing(
            rational(params, "ratio"),
            float(rational(params, "value")),
            groups if len(site.shape) > 1 else None,
            site,
        )

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Weighing, cursor: Cursor
    ) -> Array:
        """Each task vector times the weights of its columns, added left to right."""
        base, deltas = blocks[0], blocks[1:]
        if setting.groups is None:
            scores = entry_weights(xp, deltas, setting)
            weights = [xp.narrow(xp.floats(score), base) for score in scores]
        else:
            scores = column_weights(xp, base, deltas, setting, setting.groups)
            weights = [setting.groups.give(xp, score, base) for score in scores]
        total = None
        for delta, given in zip(deltas, weights, strict=True):
            part = delta * given
            total = part if total is None else total + part
        return xp.where(total != 0, total, 0.0)


STAGE = WeighColumns()


def column_weights(
    xp: ArrayNamespace, base: Array, deltas: Sequence[Array], setting: Weighing, groups: Groups
) -> list[list[float]]:
    """σ of each task vector's columns."""
    wide = xp.widen(base)
    squares = groups.sums(xp, wide * wide)
    lengths: list[list[int]] = []
    turns: list[list[int]] = []
    for delta in deltas:
        moved = xp.widen(delta)
        model = wide + moved
        found = zip(
            squares, groups.sums(xp, model * model), groups.sums(xp, moved * moved), strict=True
        )
        changes = [_change(*sums, setting.site.tensor) for sums in found]
        lengths.append(_ranks([length for length, _ in changes]))
        turns.append(_ranks([turn for _, turn in changes]))
    pairs = zip(_rank_scores(lengths, setting), _rank_scores(turns, setting), strict=True)
    return [
        [(x + y) / 2 for x, y in zip(of_length, of_turn, strict=True)]
        for of_length, of_turn in pairs
    ]


def entry_weights(
    xp: ArrayNamespace, deltas: Sequence[Array], setting: Weighing
) -> list[list[float]]:
    """σ of each task vector's entries, for tensors without columns."""
    sizes: list[list[float]] = [xp.host(xp.widen(xp.abs(delta))) for delta in deltas]
    shares = [_softmax(at_entry) for at_entry in zip(*sizes, strict=True)]
    weights: list[list[float]] = []
    for i, of_model in enumerate(sizes):
        # The sum is rounded once, so that no order is in it.
        above = float(setting.ratio) * math.fsum(of_model) / max(len(of_model), 1)
        weights.append(
            [setting.value if x > above else shares[j][i] for j, x in enumerate(of_model)]
        )
    return weights


def _change(base: float, model: float, moved: float, tensor: str) -> tuple[float, float]:
    """How far a column moved in length and direction, from |b|², |x|² and |x - b|²."""
    for square in (base, model, moved):
        finite(square, f"the norm of a column of `{tensor}`")
    old, new = math.sqrt(base), math.sqrt(model)
    gap = abs(new - old)
    if old == 0.0 or new == 0.0:
        return gap, 0.0
    less, more = sorted((old, new))
    return gap, max(moved - gap * gap, 0.0) / more / less / 2


def _ranks(values: _Row) -> list[int]:
    """The place of each value from 0 for the least; equals by index."""
    ranks = [0] * len(values)
    for rank, i in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        ranks[i] = rank
    return ranks


def _rank_scores(ranks: Sequence[Sequence[int]], setting: Weighing) -> list[_Row]:
    """For each model the scores of its columns."""
    count = len(ranks[0])
    above = setting.ratio * (count - 1) / 2
    shares = [_softmax([of_model[j] / count for of_model in ranks]) for j in range(count)]
    return [
        [setting.value if rank > above else shares[j][i] for j, rank in enumerate(of_model)]
        for i, of_model in enumerate(ranks)
    ]


def _softmax(values: _Row) -> list[float]:
    """The sum is rounded once, so that the order of models is not in it."""
    most = max(values)
    powers = [math.exp(value - most) for value in values]
    total = math.fsum(powers)
    return [power / total for power in powers]
