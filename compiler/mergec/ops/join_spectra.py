"""Keep the strongest singular directions of each delta, and make them orthogonal to each other.

Formula    δᵢ ≈ Uᵢ·diag(σᵢ)·Vᵢᵀ, its k = ⌊min(out, in)/n⌋ largest values; U = [U₁ … Uₙ], V and σ
           likewise; out = polar(U)·diag(σ)·polar(V)ᵀ;  polar(X) = P·Qᵀ for X = P·diag(s)·Qᵀ
Shapes     n × [out, in] → [out, in]; convolutions as [out, in·height·width]; in float64, class T
Parameters none
Edge cases singular values of at most 10⁻¹² of a delta's largest are rounding, and left out; so a
           delta of zeros takes no part · all zero: zero · a direction that two deltas share to a
           millionth: E817, for no two orthogonal ones are nearest to it
Source     A. A. Gargiulo et al., "Task singular vectors: reducing task interference in model
           merging", 2024, section 4, https://arxiv.org/abs/2412.00081
Example    join_spectra(x, y) of [[2, 0], [0, 0]] and [[0, 0], [0, 1]] is [[2, 0], [0, 1]]
"""

from collections.abc import Sequence
from typing import ClassVar, final

from mergec.diagnostics import fail
from mergec.frozen import frozen
from mergec.ops.declaration import Shape
from mergec.ops.matrices import (
    Matrix,
    columns,
    placement,
    rank_room,
    scaled_columns,
    singular_values,
)
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.stage import Cursor, Params, Site, WholeTensorStage

_ROUNDING = 1e-12
_SHARED = 1e-6


@frozen
class Joining:
    """The matrices' columns, how many directions each may keep, and the tensor."""

    columns: int
    most: int
    tensor: str


@frozen
class _Directions:
    """The singular directions that one delta keeps: the first of `u`'s columns, `vt`'s rows."""

    u: Matrix
    values: tuple[float, ...]
    vt: Matrix


@final
class JoinSpectra(WholeTensorStage):
    """The stage of merged singular vectors, over whole matrices."""

    name: ClassVar[str] = "join_spectra"
    revision: ClassVar[int] = 1
    approximate: ClassVar[bool] = True

    def workspace(self, params: Params, shape: Shape) -> int:
        """Each delta's U and Vᵀ are held until all are known; then both are decomposed again."""
        k, n = rank_room(shape), columns(shape)
        operands = params["operands"]
        assert isinstance(operands, int)
        return 8 * k * (shape[0] + n) * (operands + 4) + 8 * 6 * k * k

    def prepare(self, params: Params, site: Site) -> Joining:
        """How many directions there is room for."""
        return Joining(columns(site.shape), rank_room(site.shape) // len(site.stored), site.tensor)

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Joining, cursor: Cursor
    ) -> Array:
        """The product of the two bases. Raises E817 for a shared direction."""
        found = [_directions(xp, block, setting) for block in blocks]
        kept = [each for each in found if each is not None]
        if not kept:
            return blocks[0] - blocks[0]
        width = sum(len(each.values) for each in kept)
        left = right = None
        start = 0
        for each in kept:
            count = len(each.values)
            places = placement(xp, len(each.vt), count, start, width)
            u, v = each.u @ places, each.vt.T @ places
            left = u if left is None else left + u
            right = v if right is None else right + v
            start += count
        values = [value for each in kept for value in each.values]
        bases = [_polar(xp, matrix, setting.tensor) for matrix in (left, right)]
        result = scaled_columns(xp, bases[0], values) @ bases[1].T
        return xp.narrow(xp.flat(result), blocks[0])


def _directions(xp: ArrayNamespace, block: Array, setting: Joining) -> _Directions | None:
    """Those of one delta; None if it is zero."""
    if not xp.count(block != 0):
        return None
    u, values, vt = xp.svd(xp.matrix(xp.widen(block), setting.columns))
    found = singular_values(xp, values)
    kept = [value for value in found[: setting.most] if value > _ROUNDING * found[0]]
    if not kept:
        raise _unsettled(setting.tensor)
    return _Directions(u, tuple(kept), vt)


def _polar(xp: ArrayNamespace, matrix: Matrix, tensor: str) -> Matrix:
    """The orthonormal columns that are nearest to those of `matrix`."""
    p, values, qt = xp.svd(matrix)
    found = singular_values(xp, values)
    if not found[-1] > _SHARED:
        raise _shared(tensor)
    return p @ qt


def _shared(tensor: str) -> Exception:
    return fail(
        "E817",
        f"two deltas of `{tensor}` share a singular direction",
        notes=("each delta's directions are turned until all are orthogonal, and these cannot be",),
        help="merge equal deltas once with a larger scale, or this tensor by another operator in a "
        "`match`",
    )


def _unsettled(tensor: str) -> Exception:
    return fail(
        "E817",
        f"a delta of `{tensor}` has no singular values within float64",
        help="make the deltas smaller, or merge this tensor by another operator in a `match`",
    )


STAGE = JoinSpectra()
