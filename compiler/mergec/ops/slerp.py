"""Interpolate two tensors along the great circle between their directions.

Formula    θ = 2·atan2(‖u - v‖, ‖u + v‖), u = a/‖a‖, v = b/‖b‖;
           s₀ = sin((1 - t)·θ)/sin θ, s₁ = sin(t·θ)/sin θ;
           raw: out = s₀·a + s₁·b;  polar: out = ((1 - t)·‖a‖ + t·‖b‖)·(s₀·u + s₁·v)
Shapes     [*s], [*s] → [*s]; in the work dtype; norms and angles in float64
Parameters t: rational position, 0 gives a and 1 gives b · norm: `raw` or `polar` ·
           scope: one angle for the `tensor`, or one for each `row` (the last axis) or `column` of
           it; a vector is one row and one column · antiparallel: `error` or `lerp` ·
           extrapolate: allow t outside 0 … 1 · dialect: `mergekit` interpolates linearly where
           |cos θ| > 0.9995, and takes a norm up to 1e-8 for a right angle
Edge cases t = 0 and t = 1 copy, without looking at the angle · θ < 1e-6: s₀ = 1 - t, s₁ = t · a
           zero norm: (1 - t)·a + t·b · π - θ < 1e-6: E808, or that if asked · one element: the
           same, by signs · a row of at most 65536 elements has the bits that it has as a tensor of
           its own
Source     K. Shoemake, "Animating rotation with quaternion curves", 1985; merging tools use `raw`,
           over the whole tensor; the angle is W. Kahan's, accurate near 0 and π where the arc
           cosine is not
Example    slerp([3, 0], [0, 4]; t=1/2) is [2.1213, 2.8284]
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import ClassVar, final

from mergec.catalog.dtypes import Dtype
from mergec.diagnostics import fail
from mergec.frozen import frozen
from mergec.ops.affine import Terms, add_terms, round_terms
from mergec.ops.declaration import DIALECT, REQUIRED, MassRule, Objection, Operator, Parameter
from mergec.ops.groups import Groups, groups_of
from mergec.ops.law import Law, equation
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import in_dialect, rational, word
from mergec.ops.rounding import (
    coefficient,
    coefficient_of_float,
    even_precision,
    product_is_exact,
)
from mergec.ops.stage import Cursor, Params, Site, StatisticStage
from mergec.ops.tree_sum import combine_leaves, finite

STRAIGHT: Params = {"straight": Fraction("0.9995")}
_SMALL_ANGLE = 1e-6
_NO_DIRECTION = 1e-8
# Where one norm is so many times the other, its rounding costs the chords as many times more than
# it costs the cosine.
_UNEQUAL = 16.0

_Leaves = tuple[list[float], list[float], list[float], list[float], list[float]]


@frozen
class Arc:
    """The position on the arc, and once the angle is known the terms of the result.

    With `groups` there is an angle for each of them, and the terms hold where there is none.
    `straight` is the cosine beyond which mergekit goes straight, in its dialect.
    """

    t: Fraction
    polar: bool
    lerp_antiparallel: bool
    site: Site
    terms: Terms
    groups: Groups | None
    straight: float | None = None


@final
class Slerp(StatisticStage):
    """The stage of spherical interpolation, of whole tensors or of their rows or columns."""

    name: ClassVar[str] = "slerp"
    revision: ClassVar[int] = 1

    def sweeps(self, params: Params, work: Dtype) -> int:
        """One for the angle of a tensor; none at the end points, or if a block holds its groups."""
        return int(rational(params, "t") not in (0, 1) and _scope(params) == "tensor")

    def grain(self, params: Params, shape: tuple[int, ...]) -> int:
        """Whole rows, or all of a tensor for its columns."""
        groups = groups_of(_scope(params), shape)
        return groups.grain(shape) if groups else 1

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """Unless both operands are stored and narrow: the coefficients come from the data."""
        third = Fraction(1, 3)
        return not all(product_is_exact(third, work, kind) for kind in stored)

    def prepare(self, params: Params, site: Site) -> Arc:
        """The terms of linear interpolation, which hold unless the angle says otherwise."""
        t = rational(params, "t")
        scope = "tensor" if t in (0, 1) else _scope(params)
        return Arc(
            t,
            word(params, "norm", "raw") == "polar",
            word(params, "antiparallel", "error") == "lerp",
            site,
            round_terms((1 - t, t), site),
            groups_of(scope, site.shape),
            float(rational({**STRAIGHT, **params}, "straight")) if in_dialect(params) else None,
        )

    @untrapped
    def observe(
        self, xp: ArrayNamespace, acc: _Leaves | None, blocks: Sequence[Array], setting: Arc
    ) -> _Leaves:
        """Leaf sums of a², b², (a - b)², (a + b)² and a·b in float64."""
        sums = acc or _no_leaves()
        for leaves, product in zip(sums, _products(xp, blocks), strict=True):
            leaves.extend(xp.leaf_sums(product))
        return sums

    def combine(self, acc: _Leaves | None, setting: Arc) -> Arc:
        """The terms for this tensor's angle. Raises E808 for antiparallel tensors."""
        sums = [combine_leaves(leaves) for leaves in acc or _no_leaves()]
        parts = _parts(setting, sums, f"`{setting.site.tensor}`")
        if parts is None:
            return setting
        exact = [Fraction(part) for part in parts]
        return replace(setting, terms=round_terms(exact, setting.site))

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Arc, cursor: Cursor
    ) -> Array:
        """Both operands times their coefficients, added."""
        if setting.groups is None:
            return add_terms(xp, blocks, setting.terms)
        near, far = _group_coefficients(xp, blocks, setting, setting.groups, cursor.start)
        one = blocks[0] * setting.groups.give(xp, near, blocks[0])
        other = blocks[1] * setting.groups.give(xp, far, blocks[1])
        kinds = setting.site.stored
        if (kinds[0] is None) == (kinds[1] is None):
            return one + other
        stored, computed = (other, one) if kinds[0] is None else (one, other)
        # As `add_terms` has it, so that a row is interpolated as a tensor is.
        return xp.where(computed == 0, stored, stored + computed)


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
        Parameter(
            "scope",
            "word",
            "tensor",
            "what has an angle of its own",
            words=("tensor", "row", "column"),
        ),
        Parameter("antiparallel", "word", "error", "opposite directions", words=("error", "lerp")),
        Parameter("extrapolate", "bool", False, "allow `t` outside 0 to 1"),
        DIALECT,
    ),
    laws=(
        Law("endpoints"),
        Law("scale_equivariant"),
        Law("scale_equivariant", {"norm": "polar"}),
        Law("reversal"),
        Law("reversal", {"norm": "polar"}),
        Law("block_invariant", {"t": Fraction(1, 4)}),
        Law("group_by_group", {"scope": "row"}),
        Law("group_by_group", {"scope": "column", "norm": "polar"}),
        Law("endpoints", {"scope": "row"}),
        Law("scale_equivariant", {"scope": "row"}),
        Law("scale_equivariant", {"scope": "column", "norm": "polar"}),
        Law("reversal", {"scope": "row", "norm": "polar"}),
        Law("shape_free"),
        equation("slerp(a, a; t=1/3)", "a", tolerance=2.0**-50, on="tame"),
        equation(
            "slerp(a, slerp(a, b; t=1/2, norm=polar); t=1/2, norm=polar)",
            "slerp(a, b; t=1/4, norm=polar)",
            tolerance=2.0**-16,
            on="tame",
        ),
        equation(
            "slerp(a, slerp(a, b; t=1/2); t=1/2)",
            "slerp(a, b; t=1/4)",
            tolerance=2.0**-10,
            on="tame",
            holds=False,
        ),
        equation(
            "slerp(a, b; t=1/4)",
            "base + slerp(a - base, b - base; t=1/4)",
            tolerance=2.0**-10,
            on="tame",
            holds=False,
        ),
        Law("endpoints", {"dialect": "mergekit"}),
        Law("block_invariant", {"t": Fraction(1, 4), "dialect": "mergekit"}),
        Law("group_by_group", {"scope": "row", "dialect": "mergekit"}),
        equation(
            "slerp(a - base, -(a - base); t=1/4, dialect=mergekit)",
            "1/2*(a - base)",
            tolerance=2.0**-20,
        ),
        Law("permutation_invariant", {"t": Fraction(1, 4)}, holds=False),
    ),
    page=__doc__ or "",
    check=_check,
)


