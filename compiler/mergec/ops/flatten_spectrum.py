"""Give all singular values of a matrix their mean.

Formula    D = U·diag(σ)·Vᵀ;  out = σ̄·U·Vᵀ;  σ̄ = Σⱼ σⱼ / k over all k = min(out, in) values;
           level=rank: both over those with σⱼ > rank_tol·σ₁ alone; level=full: σ̄ over all k
Shapes     [out, in], or [out, in, height, width] as [out, in·height·width]; in float64, class T
Parameters rank_tol: how small a singular value counts as zero · level: `error`, `full` or `rank`,
           what to do where some are zero
Edge cases a matrix of zeros stays one · fewer than k values above the tolerance: E817 unless level
           says which mean is meant, for the directions of the others are arbitrary
Source     D. Marczak et al., "No task left behind: isotropic model merging with common and
           task-specific subspaces", 2025, section 4, https://arxiv.org/abs/2502.04959
Example    flatten_spectrum(x) of [[3, 0], [0, 1]] is [[2, 0], [0, 2]]
"""

from collections.abc import Sequence
from typing import ClassVar, final

from mergec.diagnostics import fail
from mergec.frozen import frozen
from mergec.ops.declaration import Shape
from mergec.ops.matrices import columns, rank_room, scaled_columns, singular_values
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import rational, word
from mergec.ops.stage import Cursor, Params, Site, WholeTensorStage


@frozen
class Flattening:
    """The matrix's columns, the tolerance, what the mean is over, and the tensor."""

    columns: int
    tolerance: float
    level: str
    tensor: str


@final
class FlattenSpectrum(WholeTensorStage):
    """The stage of isotropic merging, over whole matrices."""

    name: ClassVar[str] = "flatten_spectrum"
    revision: ClassVar[int] = 1
    approximate: ClassVar[bool] = True

    def workspace(self, params: Params, shape: Shape) -> int:
        """U and Vᵀ, their products, and what LAPACK works in."""
        k = rank_room(shape)
        return 8 * (4 * k * (shape[0] + columns(shape)) + 4 * k * k)

    def prepare(self, params: Params, site: Site) -> Flattening:
        """Host scalars."""
        tolerance = float(rational(params, "rank_tol"))
        return Flattening(
            columns(site.shape), tolerance, word(params, "level", "error"), site.tensor
        )

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Flattening, cursor: Cursor
    ) -> Array:
        """The polar factor times the mean. Raises E817 where that is arbitrary."""
        delta = xp.widen(blocks[0])
        if not xp.count(delta != 0):
            return blocks[0]
        u, values, vt = xp.svd(xp.matrix(delta, setting.columns))
        found = singular_values(xp, values)
        rank = sum(value > setting.tolerance * found[0] for value in found)
        if not rank:
            raise _unsettled(setting.tensor)
        if rank < len(found) and setting.level == "error":
            raise _deficient(setting.tensor, rank, len(found))
        level = sum(found[:rank]) / (rank if setting.level == "rank" else len(found))
        levels = [level if place < rank else 0.0 for place in range(len(found))]
        return xp.narrow(xp.flat(scaled_columns(xp, u, levels) @ vt), blocks[0])


def _deficient(tensor: str, rank: int, room: int) -> Exception:
    return fail(
        "E817",
        f"the summed delta of `{tensor}` has rank {rank} of {room}, so its missing directions are "
        "arbitrary",
        notes=("rounding decides which they would be, and they would get the mean singular value",),
        help="to flatten the directions that are there write `level=rank`",
    )


def _unsettled(tensor: str) -> Exception:
    return fail(
        "E817",
        f"the summed delta of `{tensor}` has no singular values within float64",
        help="make the deltas smaller, or merge this tensor by another operator in a `match`",
    )


STAGE = FlattenSpectrum()
