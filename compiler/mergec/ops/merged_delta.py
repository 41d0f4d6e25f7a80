"""What consensus operators share: operands parted into base and deltas, the result put on the base.

`y = base + scale · f(δ₁ … δₙ)`, or `scale · f(δ₁ … δₙ)` where deltas alone are given.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.frozen import frozen
from mergec.ir import DELTA, MODEL, GraphBuilder, NodeKey, Value
from mergec.ops.declaration import Parameter, number

SCALE = Parameter("scale", "number", Fraction(1), "factor of the merged task vector")


@frozen
class Parted:
    """The operands of one call: the base, if there is one, and the deltas."""

    builder: GraphBuilder
    base: Sequence[NodeKey]
    deltas: Sequence[NodeKey]

    def stage(self, name: str, params: Mapping[str, Value]) -> NodeKey:
        """A stage over the deltas that gives one delta."""
        return self.builder.add(name, self.deltas, params, type=DELTA)

    def on_base(self, merged: NodeKey, scale: Value) -> NodeKey:
        """`scale` times the merged delta, added to the base."""
        parts = (*(Fraction(1) for _ in self.base), number(scale))
        result = MODEL if self.base else DELTA
        return self.builder.add(
            "affine", [*self.base, merged], {"coefficients": parts}, type=result
        )


def part(builder: GraphBuilder, operands: Sequence[NodeKey]) -> Parted:
    """The operands of a consensus operator, of which a model can only be the base."""
    has_base = builder[operands[0]].type == MODEL
    return Parted(builder, operands[:has_base], operands[has_base:])
