"""Add multiples of tensors, so that untouched coordinates keep the bits of the stored part.

Formula    out = Σᵢ cᵢ·xᵢ
Shapes     n × [*s] → [*s]; n ≥ 1; in the work dtype
Parameters coefficients: n rationals cᵢ, each rounded once so that cᵢ times stored data is exact
Edge cases the stored terms are added left to right, the computed ones likewise, then both: where
           the computed part is zero the stored part's bits remain, -0 included ·
           cᵢ = ±1 multiplies nothing · cᵢ = 0 adds nothing · all cᵢ = 0 gives +0 · equal cᵢ are
           rounded equally whatever the operands' dtypes, the work dtype's own excepted
Source     the numeric contract of mergec; coefficient rounding makes fused and separate
           multiply-add agree
Example    affine(x, y; coefficients=(1/2, 1/2)) of [1, 2] and [3, -2] is [2, 0]
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar, final

from mergec.catalog.dtypes import Dtype
from mergec.frozen import frozen
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import rationals
from mergec.ops.rounding import coefficient, even_precision, product_is_exact
from mergec.ops.stage import Cursor, Params, Site, Stage


@frozen
class Terms:
    """(operand index, rounded nonzero coefficient) of the stored and of the computed operands."""

    stored: tuple[tuple[int, float], ...]
    computed: tuple[tuple[int, float], ...]


@final
class Affine(Stage):
    """The stage of every linear operator: averages, task arithmetic, scaling."""

    name: ClassVar[str] = "affine"
    revision: ClassVar[int] = 1

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """If a coefficient times a computed value, or one as wide as the work dtype, must round."""
        pairs = zip(rationals(params, "coefficients"), stored, strict=True)
        return not all(product_is_exact(c, work, kind) for c, kind in pairs)

    def prepare(self, params: Params, site: Site) -> Terms:
        """Round the coefficients for this tensor's dtypes."""
        return round_terms(rationals(params, "coefficients"), site)

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Terms, cursor: Cursor
    ) -> Array:
        """Σᵢ cᵢ·xᵢ; may be an operand's block itself."""
        return add_terms(xp, blocks, setting)


STAGE = Affine()


def round_terms(exact: Sequence[Fraction], site: Site) -> Terms:
    """Coefficients, one per operand, rounded and parted into stored and computed; no zeros."""
    kinds = even_precision(site.stored, site.work)
    rounded = [coefficient(c, site.work, kind) for c, kind in zip(exact, kinds, strict=True)]
    terms = [(i, c) for i, c in enumerate(rounded) if c != 0.0]
    return Terms(
        tuple((i, c) for i, c in terms if site.stored[i] is not None),
        tuple((i, c) for i, c in terms if site.stored[i] is None),
    )


def add_terms(xp: ArrayNamespace, blocks: Sequence[Array], terms: Terms) -> Array:
    """The sum of the stored terms plus the sum of the computed ones."""
    if not terms.stored and not terms.computed:
        return blocks[0] - blocks[0]
    if not terms.computed or not terms.stored:
        return _left_to_right(blocks, terms.stored or terms.computed)
    base = _left_to_right(blocks, terms.stored)
    rest = _left_to_right(blocks, terms.computed)
    # -0 + 0 is +0: only selection keeps the sign of an untouched zero.
    return xp.where(rest == 0, base, base + rest)


def _left_to_right(blocks: Sequence[Array], terms: Sequence[tuple[int, float]]) -> Array:
    (first, c), *others = terms
    total = _times(blocks[first], c)
    owned = c != 1.0
    for i, c in others:
        if owned:
            total += _times(blocks[i], c)
        else:
            total, owned = total + _times(blocks[i], c), True
    return total


def _times(x: Array, c: float) -> Array:
    if c == 1.0:
        return x
    return -x if c == -1.0 else x * c
