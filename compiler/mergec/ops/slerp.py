"""Interpolate two tensors along the great circle between their directions.

Formula    θ = 2·atan2(‖u - v‖, ‖u + v‖), u = a/‖a‖, v = b/‖b‖;
           s₀ = sin((1 - t)·θ)/sin θ, s₁ = sin(t·θ)/sin θ;
           raw: out = s₀·a + s₁·b;  polar: out = ((1 - t)·‖a‖ + t·‖b‖)·(s₀·u + s₁·v)
Shapes     [*s], [*s] → [*s]; in the work dtype; norms and angle in float64, over the whole tensor
Parameters t: rational position, 0 gives a and 1 gives b · norm: `raw` or `polar` ·
           antiparallel: `error` or `lerp` · extrapolate: allow t outside 0 … 1
Edge cases t = 0 and t = 1 copy, without looking at the angle · θ < 1e-6 or a zero norm:
           (1 - t)·a + t·b · π - θ < 1e-6: E808, or that if asked · one element: the same, by signs
Source     K. Shoemake, "Animating rotation with quaternion curves", 1985; merging tools use `raw`;
           the angle is W. Kahan's, accurate near 0 and π where the arc cosine is not
Example    slerp([3, 0], [0, 4]; t=1/2) is [2.1213, 2.8284]
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import ClassVar, final

from mergec.catalog.dtypes import Dtype
from mergec.diagnostics import fail
from mergec.ops.affine import Terms, add_terms, round_terms
from mergec.ops.declaration import REQUIRED, MassRule, Objection, Operator, Parameter
from mergec.ops.law import Law
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import rational, word
from mergec.ops.rounding import product_is_exact
from mergec.ops.stage import Cursor, Params, Site, StatisticStage
from mergec.ops.tree_sum import finite, total

_SMALL_ANGLE = 1e-6

_Leaves = tuple[list[float], list[float], list[float], list[float]]


@dataclass(frozen=True, slots=True)
class Arc:
    """The position on the arc, and once the angle is known the terms of the result."""

    t: Fraction
    polar: bool
    lerp_antiparallel: bool
    site: Site
    terms: Terms


@final
class Slerp(StatisticStage):
    """The stage of spherical interpolation of whole tensors."""

    name: ClassVar[str] = "slerp"
    revision: ClassVar[int] = 1

    def sweeps(self, params: Params, work: Dtype) -> int:
        """One for the angle; none at the end points."""
        return int(rational(params, "t") not in (0, 1))

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """Unless both operands are stored and narrow: the coefficients come from the data."""
        third = Fraction(1, 3)
        return not all(product_is_exact(third, work, kind) for kind in stored)

    def prepare(self, params: Params, site: Site) -> Arc:
        """The terms of linear interpolation, which hold unless the angle says otherwise."""
        t = rational(params, "t")
        return Arc(
            t,
            word(params, "norm", "raw") == "polar",
            word(params, "antiparallel", "error") == "lerp",
            site,
            round_terms((1 - t, t), site),
        )

    @untrapped
    def observe(
        self, xp: ArrayNamespace, acc: _Leaves | None, blocks: Sequence[Array], setting: Arc
    ) -> _Leaves:
        """Leaf sums of a², b², (a - b)² and (a + b)² in float64."""
        sums = acc or _no_leaves()
        a, b = xp.widen(blocks[0]), xp.widen(blocks[1])
        for leaves, x in zip(sums, (a, b, a - b, a + b), strict=True):
            leaves.extend(xp.leaf_sums(x * x))
        return sums

    def combine(self, acc: _Leaves | None, setting: Arc) -> Arc:
        """The terms for this tensor's angle. Raises E808 for antiparallel tensors."""
        tensor = setting.site.tensor
        squares = [total(leaves, tensor) for leaves in acc or _no_leaves()]
        norms = math.sqrt(squares[0]), math.sqrt(squares[1])
        theta = angle(*squares)
        if theta is None or theta < _SMALL_ANGLE:
            return setting
        if math.pi - theta < _SMALL_ANGLE:
            if setting.lerp_antiparallel:
                return setting
            raise _antiparallel(tensor)
        near = math.sin(float(1 - setting.t) * theta) / math.sin(theta)
        far = math.sin(float(setting.t) * theta) / math.sin(theta)
        if setting.polar:
            length = float(1 - setting.t) * norms[0] + float(setting.t) * norms[1]
            near, far = length * near / norms[0], length * far / norms[1]
        what = f"a coefficient of `{tensor}`"
        exact = Fraction(finite(near, what)), Fraction(finite(far, what))
        return replace(setting, terms=round_terms(exact, setting.site))

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Arc, cursor: Cursor
    ) -> Array:
        """Both operands times their coefficients, added."""
        return add_terms(xp, blocks, setting.terms)


def _check(params: Params) -> Objection | None:
    if params["extrapolate"] or 0 <= rational(params, "t") <= 1:
        return None
    return Objection(
        "E203",
        "t",
        "`t` must be at least 0 and at most 1",
        "to go beyond an end point on purpose add `extrapolate=true`",
    )


STAGE = Slerp()
OPERATOR = Operator(
    name="slerp",
    revision=STAGE.revision,
    mass=MassRule.SAME,
    operands=(2, 2),
    parameters=(
        Parameter(
            "t", "number", REQUIRED, "position, where 0 gives the first operand and 1 the second"
        ),
        Parameter("norm", "word", "raw", "what norm the result has", words=("raw", "polar")),
        Parameter("antiparallel", "word", "error", "opposite directions", words=("error", "lerp")),
        Parameter("extrapolate", "bool", False, "allow `t` outside 0 to 1"),
    ),
    laws=(
        Law("endpoints"),
        Law("scale_equivariant"),
        Law("scale_equivariant", {"norm": "polar"}),
        Law("reversal"),
        Law("reversal", {"norm": "polar"}),
        Law("block_invariant", {"t": Fraction(1, 4)}),
    ),
    page=__doc__ or "",
    check=_check,
)


def angle(aa: float, bb: float, dd: float, ss: float) -> float | None:
    """The angle in radians between a and b, from |a|², |b|², |a - b|² and |a + b|².

    None if a norm is zero. Each chord follows from the squares: |u - v|² = (dd - (|a| - |b|)²) /
    (|a|·|b|), without forming u and v.

    >>> angle(9.0, 16.0, 25.0, 25.0) == math.pi / 2
    True
    """
    a, b = math.sqrt(aa), math.sqrt(bb)
    if a == 0.0 or b == 0.0:
        return None
    gap = (a - b) * (a - b)
    less, more = sorted((a, b))  # so that exchanged operands give the same bits
    apart = max(dd - gap, 0.0) / more / less
    along = max(ss - gap, 0.0) / more / less
    return 2.0 * math.atan2(math.sqrt(apart), math.sqrt(along))


def _no_leaves() -> _Leaves:
    return [], [], [], []


def _antiparallel(tensor: str) -> Exception:
    return fail(
        "E808",
        f"the two operands' `{tensor}` point in opposite directions, so no arc joins them",
        notes=["a great circle through opposite points is not unique"],
        help="to interpolate such tensors linearly write `antiparallel=lerp`",
    )
