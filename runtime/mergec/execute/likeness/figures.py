"""The figures of two values: what is summed of each block, and what the sums come to.

Everything is a sum of float64 over the fixed leaves of a tensor, counts included, which are sums of
ones and so exact. The sums of tensors are added exactly. So a figure depends on the elements alone:
not on blocks, threads or backend. Differences are formed in float64 too.
"""

import math
from collections.abc import Callable, Sequence

from mergec.frozen import frozen
from mergec.ops.measures import Partial, Tally, added, cosine_of
from mergec.ops.namespace import Array, ArrayNamespace
from mergec.ops.tree_sum import combine_leaves


@frozen
class DeltaFigures:
    """Two deltas, A - base and B - base.

    `relative_*` is a delta's norm in norms of the base, `conflicts` the share of opposite signs
    among the entries at which both deltas are not zero, `zeros_*` the share of entries at which a
    delta is. None for what is not defined, such as the cosine with a delta that is all zeros, and
    for what exceeds float64 or has NaN in it.
    """

    tensors: int
    parameters: int
    base_norm: float | None
    delta_a: float | None
    delta_b: float | None
    relative_a: float | None
    relative_b: float | None
    cosine: float | None
    conflicts: float | None
    zeros_a: float | None
    zeros_b: float | None


@frozen
class WeightFigures:
    """Two models, A and B: norms, the norm of their difference, and the share of equal entries.

    `relative` is the norm of the difference in norms of A. None as in `DeltaFigures`.
    """

    tensors: int
    parameters: int
    norm_a: float | None
    norm_b: float | None
    difference: float | None
    relative: float | None
    cosine: float | None
    equal: float | None


Figures = DeltaFigures | WeightFigures


@frozen
class Kind:
    """One kind of figures: how many sums it needs, those of a block, and what they come to.

    `sums` takes the blocks of A, B and perhaps the base, in float64. `figures` takes the sums of
    some tensors, and the number of their elements.
    """

    count: int
    sums: Callable[[ArrayNamespace, Sequence[Array]], tuple[Array, ...]]
    figures: Callable[[Sequence[Partial], int], Figures]

    def begin(self) -> Tally:
        """The tally of a tensor of which nothing was seen."""
        return Tally(tuple([] for _ in range(self.count)))

    def observe(self, xp: ArrayNamespace, tally: Tally, blocks: Sequence[Array]) -> None:
        """Take the leaf sums of one block of each side; blocks come in order."""
        with xp.untrapped():
            for leaves, summed in zip(tally.leaves, self.sums(xp, blocks), strict=True):
                leaves.extend(xp.leaf_sums(summed))

    def partial(self, tally: Tally) -> Partial:
        """What stays of a tensor that was seen whole."""
        return tuple(combine_leaves(leaves) for leaves in tally.leaves), ()


def _sums_of_deltas(xp: ArrayNamespace, blocks: Sequence[Array]) -> tuple[Array, ...]:
    a, b, base = blocks
    x, y = a - base, b - base
    opposite = ((x > 0) & (y < 0)) | ((x < 0) & (y > 0))
    both = ((x > 0) | (x < 0)) & ((y > 0) | (y < 0))
    counted = [xp.mask_as(mask, x) for mask in (opposite, both, x == 0, y == 0)]
    return (x * y, x * x, y * y, base * base, *counted)


def _figures_of_deltas(partials: Sequence[Partial], parameters: int) -> DeltaFigures:
    along, xx, yy, zz, opposite, both, zeros_x, zeros_y = (added(partials, i) for i in range(8))
    return DeltaFigures(
        tensors=len(partials),
        parameters=parameters,
        base_norm=_root(zz),
        delta_a=_root(xx),
        delta_b=_root(yy),
        relative_a=_quotient(_root(xx), _root(zz)),
        relative_b=_quotient(_root(yy), _root(zz)),
        cosine=_known(cosine_of(along, xx, yy)),
        conflicts=_quotient(opposite, both),
        zeros_a=_quotient(zeros_x, parameters),
        zeros_b=_quotient(zeros_y, parameters),
    )


def _sums_of_weights(xp: ArrayNamespace, blocks: Sequence[Array]) -> tuple[Array, ...]:
    a, b = blocks
    gap = a - b
    return (a * b, a * a, b * b, gap * gap, xp.mask_as(a == b, a))


def _figures_of_weights(partials: Sequence[Partial], parameters: int) -> WeightFigures:
    along, xx, yy, gaps, equal = (added(partials, i) for i in range(5))
    return WeightFigures(
        tensors=len(partials),
        parameters=parameters,
        norm_a=_root(xx),
        norm_b=_root(yy),
        difference=_root(gaps),
        relative=_quotient(_root(gaps), _root(xx)),
        cosine=_known(cosine_of(along, xx, yy)),
        equal=_quotient(equal, parameters),
    )


def _root(squares: float) -> float | None:
    return _known(math.sqrt(squares))


def _quotient(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


DELTAS = Kind(8, _sums_of_deltas, _figures_of_deltas)
WEIGHTS = Kind(5, _sums_of_weights, _figures_of_weights)
