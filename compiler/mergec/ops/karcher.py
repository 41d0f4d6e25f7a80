"""Average tensors on the sphere: the direction nearest to all of theirs, with the mean length.

Formula    ŵᵢ = wᵢ/Σw;  u minimises Σᵢ ŵᵢ·∠(u, xᵢ)² over unit vectors;  y = (Σᵢ ŵᵢ·‖xᵢ‖) · u
Shapes     n × [*s] → [*s]; all models or all deltas; norms and angles in float64, over the tensor
Parameters weights: one number for each operand, ≥ 0 (default: equal); only their ratios count ·
           tol: the iteration has settled when its step is shorter than this angle, > 0 ·
           max_iter: steps after which it has failed, ≥ 1 · dialect: `mergekit` takes where the last
           step leads, the direction of the first operand where nlerp has no start, and norms up to
           tol for zero
Edge cases not settled: E817 · directions that cancel, where nlerp has no start: E817 · a zero
           tensor has no direction and counts for the length alone · all zero: the weighted average
           · two operands: slerp with norm=polar · directions that no half-sphere holds may have
           several such means: the one near nlerp's direction is taken, and the run warns (W801) ·
           one operand is that operand, bit for bit
Source     H. Karcher, Riemannian center of mass (1977); mergekit's `karcher` has equal weights, and
           tol 1e-5 with 10 steps in the storage dtype. Steps here need only the n × n inner
           products, for every iterate is a combination of the operands
Example    karcher([3, 0], [0, 4]; weights=[3, 1]) is [3.0026, 1.2437]
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import ClassVar, final

from mergec.catalog.dtypes import Dtype
from mergec.diagnostics import Diagnostic, fail
from mergec.frozen import frozen
from mergec.ops.affine import add_terms
from mergec.ops.declaration import DIALECT, MassRule, Operator, Parameter
from mergec.ops.gram import Gram, Leaves, gram_leaves, gram_of
from mergec.ops.law import Law, equation
from mergec.ops.mean_direction import (
    WEIGHTS,
    Directions,
    along,
    check_weights,
    is_contractible,
    mean_direction,
    start,
)
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import in_dialect, integer, rational
from mergec.ops.stage import Cursor, Params, Site, StatisticStage

_Vector = tuple[float, ...]


@frozen
class Iteration:
    """When the search for the mean ends, and the terms of the result.

    `alone` tells that it is known to be the only mean. Without being `patient` it ends where the
    last step led, as in mergekit's dialect.
    """

    tol: float
    max_iter: int
    at: Directions
    alone: bool = True
    patient: bool = True


@final
class Karcher(StatisticStage):
    """The stage of the mean on the sphere."""

    name: ClassVar[str] = "karcher"
    revision: ClassVar[int] = 1

    def sweeps(self, params: Params, work: Dtype) -> int:
        """One for all inner products."""
        return 1

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """Unless all operands are stored and narrow: the coefficients come from the data."""
        return is_contractible(stored, work)

    def temporaries(self, operands: int) -> int:
        """All operands are widened at once; a product, and what halves it."""
        return operands + 3

    def prepare(self, params: Params, site: Site) -> Iteration:
        """The terms of the weighted average, which hold if all tensors are zero."""
        tol, steps = float(rational(params, "tol")), integer(params, "max_iter")
        return Iteration(tol, steps, start(params, site), patient=not in_dialect(params))

    @untrapped
    def observe(
        self, xp: ArrayNamespace, acc: Leaves | None, blocks: Sequence[Array], setting: Iteration
    ) -> Leaves:
        """Leaf sums of all products."""
        return gram_leaves(xp, acc, blocks)

    def combine(self, acc: Leaves | None, setting: Iteration) -> Iteration:
        """The terms for this tensor. Raises E817 if no mean is found."""
        at = setting.at
        gram = gram_of(acc, len(at.shares), at.site.tensor)
        shares = at.pointing(gram)
        if not setting.patient:
            longer = [norm > setting.tol for norm in gram.norms]
            shares = tuple(s if long else 0.0 for s, long in zip(shares, longer, strict=True))
        if not any(shares):
            return setting if setting.patient else replace(setting, at=at.nowhere())
        nearest = mean_direction(gram, shares)
        if nearest is None and not setting.patient:
            first = next(i for i, share in enumerate(shares) if share)
            nearest = tuple(float(i == first) for i in range(len(shares)))
        if nearest is None:
            raise _no_mean(at.site.tensor, "the directions cancel")
        found = _descend(gram, shares, nearest, setting)
        if found is None:
            raise _no_mean(at.site.tensor, f"{setting.max_iter} steps did not settle")
        alone = not setting.patient or _in_half_sphere(gram, shares, found)
        return replace(setting, at=along(at, gram, found), alone=alone)

    def doubt(self, setting: Iteration) -> Diagnostic | None:
        """W801 for directions that no half-sphere holds."""
        if setting.alone:
            return None
        return Diagnostic(
            "W801",
            f"no half-sphere holds the directions of the operands' `{setting.at.site.tensor}`, so "
            "that they may have several means",
            None,
            notes=("the one near their average direction was taken, as `nlerp` gives it",),
            help=(
                "write `nlerp`, which has one result, or leave out a model that points elsewhere",
            ),
        )

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Iteration, cursor: Cursor
    ) -> Array:
        """All operands times their coefficients, added."""
        return add_terms(xp, blocks, setting.at.terms)


STAGE = Karcher()
OPERATOR = Operator(
    name="karcher",
    revision=STAGE.revision,
    mass=MassRule.SAME,
    operands=(1, None),
    parameters=(
        WEIGHTS,
        Parameter(
            "tol",
            "number",
            Fraction(1, 10**12),
            "angle of the last step",
            lo=Fraction(0),
            lo_open=True,
        ),
        Parameter("max_iter", "int", 100, "steps after which it has failed", lo=Fraction(1)),
        DIALECT,
    ),
    laws=(
        Law("idempotent"),
        Law("single_operand_identity"),
        Law("permutation_invariant", tolerance=1e-6),
        Law("weight_scale_invariant", {"weights": (Fraction(3), Fraction(1))}),
        Law("scale_equivariant"),
        Law("averages_norms", tolerance=1e-6),
        Law("averages_norms", {"weights": (Fraction(1), Fraction(2), Fraction(5))}, tolerance=1e-6),
        Law("block_invariant"),
        equation("karcher(a, b)", "slerp(a, b; t=1/2, norm=polar)", tolerance=1e-6, on="tame"),
        equation(
            "karcher(a, b; weights=[3, 1])",
            "slerp(a, b; t=1/4, norm=polar)",
            tolerance=1e-6,
            on="tame",
        ),
        equation(
            "karcher(a, b; weights=[3, 1])",
            "nlerp(a, b; weights=[3, 1])",
            tolerance=1e-6,
            holds=False,
            on="tame",
        ),
        equation(
            "karcher(a - base, -(a - base); dialect=mergekit)",
            "a - base",
            tolerance=2.0**-20,
            on="dyadic",
        ),
        equation("karcher(a, a, b)", "karcher(a, b; weights=[2, 1])", tolerance=1e-6, on="tame"),
    ),
    page=__doc__ or "",
    check=check_weights,
    order_free=True,
    leads=in_dialect,
)


def _no_mean(tensor: str, why: str) -> Exception:
    return fail(
        "E817",
        f"the operands' `{tensor}` have no mean on the sphere: {why}",
        notes=["directions that lie beyond a half-sphere may have no mean, or many"],
        help="write `linear` for this tensor, or leave out a model that points elsewhere",
    )


def _descend(
    gram: Gram, shares: Sequence[float], nearest: Sequence[float], setting: Iteration
) -> _Vector | None:
    """The mean as coefficients of the unit vectors, from the start `nearest`; None if unsettled.

    Works in coordinates of the space that the operands span: inner products alone would hide a
    step below the square root of their rounding error.
    """
    members = [i for i, share in enumerate(shares) if share]
    points = _coordinates(gram, members)
    weights = [shares[i] / math.fsum(shares) for i in members]
    parts = [nearest[i] for i in members]
    here = _combined(parts, points)
    for _ in range(setting.max_iter):
        here = _unit(here)
        pulls = _pulls(here, points, patient=setting.patient)
        if pulls is None:
            return None
        pull = [weight * each for weight, each in zip(weights, pulls, strict=True)]
        # Each step is pull on the points less what of them lies along `here` already.
        back = math.fsum(p * _dot(here, x) for p, x in zip(pull, points, strict=True))
        step = tuple(
            moved - back * at for moved, at in zip(_combined(pull, points), here, strict=True)
        )
        length = math.sqrt(_dot(step, step))
        if length < setting.tol and not setting.patient:
            break
        near, far = math.cos(length), math.sin(length) / length if length else 1.0
        parts = [near * part + far * (p - back * part) for part, p in zip(parts, pull, strict=True)]
        if length < setting.tol:
            break
        here = tuple(near * at + far * s for at, s in zip(here, step, strict=True))
    else:
        if setting.patient:
            return None
    found = dict(zip(members, parts, strict=True))
    return tuple(found.get(i, 0.0) for i in range(len(shares)))


def _pulls(here: _Vector, points: Sequence[_Vector], *, patient: bool) -> list[float] | None:
    """θ/sin θ of the angle to each point; None if one lies opposite, where no way is shortest.

    Without being `patient` such a point does not pull.
    """
    found: list[float] = []
    for point in points:
        along_here = _dot(here, point)
        across = tuple(x - along_here * at for x, at in zip(point, here, strict=True))
        sine = math.sqrt(_dot(across, across))
        if sine < _OPPOSITE and along_here < 0:
            if patient:
                return None
            sine = 0.0
        found.append(math.atan2(sine, along_here) / sine if sine else 1.0)
    return found


def _in_half_sphere(gram: Gram, shares: Sequence[float], mean: Sequence[float]) -> bool:
    """Whether some direction is less than 90° from all: then there is one mean.

    There is always one where all are independent, and as a rule the mean is one. Else Rosenblatt's
    rule finds one, if there is one by a margin of a few hundredths: from the mean on it adds a unit
    vector that is on the other side.
    """
    members = [i for i, share in enumerate(shares) if share]
    points = _coordinates(gram, members)
    if all(point[number] for number, point in enumerate(points)):
        return True
    here = _combined([mean[i] for i in members], points)
    for _ in range(_TURNS):
        sides = [_dot(here, point) for point in points]
        if min(sides) > 0.0:
            return True
        there = points[sides.index(min(sides))]
        here = tuple(x + y for x, y in zip(here, there, strict=True))
    return False


_TURNS = 1000
_OPPOSITE = 1e-6
# The square of a sine below this is rounding error of the cosine.
_DEPENDENT = 1e-14


def _coordinates(gram: Gram, members: Sequence[int]) -> list[_Vector]:
    """Unit vectors with the cosines of the members: the rows of a Cholesky factor."""
    rows: list[list[float]] = []
    for n, i in enumerate(members):
        row = [0.0] * len(members)
        for m, j in enumerate(members[:n]):
            if rows[m][m]:
                inner = math.fsum(a * b for a, b in zip(row[:m], rows[m][:m], strict=True))
                row[m] = (gram.cosine(i, j) - inner) / rows[m][m]
        rest = 1.0 - math.fsum(x * x for x in row)
        row[n] = math.sqrt(rest) if rest > _DEPENDENT else 0.0
        rows.append(row)
    return [tuple(row) for row in rows]


def _combined(parts: Sequence[float], points: Sequence[_Vector]) -> _Vector:
    return tuple(
        math.fsum(part * point[k] for part, point in zip(parts, points, strict=True))
        for k in range(len(points[0]))
    )


def _unit(vector: _Vector) -> _Vector:
    length = math.sqrt(_dot(vector, vector))
    return tuple(x / length for x in vector)


def _dot(a: _Vector, b: _Vector) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))
