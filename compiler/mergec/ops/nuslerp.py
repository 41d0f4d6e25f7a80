"""Interpolate two models, or deltas, along a great circle, by weights instead of a position.

Formula    y = slerp(a, b; t) with t = w₂/(w₁ + w₂), of the whole tensor or of its rows or columns
Shapes     [*s], [*s] → [*s]; in the work dtype
Parameters weights: one number for each operand, of which only the ratio counts (default: equal) ·
           axis: `none`, one angle for each tensor; `in`, one for each row of an (out, in) matrix;
           `out`, one for each of its columns; a vector is one group · norm: `raw` or `polar` ·
           antiparallel: `error` or `lerp` · dialect: `mergekit` takes weights that sum to 0 for
           the middle, interpolates parallel and opposite operands linearly where float32 cannot
           tell them apart, and takes a norm up to 1e-8 for a right angle
Edge cases weights that sum to zero are an error · a zero weight drops its operand, and the other is
           the result bit for bit · weights of unequal sign go beyond an end of the arc · parallel,
           zero and opposite directions are `slerp`'s · with a base write
           base + nuslerp(a - base, b - base)
Source     mergekit's method of this name, whose row_wise takes columns, whose ends are not exact,
           and which returns huge multiples of nearly opposite operands; here it is `slerp`
Example    nuslerp([3, 0], [0, 4]; weights=[1, 1]) is [2.1213, 2.8284]
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.ir import GraphBuilder, NodeKey, Value
from mergec.ops.declaration import DIALECT, MassRule, Objection, Operator, Parameter, numbers
from mergec.ops.law import Law, equation
from mergec.ops.params import in_dialect

_SCOPES = {"none": "tensor", "in": "row", "out": "column"}
_LEAST = Fraction(1, 10**6)
_ONE_IN_FLOAT32 = 1 - Fraction(1, 2**25)


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    first, second = numbers(params["weights"], 2)
    middle = in_dialect(params) and abs(first + second) < _LEAST
    arc: dict[str, Value] = {
        "t": Fraction(1, 2) if middle else second / (first + second),
        "norm": params["norm"],
        "scope": _SCOPES[str(params["axis"])],
        "antiparallel": params["antiparallel"],
        "extrapolate": True,
    }
    if in_dialect(params):
        arc |= {"dialect": params["dialect"], "straight": _ONE_IN_FLOAT32}
    return builder.add("slerp", operands, arc, type=builder[operands[0]].type)


def _check(params: Mapping[str, Value]) -> Objection | None:
    weights = numbers(params["weights"], 2)
    total, size = sum(weights, Fraction(0)), sum(map(abs, weights), Fraction(0))
    if in_dialect(params) or (size and abs(total) >= _LEAST * size):
        return None
    return Objection(
        "E211",
        "weights",
        f"these `weights` sum to {'almost ' if total else ''}0, so there is no position between "
        "the operands",
        "write `weights=[1, 1]` for the middle, or give positive weights",
    )


OPERATOR = Operator(
    name="nuslerp",
    revision=1,
    mass=MassRule.SAME,
    operands=(2, 2),
    parameters=(
        Parameter(
            "weights", "number", Fraction(1), "one number for each operand", per_operand=True
        ),
        Parameter("axis", "word", "none", "what has an angle", words=("none", "in", "out")),
        Parameter("norm", "word", "raw", "what norm the result has", words=("raw", "polar")),
        Parameter("antiparallel", "word", "error", "opposite directions", words=("error", "lerp")),
        DIALECT,
    ),
    laws=(
        equation("nuslerp(a, b; weights=[3, 1])", "slerp(a, b; t=1/4)", on="adversarial"),
        equation(
            "nuslerp(a, b; weights=[3, 1], axis=in)",
            "slerp(a, b; t=1/4, scope=row)",
            on="adversarial",
        ),
        Law("group_by_group", {"axis": "out"}),
        equation("nuslerp(a, b; weights=[1, 0])", "a", on="adversarial"),
        Law("permutation_invariant"),
        Law("weight_scale_invariant", {"weights": (Fraction(3), Fraction(1))}),
        Law("scale_equivariant"),
        Law("scale_equivariant", {"axis": "out"}),
        Law("block_invariant"),
        equation(
            "nuslerp(a, b; weights=[1, -1], dialect=mergekit)", "nuslerp(a, b; dialect=mergekit)"
        ),
    ),
    page=__doc__ or "",
    lower=_lower,
    check=_check,
    order_free=True,
)
