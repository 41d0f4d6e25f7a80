"""What operators do with tensors that are none for them: the mean of the operands."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.ir import GraphBuilder, NodeKey, Value
from mergec.ops.declaration import number
from mergec.ops.merged_delta import part


def weighted_mean(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    """Σᵢ wᵢ·xᵢ / Σᵢ wᵢ, by the parameter `weights`."""
    settings: dict[str, Value] = {"weights": params["weights"], "normalize": True}
    return builder.add("linear", operands, settings, type=builder[operands[0]].type)


def mean_on_base(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    """The base plus `scale` times the mean of the deltas; without a base the scaled mean."""
    parted = part(builder, operands)
    share = number(params["scale"]) / len(parted.deltas)
    parts = (*(Fraction(1) for _ in parted.base), *(share for _ in parted.deltas))
    kind = builder[operands[0]].type
    return builder.add("affine", operands, {"coefficients": parts}, type=kind)
