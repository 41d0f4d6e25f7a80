"""Unify all task vectors into one, and give a task its share of it, rescaled to its own size.

Formula    g = sgn Σᵢ δᵢ, negative where that is 0;  u = g · maxᵢ {|δᵢ| : sgn δᵢ = g};
           m = [sgn δ_task = g];  s = Σ mean|δ_task| / Σ mean|u where m|;  y = base + s · m ⊙ u
Shapes     a base and n × [*s] deltas → [*s] model; deltas alone → [*s] delta
Parameters task: whose model it is, the number of a delta as written, from 1 · scope: global, s is
           one number for the task, from sums over all tensors of each tensor's mean; or tensor, s
           is one number for each tensor
Edge cases one delta: itself, exactly · a task that agrees with u nowhere gets the base, for its s
           is 0 · where the deltas sum to zero only negative entries count · an entry outside the
           task's mask keeps the base's bits · the deltas count alike, and the order in which they
           are written says only which is number `task`
Source     Huang, Ye, Chen, He, Zhang, EMR-Merging (2024), arXiv:2405.17461, section 4.2. The method
           stores u and, for each task, m and s; here each export is the model of one task, and u is
           ties(...; density=1, agg=max, zero=negative)
Example    emr([0, 0, 0], [2, 1, 1], [4, -3, 3]; task=1) is [2.2857, 0, 1.7143]
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from mergec.ir import DELTA, SIGN, GraphBuilder, NodeKey, Value
from mergec.ops.declaration import (
    REQUIRED,
    SCOPE,
    MassRule,
    Operator,
    Parameter,
    barrier_params,
    number,
)
from mergec.ops.law import Law, equation
from mergec.ops.merged_delta import part


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    parted = part(builder, operands)
    weighing: dict[str, Value] = {
        "weights": (Fraction(1),) * len(parted.deltas),
        "weight_stage": "before",
    }
    election: dict[str, Value] = {**weighing, "elect": "mass", "zero": "negative"}
    signs = builder.add("elect_sign", parted.deltas, election, type=SIGN)
    largest: dict[str, Value] = {**weighing, "agg": "max", "elected": True}
    unified = builder.add("agreeing_mean", [signs, *parted.deltas], largest, type=DELTA)
    pair = [unified, parted.deltas[int(number(params["task"])) - 1]]
    if params["scope"] == "global":
        share = builder.add("global_own_share", pair, barrier_params(params), type=DELTA)
    else:
        share = builder.add("own_share", pair, {}, type=DELTA)
    return parted.on_base(share, Fraction(1))


OPERATOR = Operator(
    name="emr",
    revision=1,
    mass=MassRule.CONSENSUS,
    operands=(1, None),
    parameters=(
        Parameter(
            "task",
            "int",
            REQUIRED,
            "whose model it is: the number of a delta as written, from 1",
            lo=Fraction(1),
            names_operand=True,
        ),
        replace(SCOPE, default="global"),
    ),
    laws=(
        equation("emr(base, a; task=1)", "ties(base, a; density=1)", on="related"),
        equation(
            "emr(base, a; task=1, scope=tensor)", "ties(base, a; density=1)", on="adversarial"
        ),
        equation("emr(a - base, a - base; task=2)", "a - base", on="related"),
        equation("emr(base, a, b, c; task=1)", "emr(base, c, b, a; task=3)", on="adversarial"),
        equation("emr(base, a, b; task=1)", "emr(base, a, b; task=2)", holds=False),
        # A law's model has one tensor, which is all tensors.
        equation(
            "emr(base, a, b, c; task=2)", "emr(base, a, b, c; task=2, scope=tensor)", tolerance=1e-7
        ),
        Law("share_of_unified", {"scope": "tensor"}, tolerance=2.0**-20),
        Law("share_of_unified", tolerance=2.0**-20),
        Law("keeps_size_of_task", {"scope": "tensor"}, tolerance=2.0**-20),
        Law("keeps_size_of_task", tolerance=2.0**-20),
        Law("scale_equivariant"),
        Law("scale_equivariant", {"scope": "tensor"}),
        Law("untouched_keeps_base", {"task": 2}),
        Law("shape_free", {"scope": "tensor"}),
        Law("keeps_one_element", {"task": 1}),
        Law("block_invariant", {"task": 3}),
        Law("block_invariant", {"task": 3, "scope": "tensor"}),
        Law("odd", {"task": 1}, holds=False),
    ),
    page=__doc__ or "",
    lower=_lower,
)