def angle(aa: float, bb: float, dd: float, ss: float, ab: float) -> float | None:
    """The angle in radians between a and b, from |a|², |b|², |a - b|², |a + b|² and a·b.

    None if a norm is zero. Each chord follows from the squares: |u - v|² = (dd - (|a| - |b|)²) /
    (|a|·|b|), without forming u and v; or, for very unequal norms, from the cosine.

    >>> angle(9.0, 16.0, 25.0, 25.0, 0.0) == math.pi / 2
    True
    """
    a, b = math.sqrt(aa), math.sqrt(bb)
    if a == 0.0 or b == 0.0:
        return None
    less, more = sorted((a, b))  # so that exchanged operands give the same bits
    if more / _UNEQUAL > less:
        cosine = ab / more / less
        apart, along = max(2.0 - 2.0 * cosine, 0.0), max(2.0 + 2.0 * cosine, 0.0)
    else:
        gap = (a - b) * (a - b)
        apart = max(dd - gap, 0.0) / more / less
        along = max(ss - gap, 0.0) / more / less
    return 2.0 * math.atan2(math.sqrt(apart), math.sqrt(along))


def _cut_angle(
    straight: float, aa: float, bb: float, dd: float, ss: float, ab: float
) -> float | None:
    """The angle of mergekit's dialect; None where it goes straight."""
    if min(aa, bb) <= _NO_DIRECTION**2:
        return math.pi / 2
    less, more = sorted((math.sqrt(aa), math.sqrt(bb)))
    cosine = ab / more / less
    return None if abs(cosine) > straight else math.acos(cosine)


