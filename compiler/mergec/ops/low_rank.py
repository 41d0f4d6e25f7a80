"""The change that the two factors of an adapter stand for: their matrix product.

Formula    out = B·A, or (B·A)ᵀ if `turned`; each element is Σₖ bₖ·aₖ with k rising, every product
           and every sum rounded to the work dtype
Shapes     B [out, rank] and A [rank, in] → [out, in], or [in, out] if `turned`; of a convolution
           A is [rank, in, height, width]; blocks of the result, the factors whole
Parameters rank: columns of B and rows of A · turned: whether the tensor is [in, out]
Edge cases products of stored factors are exact in the work dtype, those in f64 aside, so that
           results have the same bits everywhere, whatever the blocks
Source     E. J. Hu et al., "LoRA: low-rank adaptation of large language models", 2021, section
           4.1, https://arxiv.org/abs/2106.09685; the scale is a factor of its own
Example    low_rank([[1], [2]], [[3, 4]]) is [[3, 4], [6, 8]]
"""

from collections.abc import Sequence
from typing import ClassVar, final

from mergec.catalog.dtypes import SIGNIFICAND_BITS, Dtype
from mergec.frozen import frozen
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import integer
from mergec.ops.stage import Cursor, Params, Site, Stage


@frozen
class Product:
    """How the factors are multiplied; `numel` elements come of them."""

    rank: int
    turned: bool
    numel: int


@final
class LowRank(Stage):
    """The stage of adapters."""

    name: ClassVar[str] = "low_rank"
    revision: ClassVar[int] = 1
    takes_whole: ClassVar[bool] = True

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """If products of elements must round, as they do for f64."""
        bits = sum(SIGNIFICAND_BITS[kind or work] for kind in stored)
        return bits > SIGNIFICAND_BITS[work]

    def prepare(self, params: Params, site: Site) -> Product:
        """Host scalars."""
        return Product(integer(params, "rank"), params["turned"] is True, site.numel)

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Product, cursor: Cursor
    ) -> Array:
        """The elements from where the pass stands."""
        b, a = blocks
        count = cursor.count if cursor.count is not None else setting.numel
        return xp.low_rank(b, a, setting.rank, cursor.start, count, turned=setting.turned)


STAGE = LowRank()
