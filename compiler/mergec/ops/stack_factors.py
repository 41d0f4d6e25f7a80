"""The factors of several low-rank changes side by side, as the factors of their sum.

Formula    A = [c₁·A₁; …; cₙ·Aₙ] and B = [B₁ … Bₙ], so that B·A = Σᵢ cᵢ·Bᵢ·Aᵢ
Shapes     n × [rankᵢ, in] → [Σ rankᵢ, in], or `across` n × [out, rankᵢ] → [out, Σ rankᵢ]; whole
Parameters coefficients: one rational cᵢ for each operand · ranks: one for each operand · across:
           whether columns stand beside each other, and not rows below each other
Edge cases one operand with the coefficient 1: itself · a coefficient is rounded once, so that its
           product with what is stored is exact, f64 aside
Source     exact concatenation, as in E. J. Hu et al., "LoRA: low-rank adaptation of large language
           models", 2021, section 4.1, https://arxiv.org/abs/2106.09685, for a sum of products
Example    stack_factors([[1, 2]], [[3, 4]]; coefficients=(1, 1/2)) is [[1, 2], [1.5, 2]]
"""

from collections.abc import Sequence
from typing import ClassVar, final

from mergec.catalog.dtypes import Dtype
from mergec.frozen import frozen
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import rationals
from mergec.ops.rounding import coefficient, product_is_exact
from mergec.ops.stage import Cursor, Params, Site, Stage


@frozen
class Stack:
    """The rounded coefficients; `ranks` are empty where rows are stacked."""

    coefficients: tuple[float, ...]
    ranks: tuple[int, ...]
    numel: int


@final
class StackFactors(Stage):
    """The stage of sums that are written as adapters."""

    name: ClassVar[str] = "stack_factors"
    revision: ClassVar[int] = 1
    takes_whole: ClassVar[bool] = True

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """If a coefficient times a factor must round."""
        pairs = zip(rationals(params, "coefficients"), stored, strict=True)
        return not all(product_is_exact(c, work, kind) for c, kind in pairs)

    def workspace(self, params: Params, shape: tuple[int, ...]) -> int:
        """The whole result, twice: factors are small."""
        return 16 * Site("", shape, Dtype.F64, ()).numel

    def prepare(self, params: Params, site: Site) -> Stack:
        """Round the coefficients."""
        exact = rationals(params, "coefficients")
        pairs = zip(exact, site.stored, strict=True)
        ranks = [int(rank) for rank in rationals(params, "ranks")]
        return Stack(
            tuple(coefficient(c, site.work, kind) for c, kind in pairs),
            tuple(ranks) if params["across"] is True else (),
            site.numel,
        )

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Stack, cursor: Cursor
    ) -> Array:
        """The part of the result where the pass stands."""
        parts = [
            block if c == 1.0 else block * c
            for block, c in zip(blocks, setting.coefficients, strict=True)
        ]
        if setting.ranks:
            turned = [
                xp.flat(xp.matrix(part, rank).T)
                for part, rank in zip(parts, setting.ranks, strict=True)
            ]
            rows = setting.numel // sum(setting.ranks)
            whole = xp.flat(xp.matrix(xp.join(turned), rows).T)
        else:
            whole = xp.join(parts)
        count = cursor.count if cursor.count is not None else setting.numel
        return whole[cursor.start : cursor.start + count]


STAGE = StackFactors()
