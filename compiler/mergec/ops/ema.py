"""Average checkpoints of one training run, the later ones more: the exponential moving average.

Formula    e₁ = c₁;  eₜ = β·eₜ₋₁ + (1 - β)·cₜ;  y = e_T
           so y = β^(T-1)·c₁ + Σ_{t ≥ 2} (1 - β)·β^(T-t)·cₜ
Shapes     T × [*s] → [*s]; one sum with exact coefficients, not T roundings one after the other
Parameters beta: share of what was before, in [0, 1], required; operands in the order of training
Edge cases beta = 0 is the last checkpoint and beta = 1 the first, bit for bit · one checkpoint is
           that checkpoint · statistics of batch normalisation are averaged like all weights
Source     B. T. Polyak, A. B. Juditsky, "Acceleration of stochastic approximation by averaging",
           1992; `torch.optim.swa_utils.get_ema_multi_avg_fn` computes the recursion
Example    ema([1, 0], [2, 0], [4, 8]; beta=0.5) is [2.75, 4]
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.ir import GraphBuilder, NodeKey, Value
from mergec.ops.declaration import REQUIRED, MassRule, Operator, Parameter, number
from mergec.ops.law import Law, equation


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    beta = number(params["beta"])
    last = len(operands) - 1
    parts = [(1 - beta) * beta ** (last - t) for t in range(len(operands))]
    parts[0] = beta**last
    kind = builder[operands[0]].type
    return builder.add("affine", operands, {"coefficients": tuple(parts)}, type=kind)


OPERATOR = Operator(
    name="ema",
    revision=1,
    mass=MassRule.SAME,
    operands=(1, None),
    parameters=(
        Parameter(
            "beta",
            "number",
            REQUIRED,
            "share of the average so far that each checkpoint leaves",
            lo=Fraction(0),
            hi=Fraction(1),
        ),
    ),
    laws=(
        equation("ema(a, b, c; beta=0)", "c", on="adversarial"),
        equation("ema(a, b, c; beta=1)", "a", on="adversarial"),
        equation("ema(a, b, c; beta=1/2)", "ema(ema(a, b; beta=1/2), c; beta=1/2)"),
        equation("ema(a, b; beta=1/4)", "1/4*a + 3/4*b", on="tame"),
        equation("ema(a, a, a; beta=1/3)", "a", tolerance=1e-15, on="tame"),
        equation("ema(a, b; beta=1/4)", "ema(b, a; beta=1/4)", holds=False),
        Law("single_operand_identity", {"beta": Fraction(1, 3)}),
        Law("scale_equivariant", {"beta": Fraction(1, 3)}),
    ),
    page=__doc__ or "",
    lower=_lower,
)
