"""Put the hidden units of a model in the order in which they fit another's best.

Formula    out = π(x), π = argmax ⟨to, π(x)⟩ over the orders of the units of each group; one group
           after the other: C = Σ T·Xᵀ over the group's axes, a row for each unit, and the order
           that maximises Σⱼ C[j, πⱼ] while all other groups stay; until no group gains
Shapes     two models of one set of shapes: x, and to, which x is fitted to → x's numbers in another
           order, in x's dtypes; costs in float64
Parameters units: the axes that carry each group, `NAME[AXIS]`, parted by `,` and groups by `;`, as
           in "fc1.weight[0], fc1.bias[0]?, fc2.weight[1]". A name holds from any dot on; `*` is any
           run of characters between dots, `#` a number, and each number has a group of its own.
           `[0 / 8]`: 8 units of equal width, such as heads; `[0 / 3x8]`: three times 8 in a row;
           `?`: may be missing. none: neurons and heads by the architecture's description · seed: of
           the order in which groups are visited, a new one in each of at most 100 sweeps
Edge cases no order gains more than 10⁻¹² of the products: x as it is, bit for bit · units that can
           change places at no loss keep x's order · tensors that carry no group are x's · names
           that no tensor has: E414 · axes that do not fit each other: E415 · sums of a library
           decide, T: where two orders are nearly equally good, another build may take the other
Source     S. Ainsworth, J. Hayase, S. Srinivasa, "Git Re-Basin: merging models modulo permutation
           symmetries", 2023, section 3.2, algorithm 1, https://arxiv.org/abs/2209.04836. Assignment
           problems are solved by scipy. The residual stream is one more group, if `units` says so
Example    weight_match([5, 2, 9], [1, 3, 2]; units="w[0]") is [2, 9, 5]
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.ir import GraphBuilder, NodeKey, Value
from mergec.ops import reorder_units
from mergec.ops.declaration import MassRule, Objection, Operator, Parameter, barrier_params
from mergec.ops.law import Law, equation
from mergec.ops.params import rational
from mergec.ops.units import UnitsError, parse_units


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    if "axes" not in params:
        return operands[0]  # it carries no group
    given = {name: params[name] for name in ("axes", "seed")}
    given |= barrier_params(params, rational(params, "component"))
    return builder.add(reorder_units.STAGE.name, operands, given, type=builder[operands[0]].type)


def _check(params: Mapping[str, Value]) -> Objection | None:
    units = params["units"]
    if not isinstance(units, str):
        return None
    try:
        parse_units(units)
    except UnitsError as error:
        return Objection(
            "E224",
            "units",
            f"`units` cannot be read: {error}",
            'write axes as in `units="fc1.weight[0], fc1.bias[0], fc2.weight[1]"`',
        )
    return None


def _always(_: Mapping[str, Value]) -> bool:
    return True


def _match(x: str, to: str) -> str:
    return f'weight_match({x}, {to}; units="w[0]")'


_BOTH = _match("a", "b")

OPERATOR = Operator(
    name="weight_match",
    revision=1,
    mass=MassRule.SAME,
    operands=(2, 2),
    parameters=(
        Parameter("units", "text", None, "which axes of which tensors are reordered together"),
        Parameter(
            "seed",
            "int",
            0,
            "seed of the order in which groups are visited",
            lo=Fraction(0),
            hi=Fraction(2**64 - 1),
        ),
    ),
    laws=(
        Law("finds_planted_order"),
        Law("reorders_units"),
        Law("fits_no_worse"),
        Law("fits_best_alone"),
        Law("computes_the_same"),
        equation(_match("a", "a"), "a", on="adversarial matrix"),
        equation(_match(_BOTH, "b"), _BOTH, on="adversarial matrix"),
        equation(f"linear({_match('a', 'a')}, a)", "a", on="dyadic matrix"),
        equation(_BOTH, _match("b", "a"), holds=False, on="dyadic matrix"),
        equation(_BOTH, "a", holds=False, on="dyadic matrix"),
    ),
    page=__doc__ or "",
    lower=_lower,
    check=_check,
    is_global=_always,
    of_models=True,
    aligns=True,
)
