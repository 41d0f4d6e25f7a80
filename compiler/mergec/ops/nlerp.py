"""Average the directions of several tensors, and their lengths.

Formula    ŵᵢ = wᵢ/Σw;  m = Σᵢ ŵᵢ·xᵢ/‖xᵢ‖;  y = (Σᵢ ŵᵢ·‖xᵢ‖) · m/‖m‖
Shapes     n × [*s] → [*s]; all models or all deltas; norms in float64, over the whole tensor
Parameters weights: one number for each operand, ≥ 0 (default: equal); only their ratios count ·
           dialect: `mergekit` adds 1e-8 to norms that it divides by, and takes the weighted average
           of two operands whose directions cancel
Edge cases directions that cancel, ‖m‖ < 1e-6: E817 · a zero tensor has no direction and counts for
           the length alone · all zero: the weighted average · one operand is that operand, bit for
           bit · a zero weight drops its operand
Source     normalised linear interpolation; mergekit's `multislerp` is this method, for the step
           along the tangent that it describes is always zero. The mean on the sphere is `karcher`
Example    nlerp([3, 0], [0, 4]; weights=1) is [2.4749, 2.4749]
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import ClassVar, final

from mergec.catalog.dtypes import Dtype
from mergec.diagnostics import fail
from mergec.ops.affine import add_terms
from mergec.ops.declaration import DIALECT, MassRule, Operator
from mergec.ops.gram import Leaves, gram_leaves, gram_of
from mergec.ops.law import Law, equation
from mergec.ops.mean_direction import (
    WEIGHTS,
    Directions,
    along,
    check_weights,
    is_contractible,
    mean_direction,
    start,
)
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import in_dialect
from mergec.ops.stage import Cursor, Params, Site, StatisticStage

_MARGIN = 1e-8


@final
class Nlerp(StatisticStage):
    """The stage of normalised linear interpolation."""

    name: ClassVar[str] = "nlerp"
    revision: ClassVar[int] = 1

    def sweeps(self, params: Params, work: Dtype) -> int:
        """One for all inner products."""
        return 1

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """Unless all operands are stored and narrow: the coefficients come from the data."""
        return is_contractible(stored, work)

    def temporaries(self, operands: int) -> int:
        """All operands are widened at once; a product, and what halves it."""
        return operands + 3

    def prepare(self, params: Params, site: Site) -> Directions:
        """The terms of the weighted average, which hold if all tensors are zero."""
        begun = start(params, site)
        return replace(begun, margin=_MARGIN) if in_dialect(params) else begun

    @untrapped
    def observe(
        self, xp: ArrayNamespace, acc: Leaves | None, blocks: Sequence[Array], setting: Directions
    ) -> Leaves:
        """Leaf sums of all products."""
        return gram_leaves(xp, acc, blocks)

    def combine(self, acc: Leaves | None, setting: Directions) -> Directions:
        """The terms for this tensor. Raises E817 for directions that cancel."""
        gram = gram_of(acc, len(setting.shares), setting.site.tensor)
        if not any(setting.pointing(gram)):
            return setting
        mean = mean_direction(gram, setting.pointing(gram))
        if mean is None and setting.margin and len(setting.shares) == 2:
            return setting
        if mean is None:
            raise fail(
                "E817",
                f"the directions of the operands' `{setting.site.tensor}` cancel, so they have no "
                "mean",
                help="give unequal `weights`, or write `linear` for the plain average",
            )
        return along(setting, gram, mean)

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Directions, cursor: Cursor
    ) -> Array:
        """All operands times their coefficients, added."""
        return add_terms(xp, blocks, setting.terms)


STAGE = Nlerp()
OPERATOR = Operator(
    name="nlerp",
    revision=STAGE.revision,
    mass=MassRule.SAME,
    operands=(1, None),
    parameters=(WEIGHTS, DIALECT),
    laws=(
        Law("idempotent"),
        Law("single_operand_identity"),
        Law("permutation_invariant", tolerance=1e-6),
        Law("weight_scale_invariant", {"weights": (Fraction(3), Fraction(1))}),
        Law("scale_equivariant"),
        Law("scale_equivariant", {"weights": (Fraction(1), Fraction(2), Fraction(5))}),
        Law("averages_norms", tolerance=1e-6),
        Law("averages_norms", {"weights": (Fraction(1), Fraction(2), Fraction(5))}, tolerance=1e-6),
        Law("block_invariant"),
        equation("nlerp(a, b)", "slerp(a, b; t=1/2, norm=polar)", tolerance=1e-6, on="tame"),
        equation(
            "nlerp(a - base, -(a - base); dialect=mergekit)", "0*(a - base)", tolerance=2.0**-20
        ),
        equation("nlerp(a, b)", "linear(a, b)", tolerance=1e-6, holds=False, on="tame"),
        equation(
            "nlerp(a, b; weights=[3, 1])",
            "slerp(a, b; t=1/4, norm=polar)",
            tolerance=1e-6,
            holds=False,
            on="tame",
        ),
    ),
    page=__doc__ or "",
    check=check_weights,
    order_free=True,
)
