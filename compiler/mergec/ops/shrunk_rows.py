"""Average task vectors and shrink each row of the mean by how far they disagree in it.

Formula    as `shrunk_mean`, with one factor t for each row
Shapes     n × [*s] → [*s], n ≥ 2; in the work dtype; inner products in float64, over each row
Parameters estimator: `cosine`, `gram` or `floored` · guard: `clip` t to 0 … 1, `none`, or `error`
Edge cases those of `shrunk_mean`, row by row · a vector is one row
Source     mergekit's `filter_wise` of Model Stock, https://arxiv.org/abs/2403.19522
Example    shrunk_rows([3, 4], [4, 3]) has t = 0.97959 and is [3.4286, 3.4286]
"""

from collections.abc import Sequence
from itertools import combinations
from typing import ClassVar, final

from mergec.catalog.dtypes import Dtype
from mergec.diagnostics import fail
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import word
from mergec.ops.shrunk_mean import FLOOR, Shrinking
from mergec.ops.stage import Cursor, Params, Site, Stage, row_length


@final
class ShrunkRows(Stage):
    """The stage of the mean whose rows are pulled towards nothing, each by itself."""

    name: ClassVar[str] = "shrunk_rows"
    revision: ClassVar[int] = 1

    def grain(self, params: Params, shape: tuple[int, ...]) -> int:
        """Whole rows."""
        return row_length(shape)

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """The factors come from the data, and their products are added to the base."""
        return True

    def temporaries(self, operands: int) -> int:
        """All operands are widened at once."""
        return super().temporaries(operands) + operands

    def prepare(self, params: Params, site: Site) -> Shrinking:
        """The choices."""
        return Shrinking(word(params, "estimator", "cosine"), word(params, "guard", "clip"), site)

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Shrinking, cursor: Cursor
    ) -> Array:
        """The sum, left to right, times the factors. Raises E817 where the guard says so."""
        first, *others = blocks
        total = first
        for x in others:
            total = total + x
        row = setting.site.row
        above, below = _fraction(xp, [xp.widen(x) for x in blocks], row, setting.estimator)
        pole = (below == 0) & (above != 0)
        t = xp.where(below == 0, 0.0, above / xp.where(below == 0, 1.0, below))
        if setting.guard == "clip":
            t = xp.where(t < 0, 0.0, t)
            t = xp.where(t > 1, 1.0, t)
        else:
            refused = pole if setting.guard == "none" else pole | (t < 0) | (t > 1)
            _refuse(xp.count(refused), setting.site.tensor)
        return total * xp.narrow(xp.spread(t / len(blocks), row), first)


STAGE = ShrunkRows()


def _fraction(
    xp: ArrayNamespace, wide: Sequence[Array], row: int, estimator: str
) -> tuple[Array, Array]:
    """Numerator and denominator of each row's t."""
    n = len(wide)
    squares = [xp.row_sums(x * x, row) for x in wide]
    products = [(i, j, xp.row_sums(wide[i] * wide[j], row)) for i, j in combinations(range(n), 2)]
    none = squares[0] - squares[0]
    if estimator == "gram":
        apart, square = none, none
        for _, _, product in products:
            apart = apart + product * 2.0
        for each in squares:
            square = square + each
        return apart * n, (square + apart) * (n - 1)
    norms = [xp.sqrt(each) for each in squares]
    if estimator == "floored":
        for i, j, product in products:
            lengths = norms[i] * norms[j]
            none = none + _clamped(xp, product / xp.where(lengths < FLOOR, FLOOR, lengths))
        mean = none / len(products)
        below = mean * (n - 1) + 1.0
        near = xp.abs(below) < FLOOR
        return xp.where(near, 0.0, mean * n), xp.where(near, 1.0, below)
    total, count = none, none
    for i, j, product in products:
        both = (norms[i] > 0) & (norms[j] > 0)
        cosine = product / xp.where(both, norms[i], 1.0) / xp.where(both, norms[j], 1.0)
        total = total + xp.where(both, _clamped(xp, cosine), 0.0)
        count = count + xp.mask_as(both, total)
    mean = total / xp.where(count == 0, 1.0, count)
    return mean * n, mean * (n - 1) + 1.0


def _clamped(xp: ArrayNamespace, cosine: Array) -> Array:
    cosine = xp.where(cosine > 1, 1.0, cosine)
    return xp.where(cosine < -1, -1.0, cosine)


def _refuse(rows: int, tensor: str) -> None:
    if not rows:
        return
    which = "a row" if rows == 1 else f"{rows} rows"
    raise fail(
        "E817",
        f"the interpolation ratio of {which} of `{tensor}` is not between 0 and 1",
        notes=["the task vectors disagree more than a common direction with noise would"],
        help="write `guard=clip` to take the nearest ratio between 0 and 1",
    )
