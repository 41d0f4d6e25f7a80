"""Drop entries of a task vector at random and rescale the rest, so that the mean stays.

Formula    y = keep ? δ / density : 0, with P(keep) = density
Shapes     [*s] delta → [*s] delta, in the work dtype
Parameters density: share kept, in (0, 1], required · seed: 0 … 2⁶⁴−1 · rescale: inv divides by the
           density, l1 keeps the sum of magnitudes of each tensor, none leaves the rest alone ·
           q: divide by this instead of the density · stream: text that decorrelates two uses
Edge cases density = 1 keeps everything and draws nothing · the mask depends on seed, role, source
           label, tensor name and element index alone (threefry-2x32), so masks nest in the density
Source     Yu et al., Language models are super Mario (2023), arXiv:2311.03099, eq. 2–4; `q` is
           from Deng et al., DARE the extreme (2024), arXiv:2410.09344. Their `p` is the share
           dropped; here, as everywhere in mergec, density is the share kept
Example    dare([1, 2, 3, 4]; density=0.5, seed=7) is [2, 0, 6, 0]
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.ir import DELTA, GraphBuilder, NodeKey, Value
from mergec.ops.declaration import DENSITY, MassRule, Objection, Operator, Parameter
from mergec.ops.law import Law


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    drawn = {name: value for name, value in params.items() if name != "stream"}
    return builder.add("drop", operands, drawn, type=DELTA)


def _check(params: Mapping[str, Value]) -> Objection | None:
    if params["q"] is None or params["rescale"] == "inv":
        return None
    return Objection(
        "E216",
        "q",
        f"`q` sets the divisor, so it contradicts `rescale={params['rescale']}`",
        "remove `q`, or write `rescale=inv`",
    )


OPERATOR = Operator(
    name="dare",
    revision=1,
    mass=MassRule.DELTA,
    operands=(1, 1),
    parameters=(
        DENSITY,
        Parameter("seed", "int", 0, "seed of the mask", lo=Fraction(0), hi=Fraction(2**64 - 1)),
        Parameter(
            "rescale", "word", "inv", "how the rest is rescaled", words=("inv", "l1", "none")
        ),
        Parameter("q", "number", None, "divisor instead of density", lo=Fraction(0), lo_open=True),
        Parameter("stream", "text", None, "decorrelates two uses of one mask"),
    ),
    laws=(
        Law("identity_at", {"density": 1}),
        Law("unbiased", {"density": Fraction(1, 2)}),
        Law("unbiased", {"density": Fraction(1, 10)}),
        Law("independent_masks", {"density": Fraction(1, 2)}),
        Law("unbiased_exactly", {"density": Fraction(1, 2)}),
        Law("unbiased_exactly", {"density": Fraction(1, 4)}),
        Law("unbiased_exactly", {"density": Fraction(3, 10)}, tolerance=2.0**-28),
        Law("variance_exactly", {"density": Fraction(1, 4)}),
        Law("variance_exactly", {"density": Fraction(3, 10)}, tolerance=2.0**-26),
        Law("twice_unbiased_exactly", {"density": Fraction(1, 2)}),
        Law("nested_masks"),
        Law("odd"),
        Law("scale_equivariant"),
        Law("block_invariant", {"density": Fraction(3, 10)}),
        Law("shape_free", {"density": Fraction(3, 10)}),
        Law("unbiased_exactly", {"density": Fraction(1, 2), "rescale": "l1"}, holds=False),
        Law("unbiased_exactly", {"density": Fraction(1, 2), "rescale": "none"}, holds=False),
        Law("unbiased", {"density": Fraction(1, 2), "q": Fraction(1, 3)}, holds=False),
        Law("idempotent_map", {"density": Fraction(1, 2)}, holds=False),
    ),
    page=__doc__ or "",
    lower=_lower,
    check=_check,
    role="dare",
)
