"""Multiply a task vector by a number.

Formula    y = by · δ
Shapes     [*s] delta → [*s] delta, in the work dtype
Parameters by: the factor, required
Edge cases by = 1 is the delta itself · by = 0 is zero · negative values negate (forgetting)
Source     Ilharco et al., Editing models with task arithmetic (2023), arXiv:2212.04089, §2
Example    scale([1, -2]; by=0.5) is [0.5, -1]
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.ir import DELTA, GraphBuilder, NodeKey, Value
from mergec.ops.declaration import REQUIRED, MassRule, Operator, Parameter, number
from mergec.ops.law import Law, equation


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    return builder.add("affine", operands, {"coefficients": (number(params["by"]),)}, type=DELTA)


OPERATOR = Operator(
    name="scale",
    revision=1,
    mass=MassRule.DELTA,
    operands=(1, 1),
    parameters=(Parameter("by", "number", REQUIRED, "the factor"),),
    laws=(
        Law("identity_at", {"by": 1}),
        Law("odd"),
        Law("scale_equivariant"),
        Law("shape_free"),
        equation("scale(a - base; by=3/4)", "3/4*(a - base)", on="adversarial"),
        equation("scale(scale(a - base; by=3); by=1/4)", "scale(a - base; by=3/4)"),
        equation("base + scale(a - base; by=-1) + (a - base)", "base", on="adversarial"),
        equation("scale(a - base; by=0)", "a - a"),
        Law("idempotent_map", {"by": Fraction(3, 2)}, holds=False),
    ),
    page=__doc__ or "",
    lower=_lower,
)
