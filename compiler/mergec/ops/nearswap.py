"""Move each entry of a model towards another model's, by no more than a limit.

Formula    y = a + min(max(x - a, -limit), limit)
Shapes     [*s], [*s] → [*s]; both models or both deltas; in the work dtype
Parameters limit: the most an entry moves, absolute, ≥ 0, required
Edge cases limit = 0 gives a, bit for bit · an entry no further than limit from a is x's, bit for
           bit · the limit is absolute, so the result does not scale with the tensors
Source     a model card's method, known from mergekit, whose `t` is the limit here; it divides by
           differences of at least 1e-6 and so deviates below that limit. The card reports that
           quality collapses above 0.0025
Example    nearswap([1, -2, 0.5], [1.5, -2.125, 0.5]; limit=1/4) is [1.25, -2.125, 0.5]
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar, final

from mergec.ops.declaration import REQUIRED, MassRule, Operator, Parameter
from mergec.ops.law import Law, equation
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import rational
from mergec.ops.rounding import coefficient
from mergec.ops.stage import Cursor, Params, Site, Stage


@final
class Nearswap(Stage):
    """The stage of a bounded move."""

    name: ClassVar[str] = "nearswap"
    revision: ClassVar[int] = 1

    def prepare(self, params: Params, site: Site) -> float:
        """The limit in work precision."""
        return coefficient(rational(params, "limit"), site.work, None)

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: float, cursor: Cursor
    ) -> Array:
        """The near entries of the second operand; elsewhere the first moved by the limit."""
        a, x = blocks
        if setting == 0.0:
            return a
        gap = x - a
        moved = xp.where(gap > 0, a + setting, a - setting)
        return xp.where(xp.abs(gap) <= setting, x, moved)


STAGE = Nearswap()
OPERATOR = Operator(
    name="nearswap",
    revision=STAGE.revision,
    mass=MassRule.SAME,
    operands=(2, 2),
    parameters=(Parameter("limit", "number", REQUIRED, "the most an entry moves", lo=Fraction(0)),),
    laws=(
        Law("stays_within"),
        Law("block_invariant", {"limit": Fraction(1, 4)}),
        Law("scale_equivariant", {"limit": Fraction(1, 4)}, holds=False),
        Law("permutation_invariant", {"limit": Fraction(1, 4)}, holds=False),
        equation("nearswap(a, b; limit=0)", "a", on="adversarial"),
        equation("nearswap(a, b; limit=8)", "b"),
        equation("nearswap(nearswap(a, b; limit=1/4), b; limit=1/2)", "nearswap(a, b; limit=3/4)"),
        equation("nearswap(a - base, b - base; limit=1/4)", "nearswap(a, b; limit=1/4) - base"),
    ),
    page=__doc__ or "",
)
