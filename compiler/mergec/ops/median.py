"""At each entry, take the middle one of the operands' values.

Formula    y = x₍ₘ₎ for n = 2m - 1; y = (x₍ₘ₎ + x₍ₘ₊₁₎)/2 for n = 2m; x₍₁₎ ≤ … ≤ x₍ₙ₎ at each entry
Shapes     n × [*s] → [*s]; all models or all deltas; in the work dtype
Parameters even: which value an even number of operands has: mean of the two middle ones, lower or
           upper of them
Edge cases an odd number of operands selects, so the result's bits are an operand's · -0 counts as
           smaller than +0 · one operand is that operand · without a base, since the median of the
           models is the base plus the median of the deltas
Source     D. Yin et al., Byzantine-robust distributed learning (2018), arXiv:1803.01498, definition
           1; numpy takes the mean of the two middle values, PyTorch the lower
Example    median([1, 5], [3, 4], [9, -1]; even=mean) is [3, 4]
"""

from collections.abc import Sequence
from typing import ClassVar, final

from mergec.ops.declaration import MassRule, Operator, Parameter
from mergec.ops.law import Law, equation
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import word
from mergec.ops.stage import Cursor, Params, Site, Stage


@final
class Median(Stage):
    """The stage of the middle value."""

    name: ClassVar[str] = "median"
    revision: ClassVar[int] = 1

    def temporaries(self, operands: int) -> int:
        """The values in order are all held at once, and then their signs."""
        return super().temporaries(operands) + 2 * operands

    def prepare(self, params: Params, site: Site) -> tuple[int, int]:
        """The places of the two values whose mean is the result; often they are one."""
        n = len(site.stored)
        lower, upper = (n - 1) // 2, n // 2
        even = word(params, "even", "mean")
        return (upper if even == "upper" else lower, lower if even == "lower" else upper)

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: tuple[int, int], cursor: Cursor
    ) -> Array:
        """The middle of the values in order; a zero gets the sign of its place in that order."""
        if len(blocks) == 1:
            return blocks[0]
        lower, upper = setting
        values = _in_order(xp, blocks)
        middle = values[lower]
        if lower != upper:
            middle = (middle + values[upper]) * 0.5
        # Comparison does not tell the zeros apart, but their number does: with the negative
        # numbers, -0 fills the first places.
        signed = [xp.mask_as((x < 0) | (1.0 / x < 0), x) for x in blocks]
        below = signed[0]
        for each in signed[1:]:
            below = below + each
        nothing = middle - middle
        zero = xp.where(below > upper, -nothing, nothing)
        return xp.where(middle == 0, zero, middle)


STAGE = Median()
OPERATOR = Operator(
    name="median",
    revision=STAGE.revision,
    mass=MassRule.SAME,
    operands=(1, None),
    parameters=(
        Parameter(
            "even",
            "word",
            "mean",
            "which value an even number of operands has",
            words=("mean", "lower", "upper"),
        ),
    ),
    laws=(
        Law("idempotent"),
        Law("single_operand_identity"),
        Law("permutation_invariant"),
        Law("permutation_invariant", {"even": "lower"}),
        Law("scale_equivariant"),
        Law("scale_equivariant", {"even": "upper"}),
        Law("block_invariant"),
        equation("median(a, b)", "1/2*a + 1/2*b"),
        equation("median(a, b, a; even=lower)", "a", on="adversarial"),
        equation("median(a - base, b - base, c - base)", "median(a, b, c) - base"),
        equation("median(a, b; even=lower) - base", "a - base", holds=False),
    ),
    page=__doc__ or "",
    order_free=True,
)


def _in_order(xp: ArrayNamespace, blocks: Sequence[Array]) -> list[Array]:
    """The blocks' values from least to greatest, entry by entry: insertion by exchanges."""
    values = [blocks[0]]
    for x in blocks[1:]:
        grown: list[Array] = []
        greatest = x
        for value in values:
            exchange = value > greatest
            grown.append(xp.where(exchange, greatest, value))
            greatest = xp.where(exchange, value, greatest)
        values = [*grown, greatest]
    return values
