"""Drop entries of a task vector at random, small ones more often, so that the mean stays.

Formula    y = keep ? δⱼ/qⱼ : 0, with P(keep) = qⱼ = density - epsilon + 2·epsilon·rⱼ/(m - 1);
           rⱼ is the place of |δⱼ| in its row of m entries, from 0 for the least
Shapes     [*s] delta → [*s] delta, in the work dtype; a row is the last axis, a vector is one row
Parameters density: mean share kept of every row, in (0, 1], required · epsilon: how far the least
           and the largest entry of a row are from it; density - epsilon > 0 and
           density + epsilon ≤ 1 · seed: 0 … 2⁶⁴−1 · rescale: per_element divides by the entry's own
           probability, l1 keeps the sum of magnitudes of each tensor, none leaves the rest alone ·
           stream: text that decorrelates two uses · dialect: at density = 1 `mergekit` takes no
           notice of epsilon
Edge cases equal magnitudes rank by index · a row of one entry has q = density · epsilon = 0 is
           dare with the same mask · density = 1, which needs epsilon = 0, keeps everything
Source     Deep, Bhardwaj, Poria, DELLA-Merging (2024), arXiv:2406.11617, section 3.1. Their window
           is 2·epsilon and their p the share dropped; mergekit rescales a tensor by one factor,
           which is rescale=l1 and tilts the mean
Example    della([1, 2, 3]; density=0.5, epsilon=0.25, seed=1) is [0, 4, 4]
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.ir import DELTA, GraphBuilder, NodeKey, Value, print_decimal
from mergec.ops.declaration import (
    DENSITY,
    DIALECT,
    MassRule,
    Objection,
    Operator,
    Parameter,
    number,
)
from mergec.ops.law import Law, equation
from mergec.ops.params import in_dialect

_QUARTER: Mapping[str, Value] = {"density": Fraction(1, 2), "epsilon": Fraction(1, 4)}


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    drawn = {name: value for name, value in params.items() if name != "stream"}
    drawn.pop("dialect", None)
    if number(params["epsilon"]) and not _is_whole(params):
        return builder.add("drop_by_rank", operands, drawn, type=DELTA)
    rescale = "inv" if params["rescale"] == "per_element" else params["rescale"]
    del drawn["epsilon"]
    return builder.add("drop", operands, {**drawn, "rescale": rescale, "q": None}, type=DELTA)


def _check(params: Mapping[str, Value]) -> Objection | None:
    density, epsilon = number(params["density"]), number(params["epsilon"])
    low, high = density - epsilon, density + epsilon
    if _is_whole(params) or (low > 0 and high <= 1):
        return None
    wrong = f"{print_decimal(high)}, above 1" if high > 1 else f"{print_decimal(low)}, not above 0"
    side = "largest" if high > 1 else "least"
    most = print_decimal(1 - density if high > 1 else density / 2)
    return Objection(
        "E216",
        "epsilon",
        f"with `epsilon={print_decimal(epsilon)}` and `density={print_decimal(density)}` the "
        f"{side} entry of a row is kept with probability {wrong}",
        f"write a smaller `epsilon`, as in `epsilon={most}`; 0 drops all entries alike, as `dare`",
    )


def _is_whole(params: Mapping[str, Value]) -> bool:
    return in_dialect(params) and number(params["density"]) == 1


OPERATOR = Operator(
    name="della",
    revision=1,
    mass=MassRule.DELTA,
    operands=(1, 1),
    parameters=(
        DENSITY,
        Parameter(
            "epsilon",
            "number",
            Fraction(1, 20),
            "how far the extremes of a row are from the density",
            lo=Fraction(0),
            hi=Fraction(1, 2),
        ),
        Parameter("seed", "int", 0, "seed of the mask", lo=Fraction(0), hi=Fraction(2**64 - 1)),
        Parameter(
            "rescale",
            "word",
            "per_element",
            "how the rest is rescaled",
            words=("per_element", "l1", "none"),
        ),
        Parameter("stream", "text", None, "decorrelates two uses of one mask"),
        DIALECT,
    ),
    laws=(
        Law("identity_at", {"density": Fraction(1), "epsilon": Fraction(0)}),
        equation("della(a - base; density=1, epsilon=1/4, dialect=mergekit)", "a - base"),
        equation(
            "della(a - base; density=3/10, epsilon=0, seed=5)",
            "dare(a - base; density=3/10, seed=5)",
            on="adversarial",
        ),
        Law("unbiased_exactly", _QUARTER, tolerance=2.0**-28),
        Law("variance_exactly", _QUARTER, tolerance=2.0**-26),
        Law("density_on_average", _QUARTER),
        Law("density_on_average", {"density": Fraction(3, 10), "epsilon": Fraction(1, 7)}),
        Law("odd", _QUARTER),
        Law("scale_equivariant", _QUARTER),
        Law("block_invariant", {"density": Fraction(3, 10), "epsilon": Fraction(1, 5)}),
        Law("unbiased_exactly", {**_QUARTER, "rescale": "l1"}, holds=False),
        Law("unbiased_exactly", {**_QUARTER, "rescale": "none"}, holds=False),
        Law("idempotent_map", _QUARTER, holds=False),
    ),
    page=__doc__ or "",
    lower=_lower,
    check=_check,
    role="dare",
)
