"""Average the task vectors by how much each entry counts in its own and agrees with the others.

Formula    tᵢ = minmax |δᵢ|;  βᵢ = exp(n·tᵢ²) · tanh(δᵢ · Σₗ δₗ);  qᵢ = quantile of βᵢ at 1 - ratio;
           sᵢ = minmax max(βᵢ, qᵢ);  y = base + scale · Σ sᵢ·δᵢ / Σ sᵢ
Shapes     a base and n × [*s] deltas → [*s] model; deltas alone → [*s] delta; scores in float64
Parameters ratio: share of each delta that scores above 0, in (0, 1] · scale: factor of the merged
           task vector · clip: share of the magnitudes of each delta at either end that is clamped
           to the next one, in [0, 1/2] · scope: what is one vector for minmax and quantiles:
           global, all tensors, or tensor
Edge cases a delta of one magnitude, zero or not, scores 1 everywhere · where the quantile is the
           largest balance, as with ratio below 1/N, its entries score 1 and others 0 · an entry
           without a score keeps the base's bits · the result depends on the size of the deltas,
           for tanh does; where they are small it is as good as linear · with one delta: its
           largest entries, as they are
Source     Du et al., Parameter competition balancing for model merging (2024), arXiv:2410.02396,
           section 3.2, as in their code for flat vectors, which uses ratio=0.05, scale=1.2 and
           clips 0.0001, at the upper end one entry more
Example    pcb([0, 0, 0], [1, 0.5, 0.25], [-0.5, 0.75, 1]; ratio=1) is [1, 0.6602, 1]
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from mergec.ir import DELTA, GraphBuilder, NodeKey, Value
from mergec.ops.declaration import SCOPE, MassRule, Operator, Parameter, barrier_params
from mergec.ops.law import Law, equation
from mergec.ops.merged_delta import SCALE, part


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    parted = part(builder, operands)
    scoring = {"ratio": params["ratio"], "clip": params["clip"]}
    if params["scope"] == "global":
        given = {**scoring, **barrier_params(params)}
        merged = builder.add("global_balanced_mean", parted.deltas, given, type=DELTA)
    else:
        merged = parted.stage("balanced_mean", scoring)
    return parted.on_base(merged, params["scale"])


_HALF = {"ratio": Fraction(1, 2)}

OPERATOR = Operator(
    name="pcb",
    revision=1,
    mass=MassRule.CONSENSUS,
    operands=(1, None),
    parameters=(
        Parameter(
            "ratio",
            "number",
            Fraction(1, 10),
            "share of each delta that scores",
            lo=Fraction(0),
            hi=Fraction(1),
            lo_open=True,
        ),
        SCALE,
        Parameter(
            "clip",
            "number",
            Fraction(0),
            "share of the magnitudes that is clamped at either end",
            lo=Fraction(0),
            hi=Fraction(1, 2),
        ),
        replace(SCOPE, default="global"),
    ),
    laws=(
        Law("permutation_invariant", _HALF, tolerance=1e-6),
        Law("odd", _HALF),
        Law("odd", {**_HALF, "scope": "tensor", "clip": Fraction(1, 5)}),
        Law("untouched_keeps_base", _HALF),
        Law("untouched_keeps_base", {**_HALF, "scope": "tensor"}),
        Law("hull_of_deltas", _HALF, tolerance=2.0**-22),
        Law("hull_of_deltas", {**_HALF, "scope": "tensor"}, tolerance=2.0**-22),
        Law("keeps_strongest", tolerance=2.0**-22),
        Law("keeps_one_element"),
        Law("shape_free", {**_HALF, "scope": "tensor"}),
        Law("block_invariant", _HALF),
        Law("block_invariant", {**_HALF, "scope": "tensor", "clip": Fraction(1, 10)}),
        # A law's model has one tensor, which is all tensors.
        equation(
            "pcb(base, a, b, c; ratio=1/3, clip=1/5)",
            "pcb(base, a, b, c; ratio=1/3, clip=1/5, scope=tensor)",
            tolerance=1e-7,
        ),
        equation("pcb(base, a, base - (a - base))", "base", on="related"),
        equation(
            "pcb(base, a, b, c; ratio=1/3)", "pcb(base, a, b, c; ratio=1/3, clip=1/4)", holds=False
        ),
        Law("scale_equivariant", _HALF, holds=False),
        Law("scale_equivariant", {**_HALF, "scope": "tensor"}, holds=False),
    ),
    page=__doc__ or "",
    lower=_lower,
    order_free=True,
)