def _products(xp: ArrayNamespace, blocks: Sequence[Array]) -> list[Array]:
    """What is summed for `angle`, in its order."""
    a, b = xp.widen(blocks[0]), xp.widen(blocks[1])
    return [*(x * x for x in (a, b, a - b, a + b)), a * b]


def _parts(setting: Arc, sums: Sequence[float], what: str) -> tuple[float, float] | None:
    """How much of each operand, by the sums that `angle` takes; None where the way is straight.

    Raises E806 for numbers beyond float64 and E808 for opposite directions, which are `what`'s.
    """
    for each in sums:
        finite(each, f"the norm of {what}")
    theta = angle(*sums) if setting.straight is None else _cut_angle(setting.straight, *sums)
    if theta is None:
        return None
    if math.pi - theta < _SMALL_ANGLE:
        if setting.lerp_antiparallel:
            return None
        raise _antiparallel(what)
    start, end = float(1 - setting.t), float(setting.t)
    if theta < _SMALL_ANGLE:
        if not setting.polar:
            return None
        near, far = start, end
    else:
        near = math.sin(start * theta) / math.sin(theta)
        far = math.sin(end * theta) / math.sin(theta)
    if setting.polar:
        norms = math.sqrt(sums[0]), math.sqrt(sums[1])
        length = start * norms[0] + end * norms[1]
        near, far = length * near / norms[0], length * far / norms[1]
    return finite(near, f"a coefficient of {what}"), finite(far, f"a coefficient of {what}")


def _group_coefficients(
    xp: ArrayNamespace, blocks: Sequence[Array], setting: Arc, groups: Groups, start: int
) -> tuple[list[float], list[float]]:
    """For each group of a block how much of each operand, rounded as for a whole tensor."""
    sums = [groups.sums(xp, product) for product in _products(xp, blocks)]
    site, first = setting.site, groups.first(start)
    kinds = even_precision(site.stored, site.work)
    straight = [
        coefficient(c, site.work, kind)
        for c, kind in zip((1 - setting.t, setting.t), kinds, strict=True)
    ]
    pairs: list[list[float]] = []
    for number, found in enumerate(zip(*sums, strict=True), first):
        parts = _parts(setting, found, groups.name(number, site.tensor))
        pairs.append(
            straight
            if parts is None
            else [
                coefficient_of_float(part, site.work, kind)
                for part, kind in zip(parts, kinds, strict=True)
            ]
        )
    return [near for near, _ in pairs], [far for _, far in pairs]


def _scope(params: Params) -> str:
    return word(params, "scope", "tensor")


def _no_leaves() -> _Leaves:
    return [], [], [], [], []


def _antiparallel(what: str) -> Exception:
    return fail(
        "E808",
        f"{what} points in opposite directions in the two operands, so no arc joins them",
        notes=["a great circle through opposite points is not unique"],
        help="to interpolate such tensors linearly write `antiparallel=lerp`",
    )
