"""Keep the entries of the summed task vectors that enough of the tasks care about.

Formula    τ = Σᵢ δᵢ;  mᵢ = [|δᵢ| > kappaᵢ · |τ - δᵢ|];
           y = base + scale · (τ where Σᵢ mᵢ ≥ k, else 0)
Shapes     a base and n × [*s] deltas → [*s] model; deltas alone → [*s] delta
Parameters kappa: how much larger than the others' share a task's own must be, > 0, one or one a
           delta · k: how many tasks must care, from 0 to one more than there are deltas · scale:
           factor of the merged task vector
Edge cases k = 0 is task arithmetic · k above the number of deltas leaves the base as it is · a
           smaller k or a smaller kappa keeps no entry less · where nothing is kept the base's bits
           remain
Source     Wang et al., Localizing task information for improved model merging (2024),
           arXiv:2405.07813, eq. 4–6 (TALL masks and consensus task arithmetic). They choose kappa
           for each task among 0.2 … 0.6 by validation; without data 0.4 is used here
Example    consensus([0, 0, 0], [4, 0.5, 1], [4, -4, 0]; kappa=0.4, k=2) is [8, 0, 0]
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.ir import GraphBuilder, NodeKey, Value
from mergec.ops.declaration import MassRule, Operator, Parameter, numbers
from mergec.ops.law import Law, equation
from mergec.ops.merged_delta import SCALE, part


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    parted = part(builder, operands)
    kappas = numbers(params["kappa"], len(parted.deltas))
    return parted.on_base(
        parted.stage("shared_sum", {"kappa": kappas, "k": params["k"]}), params["scale"]
    )


OPERATOR = Operator(
    name="consensus",
    revision=1,
    mass=MassRule.CONSENSUS,
    operands=(1, None),
    parameters=(
        Parameter(
            "kappa",
            "number",
            Fraction(2, 5),
            "how much larger than the others' share a task's own must be",
            lo=Fraction(0),
            lo_open=True,
            per_operand=True,
        ),
        Parameter(
            "k",
            "int",
            2,
            "how many tasks must care for an entry",
            lo=Fraction(0),
            counts_operands=True,
        ),
        SCALE,
    ),
    laws=(
        Law("permutation_invariant"),
        Law("odd"),
        Law("scale_equivariant"),
        Law("untouched_keeps_base"),
        Law("nested_consensus"),
        Law("block_invariant"),
        equation(
            "consensus(base, a, b, c; k=0)",
            "base + (a - base) + (b - base) + (c - base)",
            tolerance=1e-7,
        ),
        equation("consensus(base, a, b, c; k=4)", "base", on="adversarial"),
        equation("consensus(base, a; k=1)", "a", tolerance=1e-7),
        equation("consensus(base, a, b, c; k=1)", "consensus(base, a, b, c; k=3)", holds=False),
    ),
    page=__doc__ or "",
    lower=_lower,
    order_free=True,
)
