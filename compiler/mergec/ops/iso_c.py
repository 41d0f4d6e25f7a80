"""Add the task vectors, and give all directions of the sum the same strength.

Formula    D = Σᵢ δᵢ = U·diag(σ)·Vᵀ;  y = base + scale · σ̄·U·Vᵀ;  σ̄ the mean of the min(out, in)
           singular values
Shapes     a base and n × [out, in] → model; deltas alone → delta; convolutions [out, in, height,
           width] as [out, in·height·width]; in float64, class T
Parameters scale: factor of the result · rank_tol: singular values of at most this share of the
           largest count as zero · level: where some are zero, `error`, or else the mean over all
           values (full) or over those above zero (rank), which these alone then get
Edge cases no matrix: scale times the mean of the deltas · deltas that sum to zero: the base ·
           a sum of low rank: E817, unless level says what is meant · one delta is flattened too
Source     D. Marczak et al., "No task left behind: isotropic model merging with common and
           task-specific subspaces", 2025, section 4, https://arxiv.org/abs/2502.04959. Their code
           has no tolerance: on a sum of low rank its result is decided by rounding
Example    iso_c([[0, 0], [0, 0]], [[3, 0], [0, 0]], [[0, 0], [0, 1]]) is [[2, 0], [0, 2]]
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.ir import DELTA, GraphBuilder, NodeKey, Value
from mergec.ops.declaration import MassRule, Objection, Operator, Parameter
from mergec.ops.fallback import mean_on_base
from mergec.ops.law import Law, equation
from mergec.ops.matrices import is_matrix
from mergec.ops.merged_delta import SCALE, part


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    parted = part(builder, operands)
    added = parted.stage("affine", {"coefficients": (Fraction(1),) * len(parted.deltas)})
    settings = {name: params[name] for name in ("rank_tol", "level")}
    flat = builder.add("flatten_spectrum", [added], settings, type=DELTA)
    return parted.on_base(flat, params["scale"])


def _check(params: Mapping[str, Value]) -> Objection | None:
    if params["rank_tol"] != 1:
        return None
    return Objection(
        "E203",
        "rank_tol",
        "`rank_tol` must be less than 1",
        "write a small share, as in `rank_tol=0.001`: at 1 every singular value counts as zero",
    )


_RANK = "; level=rank"
_ROW = "dyadic vector"

OPERATOR = Operator(
    name="iso_c",
    revision=1,
    mass=MassRule.CONSENSUS,
    operands=(1, None),
    parameters=(
        SCALE,
        Parameter(
            "rank_tol",
            "number",
            Fraction(1, 10**6),
            "share of the largest singular value below which one counts as zero",
            lo=Fraction(0),
            hi=Fraction(1),
        ),
        Parameter(
            "level",
            "word",
            "error",
            "what the mean is over where singular values are zero",
            words=("error", "full", "rank"),
        ),
    ),
    laws=(
        Law("permutation_invariant", {"level": "rank"}),
        Law("flattens_spectrum", tolerance=1e-5),
        Law("spectrum_scales", tolerance=1e-5),
        Law("axes_equivariant", tolerance=1e-5),
        Law("joins_spectra", tolerance=1e-2, holds=False),
        equation(
            f"iso_c(a - base, b - base{_RANK})",
            f"iso_c((a - base) + (b - base){_RANK})",
            on="dyadic matrix",
        ),
        equation(
            f"iso_c(iso_c(a - base{_RANK}){_RANK})",
            f"iso_c(a - base{_RANK})",
            tolerance=1e-5,
            on="tame matrix",
        ),
        equation(
            f"iso_c(base, a, b{_RANK}, scale=1/2)",
            f"base + 1/2*iso_c(a - base, b - base{_RANK})",
            on="dyadic matrix",
        ),
        equation("iso_c(base, a, b; scale=1/2)", "base + 1/2*linear(a - base, b - base)", on=_ROW),
        equation(f"iso_c(base, base{_RANK})", "base", on="adversarial matrix"),
        equation(f"iso_c(a - base{_RANK})", "a - base", holds=False, on="dyadic matrix"),
        equation(
            f"iso_c(a - base{_RANK}) + iso_c(b - base{_RANK})",
            f"iso_c(a - base, b - base{_RANK})",
            holds=False,
            on="dyadic matrix",
        ),
    ),
    page=__doc__ or "",
    lower=_lower,
    check=_check,
    order_free=True,
    suits=is_matrix,
    fallback=mean_on_base,
)
