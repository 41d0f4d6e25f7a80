"""The factors of the nearest matrix of low rank: those of an adapter that is made of a delta.

Formula    A = √Σ·Vᵀ and B = U·√Σ over the `rank` largest singular values of the operand, so that
           B·A is what `svd` gives; A and then B, each row by row; `turned` factors the transpose
Shapes     [out, in] → rank·in + out·rank elements, whole; in float64, class T
Parameters rank: singular values that are kept, at most min(out, in) · turned: whether the tensor is
           [in, out]
Edge cases a matrix of zeros has factors of zeros · of each pair of vectors the left one's first
           large element is positive, so that signs are no accident
Source     C. Eckart, G. Young, "The approximation of one matrix by another of lower rank", 1936,
           Psychometrika 1, https://doi.org/10.1007/BF02288367
Example    svd_factors([[0, 0], [4, 0]]; rank=1) is [2, 0] and [[0], [2]]
"""

from collections.abc import Sequence
from typing import ClassVar, final

from mergec.frozen import frozen
from mergec.ops.declaration import Shape
from mergec.ops.matrices import columns, rank_room
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import flag, rational
from mergec.ops.stage import Cursor, Params, Site, WholeTensorStage
from mergec.ops.truncation import factors, leading


@frozen
class Factoring:
    """Singular values that are kept, the matrix's sides, and the tensor."""

    rank: int
    rows: int
    columns: int
    turned: bool
    tensor: str


@final
class SvdFactors(WholeTensorStage):
    """The stage of deltas that are written as adapters."""

    name: ClassVar[str] = "svd_factors"
    revision: ClassVar[int] = 1
    approximate: ClassVar[bool] = True

    def workspace(self, params: Params, shape: Shape) -> int:
        """U and Vᵀ, the factors, and what LAPACK works in."""
        k = rank_room(shape)
        return 8 * (6 * k * (shape[0] + columns(shape)) + 4 * k * k)

    def prepare(self, params: Params, site: Site) -> Factoring:
        """Host scalars."""
        rank, sides = int(rational(params, "rank")), (site.shape[0], columns(site.shape))
        return Factoring(rank, *sides, flag(params, "turned"), site.tensor)

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Factoring, cursor: Cursor
    ) -> Array:
        """Both factors, and in the cursor how near their product is."""
        delta = xp.widen(blocks[0])
        if not xp.count(delta != 0):
            cursor.cut = (0.0, 0.0)
            count = setting.rank * (setting.rows + setting.columns)
            return xp.narrow(xp.tile(xp.floats([0.0]), count), blocks[0])
        found = xp.svd(xp.matrix(delta, setting.columns))
        triples = leading(xp, *found, setting.rank, setting.tensor)
        cursor.cut = triples.cut
        return xp.narrow(factors(xp, triples, turned=setting.turned), blocks[0])


STAGE = SvdFactors()
