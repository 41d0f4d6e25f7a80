"""Average models, or deltas, with weights.

Formula    y = Σᵢ wᵢ xᵢ / Σᵢ wᵢ; without normalize, y = Σᵢ wᵢ xᵢ
Shapes     n × [*s] → [*s]; one work dtype up, coefficients exact until they are rounded once
Parameters weights: one number for each operand (default: equal) · normalize: divide by their sum
Edge cases weights that sum to zero are an error · one operand is that operand, bit for bit ·
           negative weights are legal · a zero weight drops its operand
Source     Wortsman et al., Model soups (2022), arXiv:2203.05482, eq. 1 (uniform soup)
Example    linear([1, 0], [5, 4]; weights=[3, 1]) is [2, 1]
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.ir import Amount, GraphBuilder, NodeKey, Schedule, Value, ValueType
from mergec.ops.declaration import MassRule, Objection, Operator, Parameter, numbers
from mergec.ops.law import Law, equation


def coefficients(params: Mapping[str, Value], count: int) -> tuple[Fraction, ...]:
    """The exact coefficients of the operands."""
    weights = numbers(params["weights"], count)
    total = sum(weights, Fraction(0)) if params["normalize"] else Fraction(1)
    return tuple(weight / total for weight in weights)


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    parts = coefficients(params, len(operands))
    mass = Fraction(0)
    for part, operand in zip(parts, operands, strict=True):
        of_operand = builder[operand].type.mass
        mass += part * of_operand if isinstance(of_operand, Fraction) else 0
    return builder.add("affine", operands, {"coefficients": parts}, type=ValueType(mass))


def _mass(params: Mapping[str, Value], masses: Sequence[Fraction]) -> Amount:
    """All operands have one mass, so an average has it too."""
    if params["normalize"]:
        return masses[0]
    weights = params["weights"]
    total: Amount = Fraction(0)
    for number, mass in enumerate(masses):
        weight = weights[number] if isinstance(weights, tuple) else weights
        assert isinstance(weight, Fraction | Schedule)
        total = total + weight * mass
    return total


def _check(params: Mapping[str, Value]) -> Objection | None:
    weights = numbers(params["weights"], 1)
    total, size = sum(weights, Fraction(0)), sum(map(abs, weights), Fraction(0))
    if not params["normalize"] or (size and abs(total) >= size / 10**8):
        return None
    return Objection(
        "E211",
        "weights",
        f"these `weights` sum to {'almost ' if total else ''}0, so they cannot be normalised",
        "write `normalize=false` if the weighted sum itself is meant",
    )


OPERATOR = Operator(
    name="linear",
    revision=1,
    mass=MassRule.SAME,
    operands=(1, None),
    parameters=(
        Parameter(
            "weights", "number", Fraction(1), "one number for each operand", per_operand=True
        ),
        Parameter("normalize", "bool", True, "divide by the sum of the weights"),
    ),
    laws=(
        Law("idempotent"),
        Law("permutation_invariant"),
        Law("single_operand_identity"),
        Law("weight_scale_invariant", {"weights": (Fraction(3), Fraction(1))}),
        Law("scale_equivariant"),
        Law("affine_equivariant", {"weights": (3, 1, 4)}, tolerance=2.0**-20),
        Law("convex_hull", {"weights": (3, 1, 4)}),
        Law("zero_weight_is_absent"),
        Law("shape_free"),
        equation("linear(a, b, c; weights=[1, 2, 5])", "1/8*a + 1/4*b + 5/8*c", on="adversarial"),
        equation("linear(a, b; weights=[3, -2], normalize=false)", "3*a - 2*b", on="adversarial"),
        equation("linear(linear(a, b), c; weights=[2, 1])", "linear(a, b, c)", on="adversarial"),
        equation("base + linear(a - base, b - base)", "linear(a, b)", on="adversarial"),
        equation("linear(a, b)", "linear(a, b; weights=[1, 2])", holds=False),
    ),
    page=__doc__ or "",
    lower=_lower,
    check=_check,
    result_mass=_mass,
    order_free=True,
)
