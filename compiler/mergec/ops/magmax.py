"""At each entry, take the task vector of largest magnitude.

Formula    y = base + scale · δ_m, where at each entry m = argmaxᵢ |δᵢ|
Shapes     a base and n × [*s] deltas → [*s] model; deltas alone → [*s] delta
Parameters scale: factor of the merged task vector · zero: what opposite entries of one largest
           magnitude yield: first, the first operand's in canonical order, or drop, nothing
Edge cases where all deltas are zero the base's bits remain · equal entries of one sign agree ·
           one delta: scale · δ · zero = drop does not depend on the names of the sources
Source     Marczak et al., MagMax (2024), arXiv:2407.06322, section 4; their code lets the later
           operand win such a tie, and its script of eight tasks uses scale = 0.5
Example    magmax([1, 1, 1], [3, 0, 1], [0, 2, -1]; scale=1) is [3, 0, -1]
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.ir import GraphBuilder, NodeKey, Value
from mergec.ops.declaration import MassRule, Operator, Parameter
from mergec.ops.law import Law, equation
from mergec.ops.merged_delta import SCALE, part


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    parted = part(builder, operands)
    return parted.on_base(parted.stage("largest", {"zero": params["zero"]}), params["scale"])


OPERATOR = Operator(
    name="magmax",
    revision=1,
    mass=MassRule.CONSENSUS,
    operands=(1, None),
    parameters=(
        SCALE,
        Parameter("zero", "word", "first", "what opposite equals yield", words=("first", "drop")),
    ),
    laws=(
        Law("largest_magnitude"),
        Law("permutation_invariant", {"zero": "drop"}),
        Law("permutation_invariant", {"zero": "first"}, holds=False),
        Law("odd"),
        Law("odd", {"zero": "drop"}),
        Law("scale_equivariant", {"scale": Fraction(1, 2)}),
        Law("untouched_keeps_base", {"zero": "drop"}),
        Law("block_invariant"),
        equation("magmax(base, a)", "a", tolerance=1e-7),
        equation("magmax(a - base, a - base, b - base)", "magmax(a - base, b - base)"),
        equation(
            "magmax(base, a, b, c)",
            "ties(base, a, b, c; density=1, elect=none, agg=max)",
            on="adversarial",
        ),
    ),
    page=__doc__ or "",
    lower=_lower,
    order_free=True,
)
