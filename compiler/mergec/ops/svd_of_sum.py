"""The factors of a sum of adapters at a lower rank, without the matrix that they multiply to.

Formula    B = [B₁ … Bₙ] = U_B·Σ_B·V_Bᵀ and A = [c₁·A₁; …; cₙ·Aₙ] = U_A·Σ_A·V_Aᵀ; with
           U·Σ·Vᵀ the `rank` largest of Σ_B·V_Bᵀ·U_A·Σ_A the result is √Σ·(V_A·V)ᵀ, U_B·U·√Σ
Shapes     n × [out, rankᵢ] and n × [rankᵢ, in] → rank·in + out·rank elements, whole; class T
Parameters coefficients: one rational cᵢ for each adapter · ranks: one for each adapter · rank:
           singular values that are kept, at most min(Σ rankᵢ, out, in)
Edge cases adapters that cancel have factors of zeros · a rank of Σ rankᵢ leaves nothing out
Source     C. Eckart, G. Young, "The approximation of one matrix by another of lower rank", 1936,
           Psychometrika 1, https://doi.org/10.1007/BF02288367. Orthonormal bases of both factors
           leave singular values as they are, so that a matrix of Σ rankᵢ rows has them all
Example    svd_of_sum([[0], [4]], [[1, 0]]; coefficients=[1], ranks=[1], rank=1) is [2, 0] and
           [[0], [2]]
"""

from collections.abc import Sequence
from math import prod
from typing import ClassVar, final

from mergec.frozen import frozen
from mergec.ops.declaration import Shape
from mergec.ops.matrices import Matrix, singular_values
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import rational, rationals
from mergec.ops.stage import Cursor, Params, Site, WholeTensorStage
from mergec.ops.truncation import Triples, factors, leading, scaled_rows


@frozen
class Sum:
    """The coefficients and ranks of the terms, and the rank of the result."""

    coefficients: tuple[float, ...]
    ranks: tuple[int, ...]
    rank: int
    tensor: str


@final
class SvdOfSum(WholeTensorStage):
    """The stage of sums of adapters that are reduced to a rank."""

    name: ClassVar[str] = "svd_of_sum"
    revision: ClassVar[int] = 1
    approximate: ClassVar[bool] = True
    takes_whole: ClassVar[bool] = True

    def workspace(self, params: Params, shape: Shape) -> int:
        """Stacked factors, their bases, the core, and what LAPACK works in."""
        ranks, rank = sum(map(int, rationals(params, "ranks"))), int(rational(params, "rank"))
        sides = prod(shape) // rank
        return 8 * (8 * ranks * sides + 8 * ranks * ranks)

    def prepare(self, params: Params, site: Site) -> Sum:
        """Host scalars."""
        return Sum(
            tuple(map(float, rationals(params, "coefficients"))),
            tuple(map(int, rationals(params, "ranks"))),
            int(rational(params, "rank")),
            site.tensor,
        )

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Sum, cursor: Cursor
    ) -> Array:
        """Both factors, and in the cursor how near their product is."""
        count = len(setting.ranks)
        b = _beside(xp, [xp.widen(block) for block in blocks[:count]], setting)
        a = _below(xp, [xp.widen(block) for block in blocks[count:]], setting)
        (ub, sb, vbt), (ua, sa, vat) = xp.svd(b), xp.svd(a)
        core = scaled_rows(xp, vbt, singular_values(xp, sb)) @ ua
        core = scaled_rows(xp, core.T, singular_values(xp, sa)).T
        triples = leading(xp, *xp.svd(core), setting.rank, setting.tensor)
        cursor.cut = triples.cut
        whole = Triples(triples.left @ ub.T, triples.values, triples.right @ vat, triples.cut)
        return xp.narrow(factors(xp, whole, turned=False), blocks[0])


def _beside(xp: ArrayNamespace, parts: Sequence[Array], setting: Sum) -> Matrix:
    """[B₁ … Bₙ]."""
    rows = len(parts[0]) // setting.ranks[0]
    turned = [
        xp.flat(xp.matrix(part, rank).T) for part, rank in zip(parts, setting.ranks, strict=True)
    ]
    return xp.matrix(xp.join(turned), rows).T


def _below(xp: ArrayNamespace, parts: Sequence[Array], setting: Sum) -> Matrix:
    """[c₁·A₁; …; cₙ·Aₙ]."""
    scaled = [part * c for part, c in zip(parts, setting.coefficients, strict=True)]
    return xp.matrix(xp.join(scaled), len(parts[0]) // setting.ranks[0])


STAGE = SvdOfSum()
