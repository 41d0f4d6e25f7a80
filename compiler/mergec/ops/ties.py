"""Trim each task vector, elect one sign for each entry, average those that agree.

Formula    τᵢ = trim(δᵢ, densityᵢ);  g = sgn Σᵢ wᵢ τᵢ;  S = {i : τᵢ ≠ 0, sgn τᵢ = g}
           y = base + scale · Σ_S wᵢ τᵢ / Σ_S wᵢ
Shapes     a base and n × [*s] deltas → [*s] model; deltas alone → [*s] delta
Parameters density: share kept, in (0, 1], one or one a delta · weights: one number a delta, ≥ 0,
           where 0 takes no part · scale: factor of the summed delta · elect: mass (of weighted
           entries), count (of signs) or none · zero: what a tied election yields: drop, positive,
           negative or majority (of the elected signs in the scope) · agg: wmean, mean (divides by
           the number of agreeing entries), sum or max · weight_stage: weights count before the
           election or after · scope: tensor, or global: each delta is trimmed as one vector of all
           its tensors, and the majority is that of all · dialect: `mergekit` and
           `peft` allow weights below 0, which turn votes before the election and count as they are
           in the divisor, where 0 is taken for 1
Edge cases an entry no source agrees on keeps the base's bits · ties at the threshold go to the
           lowest flat index · a 1-element tensor keeps its element · one delta: scale · trim(δ)
Source     Yadav et al., TIES-Merging (2023), arXiv:2306.01708, algorithm 1. Their code keeps one
           more entry and all ties, trims over the whole model, and breaks tied elections by
           majority; zero=drop is the only rule that is odd and unbiased
Example    ties([1, 1, 1, 1], [4, 1, 2, 3], [3, 0, 0, 1]; density=0.5) is [3.5, 0, 1, 3]
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from mergec.ir import DELTA, MODEL, SIGN, GraphBuilder, NodeKey, Value
from mergec.ops.declaration import (
    DENSITY,
    DIALECT,
    SCOPE,
    MassRule,
    Objection,
    Operator,
    Parameter,
    barrier_params,
    number,
    numbers,
)
from mergec.ops.law import Law, equation
from mergec.ops.params import in_dialect
from mergec.ops.trim import add_trim


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    has_base = builder[operands[0]].type == MODEL
    base, deltas = (operands[:1], operands[1:]) if has_base else ((), operands)
    densities = numbers(params["density"], len(deltas))
    weights = numbers(params["weights"], len(deltas))
    trimming: dict[str, Value] = {"ties": "index", "rescale": "none"}
    trimmed = [
        add_trim(builder, delta, {**trimming, "density": rho}, params, part)
        for part, (delta, rho) in enumerate(zip(deltas, densities, strict=True))
    ]
    weighing = {"weights": weights, "weight_stage": params["weight_stage"]}
    elected = params["elect"] != "none"
    signs = []
    if elected:
        stage = "elect_sign"
        election = {**weighing, "elect": params["elect"], "zero": params["zero"]}
        if params.get("scope") == "global" and params["zero"] == "majority":
            stage = "global_election"
            election |= barrier_params(params, len(deltas))
        signs = [builder.add(stage, trimmed, election, type=SIGN)]
    averaging = {**weighing, "agg": params["agg"], "elected": elected}
    mean = builder.add("agreeing_mean", [*signs, *trimmed], averaging, type=DELTA)
    parts = (*((Fraction(1),) if has_base else ()), number(params["scale"]))
    result = MODEL if has_base else DELTA
    return builder.add("affine", [*base, mean], {"coefficients": parts}, type=result)


def _check(params: Mapping[str, Value]) -> Objection | None:
    if in_dialect(params) or min(numbers(params["weights"], 1)) >= 0:
        return None
    return Objection(
        "E203",
        "weights",
        "`weights` must be at least 0",
        "to take a task vector away give `base - (model - base)` as the model",
    )


OPERATOR = Operator(
    name="ties",
    revision=1,
    mass=MassRule.CONSENSUS,
    operands=(1, None),
    parameters=(
        replace(DENSITY, default=Fraction(1, 5), per_operand=True),
        Parameter(
            "weights",
            "number",
            Fraction(1),
            "one number for each delta",
            per_operand=True,
        ),
        Parameter("scale", "number", Fraction(1), "factor of the merged task vector"),
        Parameter(
            "elect", "word", "mass", "how signs are elected", words=("mass", "count", "none")
        ),
        Parameter(
            "zero",
            "word",
            "drop",
            "what a tied election yields",
            words=("drop", "positive", "negative", "majority"),
        ),
        Parameter(
            "agg",
            "word",
            "wmean",
            "how agreeing entries combine",
            words=("wmean", "mean", "sum", "max"),
        ),
        Parameter(
            "weight_stage", "word", "before", "weigh before or after", words=("before", "after")
        ),
        SCOPE,
        replace(DIALECT, words=("mergekit", "peft")),
    ),
    laws=(
        Law("permutation_invariant", {"density": Fraction(1, 2)}),
        Law("exact_election", {"density": Fraction(1)}),
        Law("weight_scale_invariant", {"weights": (Fraction(3), Fraction(1))}),
        Law("odd", {"density": Fraction(1, 2)}),
        Law("odd", {"density": Fraction(1), "elect": "count", "agg": "max"}),
        Law("scale_equivariant", {"density": Fraction(1, 2)}),
        Law("untouched_keeps_base", {"density": Fraction(1, 2)}),
        Law("block_invariant", {"density": Fraction(3, 10)}),
        # A law's model has one tensor, which is all tensors.
        equation(
            "ties(base, a, b; density=1/3, zero=majority, scope=global)",
            "ties(base, a, b; density=1/3, zero=majority)",
        ),
        Law("permutation_invariant", {"density": Fraction(1, 2), "scope": "global"}),
        Law("sign_agreement", {"density": Fraction(1)}),
        Law("sign_agreement", {"density": Fraction(1, 2)}),
        Law("bounded_by_deltas", {"density": Fraction(1, 2)}),
        Law("bounded_by_deltas", {"density": Fraction(1, 2), "agg": "max"}),
        Law("translation_equivariant", {"density": Fraction(1, 2)}, tolerance=2.0**-20),
        Law("zero_weight_is_absent", {"density": Fraction(1, 2)}),
        Law("keeps_one_element"),
        Law("shape_free", {"density": Fraction(1, 2)}),
        equation("ties(base, a; density=1/2, scale=3/4)", "base + 3/4*trim(a - base; density=1/2)"),
        equation(
            "ties(a - base, a - base, a - base; density=1/2)",
            "trim(a - base; density=1/2)",
            on="related",
        ),
        equation(
            "ties(base, a, b; density=1/2, elect=none, agg=sum)",
            "base + trim(a - base; density=1/2) + trim(b - base; density=1/2)",
        ),
        equation(
            "ties(base, a, base + 2*(a - base); density=1)", "base + 3/2*(a - base)", on="related"
        ),
        equation("ties(base, a, b)", "ties(base, a, b; agg=mean)", on="coarse"),
        equation(
            "ties(a - base, b - base; density=1, weights=[1, -1], elect=none, agg=sum, "
            "dialect=mergekit)",
            "(a - base) - (b - base)",
        ),
        equation(
            "ties(base, a, base + (base - a); density=1, weights=[3, -1], dialect=mergekit)",
            "base + 2*(a - base)",
            tolerance=2.0**-20,
        ),
        equation(
            "ties(base, a, b; density=1)", "base + 1/2*(a - base) + 1/2*(b - base)", holds=False
        ),
        Law("odd", {"density": Fraction(1), "zero": "positive"}, holds=False),
        Law("odd", {"density": Fraction(1), "zero": "majority"}, holds=False),
        Law("nested_in", {"density": (Fraction(1, 4), Fraction(1, 2), Fraction(1))}, holds=False),
    ),
    page=__doc__ or "",
    lower=_lower,
    check=_check,
    order_free=True,
)
