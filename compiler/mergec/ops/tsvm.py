"""Merge the strongest singular directions of each task vector without interference.

Formula    each δᵢ gives its k = ⌊min(out, in)/n⌋ largest singular triples (u, σ, v); with all of
           them beside each other, y = base + scale · polar(U)·diag(σ)·polar(V)ᵀ, where polar(X) has
           the orthonormal columns that are nearest to X
Shapes     a base and n × [out, in] → model; deltas alone → delta; convolutions [out, in, height,
           width] as [out, in·height·width]; in float64, class T
Parameters scale: factor of the result
Edge cases no matrix: scale times the mean of the deltas · more deltas than min(out, in): E209 ·
           a delta of zeros takes no part, and leaves its room empty · all zero: the base · two
           deltas that share a direction: E817 · one delta: itself · where singular values are equal
           the directions, and so the result, are those that the library chooses
Source     A. A. Gargiulo, D. Crisostomi, M. S. Bucarelli, S. Scardapane, F. Silvestri, E. Rodolà,
           "Task singular vectors", 2024, section 4, https://arxiv.org/abs/2412.00081. Their code
           returns the base where there are more tasks than singular values
Example    tsvm([[0, 0], [0, 0]], [[3, 0], [0, 0]], [[0, 0], [0, 1]]) is [[3, 0], [0, 1]]
"""

from collections.abc import Mapping, Sequence

from mergec.ir import GraphBuilder, NodeKey, Value
from mergec.ops.declaration import MassRule, Operator
from mergec.ops.fallback import mean_on_base
from mergec.ops.law import Law, equation
from mergec.ops.matrices import is_matrix, rank_room
from mergec.ops.merged_delta import SCALE, part


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    parted = part(builder, operands)
    joined = parted.stage("join_spectra", {"operands": len(parted.deltas)})
    return parted.on_base(joined, params["scale"])


OPERATOR = Operator(
    name="tsvm",
    revision=1,
    mass=MassRule.CONSENSUS,
    operands=(1, None),
    parameters=(SCALE,),
    laws=(
        Law("joins_spectra", tolerance=1e-5),
        Law("spectra_commute", tolerance=1e-5),
        Law("spectrum_scales", tolerance=1e-5),
        Law("axes_equivariant", tolerance=1e-5),
        Law("flattens_spectrum", tolerance=1e-2, holds=False),
        equation("tsvm(a - base)", "a - base", tolerance=1e-6, on="tame matrix"),
        equation("tsvm(base, a; scale=1/2)", "base + 1/2*tsvm(a - base)", on="dyadic matrix"),
        equation("tsvm(base, a, b)", "base + linear(a - base, b - base)", on="dyadic vector"),
        equation("tsvm(base, base)", "base", on="adversarial matrix"),
    ),
    page=__doc__ or "",
    lower=_lower,
    order_free=True,
    suits=is_matrix,
    fallback=mean_on_base,
    most=rank_room,
)
