"""Average the latest k checkpoints of one training run.

Formula    y = (c_{T-k+1} + … + c_T) / k
Shapes     T × [*s] → [*s]
Parameters k: how many of the latest count, from 1, required; operands in the order of training
Edge cases k = 1 is the last checkpoint, bit for bit · with k ≥ T all count · checkpoints before the
           window are not read
Source     J. Kaddour, "Stop wasting my time! Saving days of ImageNet and BERT training with latest
           weight averaging", 2022, arXiv:2209.14981
Example    lawa([9, 9], [2, 0], [4, 8]; k=2) is [3, 4]
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.ir import GraphBuilder, NodeKey, Value
from mergec.ops.declaration import REQUIRED, MassRule, Operator, Parameter, number
from mergec.ops.law import Law, equation


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    window = operands[-int(number(params["k"])) :]
    parts = (Fraction(1, len(window)),) * len(window)
    kind = builder[operands[0]].type
    return builder.add("affine", window, {"coefficients": parts}, type=kind)


OPERATOR = Operator(
    name="lawa",
    revision=1,
    mass=MassRule.SAME,
    operands=(1, None),
    parameters=(
        Parameter("k", "int", REQUIRED, "how many of the latest checkpoints", lo=Fraction(1)),
    ),
    laws=(
        equation("lawa(a, b, c; k=1)", "c", on="adversarial"),
        equation("lawa(a, b, c; k=2)", "linear(b, c)", on="adversarial"),
        equation("lawa(a, b, c; k=7)", "linear(a, b, c)", on="adversarial"),
        equation("2*lawa(a, b, c; k=2) - 2*lawa(a, b; k=2)", "c - a"),
        equation("lawa(a, b, c; k=2)", "lawa(c, b, a; k=2)", holds=False),
        Law("single_operand_identity", {"k": 2}),
        Law("scale_equivariant", {"k": 2}),
    ),
    page=__doc__ or "",
    lower=_lower,
)
