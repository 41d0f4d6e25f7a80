"""Scale a task vector by depth: early layers less, late layers more.

Formula    y = (alpha + beta·l/(L - 1)) · δ in layer l of L;  y = alpha · δ outside the layers
Shapes     [*s] delta → [*s] delta, in the work dtype
Parameters alpha: factor in the first layer and outside the layers, required · beta: what the last
           layer's factor has more, required
Edge cases alpha = 1 and beta = 0 is the identity · embeddings, the final norm and the head are
           outside the layers · L = 1: alpha · layers are those of the architecture's description,
           not numbers found in names
Source     Wang et al., LiNeS (2024), arXiv:2410.17146, eq. 3. For one task they set beta = 1 -
           alpha; for a merge of n tasks alpha is 1/n times the ratio of the norms of the sum of the
           deltas and of the merged delta, and beta is tuned
Example    lines([4, -2]; alpha=1/4, beta=3/4) is [1, -0.5]
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.ir import DELTA, GraphBuilder, NodeKey, Value
from mergec.ir.schedule import Amount, Choice, Ramp, Schedule, scheduled
from mergec.ir.selector import InLayers
from mergec.ops.declaration import REQUIRED, MassRule, Operator, Parameter
from mergec.ops.law import Law, equation

# From 0 in the first layer to 1 in the last; 0 outside the layers, after them too.
_ONE_LAYER_TO_LAST = scheduled(Ramp((Fraction(0), Fraction(1))))
_DEPTH = scheduled(Choice(((InLayers(0, None), _ONE_LAYER_TO_LAST), (None, Fraction(0)))))


def _by_layer(params: Mapping[str, Value]) -> Mapping[str, Value]:
    """The factor as a number that differs from tensor to tensor."""
    return {"by": _amount(params["alpha"]) + _amount(params["beta"]) * _DEPTH}


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    return builder.add("affine", operands, {"coefficients": (params["by"],)}, type=DELTA)


OPERATOR = Operator(
    name="lines",
    revision=1,
    mass=MassRule.DELTA,
    operands=(1, 1),
    parameters=(
        Parameter("alpha", "number", REQUIRED, "factor in the first layer"),
        Parameter("beta", "number", REQUIRED, "what the last layer's factor has more"),
    ),
    laws=(
        Law("identity_at", {"alpha": 1, "beta": 0}),
        Law("odd"),
        Law("scale_equivariant"),
        Law("by_depth"),
        equation("lines(a - base; alpha=1/2, beta=1)", "scale(a - base; by=1/2)", on="adversarial"),
        equation(
            "trim(lines(a - base; alpha=1/2, beta=1); density=1/2)",
            "lines(trim(a - base; density=1/2); alpha=1/2, beta=1)",
        ),
    ),
    page=__doc__ or "",
    lower=_lower,
    derive=_by_layer,
)


def _amount(value: Value) -> Amount:
    if isinstance(value, Schedule):
        return value
    assert isinstance(value, Fraction | int)
    return Fraction(value)
