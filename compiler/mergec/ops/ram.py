"""Average the entries that several task vectors change, and keep whole those that one changes.

Formula    aᵢ = [|δᵢ| > epsilon];  c = Σᵢ aᵢ;
           y = base + scale · Σᵢ aᵢ · δᵢ · (λᵢ if c = 1 else 1/c);
           λᵢ = 1 + r · min(sᵢ/uᵢ, alpha); uᵢ counts the entries of δᵢ where c = 1, sᵢ where c > 1
Shapes     a base and n × [*s] deltas → [*s] model; deltas alone → [*s] delta
Parameters epsilon: what an entry must exceed to be a change, ≥ 0 · relative: epsilon counts in the
           root mean square of each delta's tensor · r: strength of the boost of unshared entries,
           ≥ 0, where 0 is RAM and 0.1 RAM+ · alpha: the most that the ratio of shared to unshared
           entries counts, ≥ 0 · scale: factor of the merged task vector
Edge cases an entry that nobody changes keeps the base's bits · r = 0 or alpha = 0 has no boost ·
           disjoint changes add up, equal supports are averaged · an absolute epsilon does not scale
           with the deltas; a relative one does
Source     RAM and RAM+ (2026), arXiv:2601.13572, as implemented in mergekit, which counts for each
           tensor; the paper counts over the whole model
Example    ram([0, 0, 0], [4, 2, 0], [0, 4, -1]; epsilon=0) is [4, 3, -1]
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from mergec.ir import DELTA, GraphBuilder, NodeKey, Value
from mergec.ops.declaration import MassRule, Operator, Parameter
from mergec.ops.law import Law, equation
from mergec.ops.merged_delta import SCALE, part


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    parted = part(builder, operands)
    bound = {"epsilon": params["epsilon"], "relative": params["relative"]}
    active = parted
    if params["epsilon"] != 0:
        changes = [builder.add("threshold", [each], bound, type=DELTA) for each in parted.deltas]
        active = replace(parted, deltas=changes)
    if params["r"] == 0 or params["alpha"] == 0:
        plain: dict[str, Value] = {
            "weights": (Fraction(1),) * len(active.deltas),
            "weight_stage": "before",
            "agg": "mean",
            "elected": False,
        }
        merged = active.stage("agreeing_mean", plain)
    else:
        merged = active.stage("boosted_mean", {"r": params["r"], "alpha": params["alpha"]})
    return parted.on_base(merged, params["scale"])


OPERATOR = Operator(
    name="ram",
    revision=1,
    mass=MassRule.CONSENSUS,
    operands=(1, None),
    parameters=(
        Parameter(
            "epsilon",
            "number",
            Fraction(1, 100000),
            "what an entry must exceed to be a change",
            lo=Fraction(0),
        ),
        Parameter("relative", "bool", False, "epsilon counts in the delta's root mean square"),
        Parameter("r", "number", Fraction(0), "strength of the boost", lo=Fraction(0)),
        Parameter("alpha", "number", Fraction(1, 5), "cap of the boost's ratio", lo=Fraction(0)),
        SCALE,
    ),
    laws=(
        Law("permutation_invariant"),
        Law("odd", {"r": Fraction(1, 10)}),
        Law("scale_equivariant", {"epsilon": Fraction(1)}, holds=False),
        Law("scale_equivariant", {"epsilon": Fraction(0), "r": Fraction(1, 10)}),
        Law("scale_equivariant", {"epsilon": Fraction(1, 2), "relative": True}),
        Law("untouched_keeps_base", {"r": Fraction(1, 10)}),
        Law("block_invariant", {"r": Fraction(1, 10)}),
        Law("block_invariant", {"epsilon": Fraction(1, 2), "relative": True}),
        equation("ram(base, a; epsilon=0)", "a", tolerance=1e-7),
        equation("ram(a - base, a - base; epsilon=0)", "a - base", tolerance=1e-7),
        equation(
            "ram(trim(a - base; density=1/2), (a - base) - trim(a - base; density=1/2); epsilon=0)",
            "a - base",
            tolerance=1e-7,
        ),
        equation(
            "ram(base, a, b, c; epsilon=0)",
            "ties(base, a, b, c; density=1, elect=none, agg=mean)",
            on="adversarial",
        ),
        equation("ram(base, a, b, c; epsilon=0, r=1/10, alpha=0)", "ram(base, a, b, c; epsilon=0)"),
        equation(
            "ram(base, a, b, c; epsilon=0, r=1)", "ram(base, a, b, c; epsilon=0)", holds=False
        ),
    ),
    page=__doc__ or "",
    lower=_lower,
    order_free=True,
)
