"""Keep the n largest of every m entries, among those that no other task vector has taken.

Formula    out = x where |x| is among the n largest of its block of m neighbouring entries whose
           takers are all zero, 0 elsewhere
Shapes     [*s], k × [*s] takers → [*s]; blocks are counted along the flat tensor; in the work dtype
Parameters n, m: integers, 1 ≤ n ≤ m
Edge cases equal magnitudes by the lowest index · a last, shorter block keeps min(n, its length) ·
           zeros are never kept and take nothing · dropped entries are +0
Source     Z. Yang et al., "CABS: Conflict-Aware and Balanced Sparsification for Enhancing Model
           Merging", 2025, https://arxiv.org/abs/2503.01874; their code leaves a last, shorter block
           out
Example    n_of_m([4, -1, 5], [0, 0, 2]; n=1, m=3) is [4, 0, 0]
"""

from collections.abc import Sequence
from typing import ClassVar, final

from mergec.frozen import frozen
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import integer
from mergec.ops.stage import Cursor, Params, Site, Stage


@frozen
class Share:
    """n entries of every m."""

    n: int
    m: int


@final
class KeepNOfM(Stage):
    """The stage of balanced pruning around what others hold (CABS)."""

    name: ClassVar[str] = "n_of_m"
    revision: ClassVar[int] = 1

    def grain(self, params: Params, shape: tuple[int, ...]) -> int:
        """Whole blocks of m."""
        return integer(params, "m")

    def prepare(self, params: Params, site: Site) -> Share:
        """Both numbers."""
        return Share(integer(params, "n"), integer(params, "m"))

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Share, cursor: Cursor
    ) -> Array:
        """Select by rank in the block; a class at the threshold by index."""
        x, m = blocks[0], setting.m
        count = len(x)
        for taker in blocks[1:]:
            x = xp.where(taker == 0, x, 0.0)
        rows = -(-count // m)
        if count % m:
            x = _padded(xp, x, rows * m)
        kept = xp.where(_largest(xp, x, setting.n, m), x, 0.0)
        return xp.take(kept, xp.iota(count)) if count % m else kept


STAGE = KeepNOfM()


def _padded(xp: ArrayNamespace, x: Array, size: int) -> Array:
    """With zeros up to `size` elements."""
    places = xp.iota(size)
    inside = places < len(x)
    return xp.where(inside, xp.take(x, places * xp.mask_as(inside, places)), 0.0)


def _largest(xp: ArrayNamespace, x: Array, n: int, m: int) -> Array:
    """The nonzero entries among the n largest of each row of m, equals by the lowest index."""
    size = xp.widen(xp.abs(x))
    at_threshold = xp.row_ranks(x, m) == m - n
    threshold = xp.spread(xp.row_sums(xp.where(at_threshold, size, 0.0), m), m)
    above, level = size > threshold, (size == threshold) & (size > 0)
    if not xp.count(level):
        return above
    room = n - xp.spread(xp.row_sums(xp.mask_as(above, size), m), m)
    ones = xp.mask_as(level, size)
    # How many of the class stand before each row, taken off a count over the whole block.
    so_far = xp.widen(xp.cumulative_count(level))
    before = xp.spread(-xp.row_max(ones - so_far, m), m)
    return above | (level & (so_far - before <= room))
