"""Move the base towards the average of fine-tuned models, as far as they agree.

Formula    c = mean_{i<j} cos(δᵢ, δⱼ);  t = n·c/(1 + (n - 1)·c);  y = base + t · Σᵢ δᵢ/n;
           angle: c is the cosine of the mean angle; gram: t = mean_{i≠j}⟨δᵢ, δⱼ⟩ / ‖Σᵢ δᵢ/n‖²
Shapes     a base and n × [*s] deltas, n ≥ 2 → [*s] model; deltas alone → [*s] delta; t for each
           tensor, from inner products in float64
Parameters estimator: how t is found: cosine, angle or gram · guard: what happens to t outside 0 …
           1: clip, none (it is used) or error · scope: what has one ratio: tensor or row (the last
           axis; not with estimator=angle) · dialect: `mergekit` uses any t of its own estimator,
           the cosine with products of norms of at least 1e-6, a zero delta at a right angle to all
           others, and the base at a pole
Edge cases t depends on the directions alone, so however small the deltas are it is the same · a
           delta that is zero has no angle, so its pairs do not count; it counts in the mean · no
           pair left: t = 0, the base · opposite deltas, a pole of t: clipped to 0, else E817
Source     Jang et al., Model Stock (2024), arXiv:2403.19522, eq. 7. For n > 2 the mean of cosines
           is mergekit's reading, the mean of angles another's; mergekit divides by norms of at
           least 1e-6, so that small tensors fall back to the base. gram is ours: the same t for
           equal norms and angles, without a division by single norms
Example    model_stock([0, 0], [3, 4], [4, 3]; estimator=cosine) is [3.4286, 3.4286]
"""

from collections.abc import Mapping, Sequence

from mergec.ir import GraphBuilder, NodeKey, Value
from mergec.ops.declaration import DIALECT, MassRule, Objection, Operator, Parameter
from mergec.ops.law import Law, equation
from mergec.ops.merged_delta import part
from mergec.ops.params import in_dialect


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    parted = part(builder, operands)
    choices = {"estimator": params["estimator"], "guard": params["guard"]}
    if in_dialect(params):
        choices = {"estimator": "floored", "guard": "none"}
    stage = "shrunk_rows" if params["scope"] == "row" else "shrunk_mean"
    return parted.on_base(parted.stage(stage, choices), 1)


def _check(params: Mapping[str, Value]) -> Objection | None:
    if in_dialect(params) and (params["estimator"] != "cosine" or params["guard"] != "clip"):
        return Objection(
            "E216",
            "dialect",
            "a `dialect` has an estimator and a guard of its own",
            "remove `estimator` and `guard`",
        )
    if params["scope"] != "row" or params["estimator"] != "angle":
        return None
    return Objection(
        "E216",
        "estimator",
        "the estimator `angle` needs whole tensors, so it contradicts `scope=row`",
        "write `estimator=cosine`, or remove `scope=row`",
    )


OPERATOR = Operator(
    name="model_stock",
    revision=1,
    mass=MassRule.CONSENSUS,
    operands=(2, None),
    parameters=(
        Parameter(
            "estimator",
            "word",
            "cosine",
            "how the interpolation ratio is found",
            words=("cosine", "angle", "gram"),
        ),
        Parameter(
            "guard",
            "word",
            "clip",
            "what happens to a ratio outside 0 to 1",
            words=("clip", "none", "error"),
        ),
        Parameter("scope", "word", "tensor", "what has one ratio", words=("tensor", "row")),
        DIALECT,
    ),
    laws=(
        Law("permutation_invariant", {"estimator": "cosine"}),
        Law("permutation_invariant", {"estimator": "gram"}),
        Law("odd"),
        *(Law("scale_equivariant", {"estimator": each}) for each in ("cosine", "angle", "gram")),
        Law("scale_equivariant", {"scope": "row"}),
        Law("odd", {"scope": "row"}),
        Law("untouched_keeps_base"),
        Law("block_invariant"),
        Law("block_invariant", {"scope": "row"}),
        equation("model_stock(base, a, a; scope=row)", "a", tolerance=1e-6),
        equation("model_stock(base, a, a)", "a", tolerance=1e-6),
        equation("model_stock(base, a, a, a; estimator=gram)", "a", tolerance=1e-6),
        equation("model_stock(a - base, -(a - base))", "a - a", on="adversarial"),
        equation("model_stock(base, a, base)", "base", on="adversarial"),
        equation("model_stock(base, a, base; dialect=mergekit)", "base", on="dyadic"),
        equation("model_stock(a - base, -(a - base); dialect=mergekit)", "a - a", on="dyadic"),
        Law("scale_equivariant", {"dialect": "mergekit"}, holds=False),
        Law("block_invariant", {"scope": "row", "dialect": "mergekit"}),
        equation("model_stock(a - base, 3*(a - base))", "2*(a - base)", tolerance=1e-6),
        equation(
            "model_stock(a - base, 3*(a - base); estimator=gram)",
            "2*(a - base)",
            tolerance=1e-6,
            holds=False,
        ),
        equation(
            "model_stock(base, a, b; guard=none)",
            "model_stock(base, a, b)",
            tolerance=1e-6,
            holds=False,
        ),
    ),
    page=__doc__ or "",
    lower=_lower,
    check=_check,
    order_free=True,
)
