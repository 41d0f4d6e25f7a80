"""Average, at each entry, the task vectors that have it among their largest.

Formula    τᵢ = trim(δᵢ, densityᵢ);  S = {i : τᵢ ≠ 0};  y = base + scale · Σ_S τᵢ / |S|
Shapes     a base and n × [*s] deltas → [*s] model; deltas alone → [*s] delta
Parameters density: share of each delta that is its own, in (0, 1], one or one a delta; 0.05 to 0.1
           is usual · scope: global, each delta is one vector of all its tensors, or tensor ·
           scale: factor of the merged task vector
Edge cases an entry that no delta keeps has the base's bits · where two deltas of opposite sign meet
           they are averaged all the same · density 1 averages nonzero entries · one delta:
           scale · trim(δ)
Source     He, Hu, Lin, Zhang, Zhao, Localize-and-Stitch (2024), arXiv:2408.13656, section 4, with
           the masks that need no data; their code keeps one entry less. `ties` with elect=none and
           agg=mean is the same
Example    stitch([0, 0, 0, 0], [4, 3, 1, 0], [1, 5, 2, 0]; density=0.5) is [4, 4, 2, 0]
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from mergec.ir import GraphBuilder, NodeKey, Value
from mergec.ops.declaration import DENSITY, SCOPE, MassRule, Operator, numbers
from mergec.ops.law import Law, equation
from mergec.ops.merged_delta import SCALE, part
from mergec.ops.trim import add_trim


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    parted = part(builder, operands)
    densities = numbers(params["density"], len(parted.deltas))
    trimming: dict[str, Value] = {"ties": "index", "rescale": "none"}
    trimmed = [
        add_trim(builder, delta, {**trimming, "density": density}, params, number)
        for number, (delta, density) in enumerate(zip(parted.deltas, densities, strict=True))
    ]
    averaging: dict[str, Value] = {
        "weights": (Fraction(1),) * len(trimmed),
        "weight_stage": "before",
        "agg": "mean",
        "elected": False,
    }
    stitched = replace(parted, deltas=trimmed).stage("agreeing_mean", averaging)
    return parted.on_base(stitched, params["scale"])


_HALF = {"density": Fraction(1, 2)}

OPERATOR = Operator(
    name="stitch",
    revision=1,
    mass=MassRule.CONSENSUS,
    operands=(1, None),
    parameters=(replace(DENSITY, per_operand=True), replace(SCOPE, default="global"), SCALE),
    laws=(
        Law("permutation_invariant", _HALF),
        Law("odd"),
        Law("odd", {"scope": "tensor"}),
        Law("scale_equivariant"),
        Law("untouched_keeps_base"),
        Law("bounded_by_deltas"),
        Law("keeps_one_element"),
        Law("shape_free"),
        Law("block_invariant", {"density": Fraction(3, 10)}),
        equation(
            "stitch(base, a, b, c; density=1/3)",
            "ties(base, a, b, c; density=1/3, elect=none, agg=mean, scope=global)",
            on="coarse",
        ),
        equation(
            "stitch(base, a, b, c; density=1/3, scope=tensor)",
            "ties(base, a, b, c; density=1/3, elect=none, agg=mean)",
            on="adversarial",
        ),
        equation(
            "stitch(a - base, b - base; density=1/3, scope=tensor)",
            "ram(trim(a - base; density=1/3), trim(b - base; density=1/3); epsilon=0)",
            on="coarse",
        ),
        equation(
            "stitch(a - base, a - base, a - base; density=1/2)",
            "trim(a - base; density=1/2)",
            on="related",
        ),
        # What one keeps and the other keeps are apart, so that nothing is averaged.
        equation(
            "stitch(trim(a - base; density=1/2), (a - base) - trim(a - base; density=1/2);"
            " density=1)",
            "a - base",
            tolerance=1e-7,
        ),
        equation(
            "stitch(base, a, b; density=1/2)", "base + 1/2*(a - base) + 1/2*(b - base)", holds=False
        ),
    ),
    page=__doc__ or "",
    lower=_lower,
    order_free=True,
)
