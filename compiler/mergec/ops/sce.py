"""Select where task vectors differ most, weigh them by energy, elect one sign for each entry.

Formula    V = Varᵢ δᵢ at each entry; m marks the ⌊tau·nnz(V)⌋ largest V, all if tau = 1;
           sᵢ = δᵢ where m, else 0;  cᵢ = Σ sᵢ² / Σₗ Σ sₗ²;  g = sgn Σᵢ sᵢ;
           S = {i : sᵢ ≠ 0, sgn sᵢ = g};  y = base + scale · Σ_S cᵢ·sᵢ / Σ_S cᵢ
Shapes     a base and n × [*s] deltas, n ≥ 2 → [*s] model; deltas alone → [*s] delta; energies in
           float64 for each tensor
Parameters tau: share of the entries that differ that is selected, in (0, 1] · merge: selected, or
           all: the selection decides the weights alone · zero: what a tied election yields: drop,
           positive or negative · scale: factor of the merged task vector · dialect: `mergekit`
           weighs equally where the mean squares sum to less than 1e-6, divides by at least 1e-6 of
           all weights, and takes tau·nnz(V) in float32 before it is cut off
Edge cases tau = 1 selects every entry, those that do not differ too · an entry that no source
           agrees on keeps the base's bits · the selection is empty: the base · all energies zero:
           equal weights · the size of the deltas does not matter
Source     Wan et al., FuseChat (2024), arXiv:2408.07990, section 3.3. Their code merges the deltas
           unselected (merge=all) and takes a tie for positive; mergekit weighs equally where the
           mean square is below 1e-6, as it often is
Example    sce([0, 0, 0], [4, 1, 1], [2, -3, 1]; tau=1) is [3.125, -3, 1]
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.ir import DELTA, SIGN, GraphBuilder, NodeKey, Value
from mergec.ops.declaration import DIALECT, MassRule, Operator, Parameter, number
from mergec.ops.law import Law, equation
from mergec.ops.merged_delta import SCALE, part


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    parted = part(builder, operands)
    deltas, tau = parted.deltas, number(params["tau"])
    dialect = {name: params[name] for name in ("dialect",) if name in params}
    mask = []
    if tau != 1:
        mask = [builder.add("variance_mask", deltas, {"tau": tau, **dialect}, type=SIGN)]
    election: dict[str, Value] = {
        "weights": (Fraction(1),) * len(deltas),
        "weight_stage": "before",
        "elect": "mass",
        "zero": params["zero"],
    }
    # Signs of unselected entries are elected too, and then no selected entry asks for them.
    signs = builder.add("elect_sign", deltas, election, type=SIGN)
    averaging: dict[str, Value] = {"masked": bool(mask), "merge": params["merge"], **dialect}
    mean = builder.add("energy_mean", [signs, *mask, *deltas], averaging, type=DELTA)
    return parted.on_base(mean, params["scale"])


OPERATOR = Operator(
    name="sce",
    revision=1,
    mass=MassRule.CONSENSUS,
    operands=(2, None),
    parameters=(
        Parameter(
            "tau",
            "number",
            Fraction(1),
            "share of the entries that differ that is selected",
            lo=Fraction(0),
            hi=Fraction(1),
            lo_open=True,
        ),
        Parameter(
            "merge", "word", "selected", "which entries are merged", words=("selected", "all")
        ),
        Parameter(
            "zero",
            "word",
            "drop",
            "what a tied election yields",
            words=("drop", "positive", "negative"),
        ),
        SCALE,
        DIALECT,
    ),
    laws=(
        Law("permutation_invariant", {"tau": Fraction(1, 2)}, tolerance=1e-6),
        Law("exact_election"),
        Law("odd", {"tau": Fraction(1, 2)}),
        Law("odd", {"zero": "positive"}, holds=False),
        Law("scale_equivariant"),
        Law("scale_equivariant", {"tau": Fraction(1, 2)}),
        Law("untouched_keeps_base", {"tau": Fraction(1, 2)}),
        Law("block_invariant", {"tau": Fraction(3, 10)}),
        equation("sce(base, a, a)", "a", tolerance=1e-6),
        equation("sce(base, a, a; tau=1/2)", "base", on="adversarial"),
        equation(
            "sce(a - base, -(a - base); zero=positive)",
            "ties(a - base, -(a - base); density=1, zero=positive)",
        ),
        Law("scale_equivariant", {"dialect": "mergekit"}, holds=False),
        Law("block_invariant", {"tau": Fraction(3, 10), "dialect": "mergekit"}),
        equation("sce(base, a, b, c; tau=1/2)", "sce(base, a, b, c)", holds=False),
    ),
    page=__doc__ or "",
    lower=_lower,
    order_free=True,
)
