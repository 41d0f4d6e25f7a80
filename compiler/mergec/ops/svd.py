"""Keep of each matrix of a delta what a matrix of low rank can say of it.

Formula    out = Σⱼ σⱼ·uⱼ·vⱼᵀ over the `rank` largest singular values σ₁ ≥ σ₂ ≥ … of the delta
Shapes     a delta → a delta; matrices [out, in], and convolutions [out, in, height, width] as
           [out, in·height·width]; in float64, class T
Parameters rank: singular values that are kept, whole, ≥ 1 · others: what becomes of a tensor that
           is no matrix: it stays as it is (keep), or its change is left out (drop)
Edge cases rank ≥ min(out, in), or no change: the tensor itself, to the bit · σ of the rank equal to
           the next: which direction is kept is the library's choice · what is left out has the norm
           √Σσⱼ² over the other values, which a run reports, and no matrix of the rank is nearer
Source     C. Eckart, G. Young, "The approximation of one matrix by another of lower rank", 1936,
           Psychometrika 1, https://doi.org/10.1007/BF02288367. Written by `export delta` it is an
           adapter (docs/adapters.md)
Example    svd([[3, 1], [1, 3]]; rank=1) is [[2, 2], [2, 2]]
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import ClassVar, final

from mergec.frozen import frozen
from mergec.ir import DELTA, GraphBuilder, NodeKey, Value
from mergec.ops.declaration import REQUIRED, MassRule, Operator, Parameter, Shape
from mergec.ops.law import Law, equation
from mergec.ops.matrices import columns, is_matrix, rank_room
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import integer
from mergec.ops.stage import Cursor, Params, Site, WholeTensorStage
from mergec.ops.truncation import leading, product


@frozen
class Truncation:
    """Singular values that are kept and that there are, the matrix's columns, and the tensor."""

    rank: int
    room: int
    columns: int
    tensor: str


@final
class Svd(WholeTensorStage):
    """The stage of truncation, over whole matrices."""

    name: ClassVar[str] = "svd"
    revision: ClassVar[int] = 1
    approximate: ClassVar[bool] = True

    def workspace(self, params: Params, shape: Shape) -> int:
        """U and Vᵀ, their leading parts, and what LAPACK works in."""
        k = rank_room(shape)
        return 8 * (4 * k * (shape[0] + columns(shape)) + 4 * k * k)

    def prepare(self, params: Params, site: Site) -> Truncation:
        """Host scalars."""
        room = rank_room(site.shape)
        rank = min(integer(params, "rank"), room)
        return Truncation(rank, room, columns(site.shape), site.tensor)

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Truncation, cursor: Cursor
    ) -> Array:
        """The nearest matrix of the rank, and in the cursor how near that is."""
        delta = xp.widen(blocks[0])
        if setting.rank == setting.room or not xp.count(delta != 0):
            cursor.cut = (0.0, sum(map(float, xp.leaf_sums(delta * delta))))
            return blocks[0]
        found = xp.svd(xp.matrix(delta, setting.columns))
        triples = leading(xp, *found, setting.rank, setting.tensor)
        cursor.cut = triples.cut
        return xp.narrow(product(xp, triples), blocks[0])


def _others(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    """What is no matrix: itself, or no change."""
    if params["others"] == "keep":
        return operands[0]
    return builder.add("affine", operands, {"coefficients": (Fraction(0),)}, type=DELTA)


STAGE = Svd()
OPERATOR = Operator(
    name="svd",
    revision=STAGE.revision,
    mass=MassRule.DELTA,
    operands=(1, 1),
    parameters=(
        Parameter("rank", "int", REQUIRED, "how many singular values are kept", lo=Fraction(1)),
        Parameter(
            "others",
            "word",
            "keep",
            "what becomes of tensors that are no matrices",
            words=("keep", "drop"),
        ),
    ),
    laws=(
        Law("nearest_of_rank", {"rank": 2}, tolerance=1e-5),
        Law("adapters_add"),
        Law("gauge_invariant", {"rank": 2}, tolerance=1e-5),
        Law("full_rank_is_the_sum", tolerance=1e-5),
        equation(
            "svd(-3*(a - base); rank=2)",
            "-3*svd(a - base; rank=2)",
            tolerance=1e-5,
            on="tame matrix",
        ),
        equation("svd(a - base; rank=64)", "a - base", on="adversarial matrix"),
        equation("svd(a - base; rank=1)", "a - base", on="adversarial vector"),
        equation("base + svd(a - base; rank=1, others=drop)", "base", on="adversarial vector"),
        equation(
            "svd(svd(a - base; rank=2); rank=3)",
            "svd(a - base; rank=2)",
            tolerance=1e-5,
            on="tame matrix",
        ),
        equation("svd(a - base; rank=1)", "a - base", holds=False, on="dyadic matrix"),
        equation(
            "svd(a - base; rank=1) + svd(b - base; rank=1)",
            "svd((a - base) + (b - base); rank=1)",
            holds=False,
            on="dyadic matrix",
        ),
    ),
    page=__doc__ or "",
    suits=is_matrix,
    fallback=_others,
)
