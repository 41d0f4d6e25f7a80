"""Drop the largest entries of a task vector as outliers and the smallest as noise.

Formula    y = δ on M_{k+t}(δ) without M_t(δ), 0 elsewhere; M_m marks the m largest |δ|;
           k = max(1, ⌊density·n⌋), t = min(⌊gamma·n⌋, n - k)
Shapes     [*s] delta → [*s] delta, in the work dtype
Parameters density: share kept, in (0, 1], exact · gamma: share of the largest that is dropped, in
           [0, 1) · dialect: `mergekit` takes k = ⌊density·n⌋, which may be 0, and ⌊gamma·n⌋ of
           products in float64
Edge cases density = 1 is the identity, whatever gamma · gamma = 0 is trim, bit for bit · gamma·n
           below 1 drops no outlier · gamma + density above 1: as many outliers are dropped as
           leave k entries, with a warning · among equals the lowest flat index counts as larger ·
           dropped entries are +0
Source     Davari and Belilovsky, Model Breadcrumbs (2023), arXiv:2312.06795, section 3. Their code
           works row by row and calls the kept share β; here it is the tensor, as in other tools
Example    breadcrumbs([8, -2, 0, 6, -4, 1]; density=1/2, gamma=0.2) is [0, -2, 0, 6, -4, 0]
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, ClassVar, final

from mergec.catalog.dtypes import Dtype
from mergec.frozen import frozen
from mergec.ops.declaration import DENSITY, DIALECT, MassRule, Objection, Operator, Parameter
from mergec.ops.law import Law, equation
from mergec.ops.namespace import Array, ArrayNamespace, Counts, untrapped
from mergec.ops.params import in_dialect, rational
from mergec.ops.select_top import (
    Search,
    binary_count,
    kept_count,
    search_sweeps,
    start_search,
)
from mergec.ops.stage import Cursor, Params, Site, StatisticStage
from mergec.ops.top_mask import top_mask


@frozen
class Crumbs:
    """The searches for the last entry that is kept and for the last outlier, if any is dropped."""

    kept: Search
    outliers: Search | None


_Counts = tuple[Counts, Counts | None]


@final
class Breadcrumbs(StatisticStage):
    """The stage of dropping both ends of the order of magnitudes."""

    name: ClassVar[str] = "breadcrumbs"
    revision: ClassVar[int] = 1

    def sweeps(self, params: Params, work: Dtype) -> int:
        """Those of one search, as both are made at once; none at density 1."""
        return 0 if rational(params, "density") == 1 else search_sweeps(work)

    def prepare(self, params: Params, site: Site) -> Crumbs | None:
        """Both searches; None at density 1."""
        density = rational(params, "density")
        if density == 1:
            return None
        k, t = _counts(params, site.numel)
        return Crumbs(start_search(k + t, site.work), start_search(t, site.work) if t else None)

    @untrapped
    def observe(
        self, xp: ArrayNamespace, acc: _Counts | None, blocks: Sequence[Array], setting: Crumbs
    ) -> _Counts:
        """Count one digit of the magnitudes, for each search where they have parted."""
        kept = _histogram(xp, acc and acc[0], blocks[0], setting.kept)
        if setting.outliers is None or _together(setting.kept, setting.outliers):
            return kept, None
        return kept, _histogram(xp, acc and acc[1], blocks[0], setting.outliers)

    def combine(self, acc: _Counts | None, setting: Crumbs) -> Crumbs:
        """Both searches one digit on."""
        kept, apart = acc or (None, None)
        if setting.outliers is None:
            return replace(setting, kept=setting.kept.narrow(kept))
        shared = kept if _together(setting.kept, setting.outliers) else apart
        return Crumbs(setting.kept.narrow(kept), setting.outliers.narrow(shared))

    @untrapped
    def apply(
        self,
        xp: ArrayNamespace,
        blocks: Sequence[Array],
        setting: Crumbs | None,
        cursor: Cursor,
    ) -> Array:
        """Select what is among the k+t largest and not among the t largest."""
        x = blocks[0]
        if setting is None:
            return x
        kept, cursor.carry = top_mask(xp, x, setting.kept, cursor.carry)
        if setting.outliers is not None:
            outlier, cursor.other = top_mask(xp, x, setting.outliers, cursor.other)
            kept = kept & ~outlier
        return xp.where(kept, x, 0.0)


def _check(params: Params) -> Objection | None:
    if rational(params, "gamma") < 1:
        return None
    return Objection(
        "E203",
        "gamma",
        "`gamma` must be at least 0 and below 1",
        "to drop the largest 1 % of entries as outliers write `gamma=0.01`",
    )


STAGE = Breadcrumbs()
OPERATOR = Operator(
    name="breadcrumbs",
    revision=STAGE.revision,
    mass=MassRule.DELTA,
    operands=(1, 1),
    parameters=(
        DENSITY,
        Parameter(
            "gamma",
            "number",
            Fraction(1, 100),
            "share of each task vector, its largest entries, that is dropped",
            lo=Fraction(0),
        ),
        DIALECT,
    ),
    laws=(
        Law("identity_at", {"density": 1}),
        Law("crumb_count", {"gamma": Fraction(0)}),
        Law("crumb_count", {"gamma": Fraction(1, 5)}),
        Law("odd", {"gamma": Fraction(1, 5)}),
        Law("scale_equivariant", {"gamma": Fraction(1, 5)}),
        Law("block_invariant", {"density": Fraction(3, 10)}),
        Law("block_invariant", {"density": Fraction(1, 4), "dialect": "mergekit"}),
        equation(
            "breadcrumbs(a - base; density=1/4, dialect=mergekit)", "a - a", on="dyadic single"
        ),
        Law("idempotent_map", {"gamma": Fraction(1, 5)}, holds=False),
        equation(
            "breadcrumbs(a - base; density=1/2, gamma=0)",
            "trim(a - base; density=1/2)",
            on="adversarial",
        ),
    ),
    page=__doc__ or "",
    check=_check,
)


def crumb_counts(density: Fraction, gamma: Fraction, n: int) -> tuple[int, int]:
    """How many of n elements are kept, and how many above them are dropped.

    >>> crumb_counts(Fraction(9, 10), Fraction(1, 100), 50)
    (45, 0)
    """
    k = kept_count(density, n)
    return k, min(gamma.numerator * n // gamma.denominator, n - k)


def _counts(params: Params, n: int) -> tuple[int, int]:
    density, gamma = rational(params, "density"), rational(params, "gamma")
    if not in_dialect(params):
        return crumb_counts(density, gamma, n)
    k = binary_count(density, n)
    t = min(binary_count(gamma, n), n - k)
    # Nothing is kept where the largest that are kept are those that are dropped.
    return k, t if k else max(t, 1)


def _together(one: Search, other: Search) -> bool:
    """Whether both look at the same digit of the same elements."""
    return (one.shift, one.prefix) == (other.shift, other.prefix)


def _histogram(xp: ArrayNamespace, counts: Any, x: Array, search: Search) -> Counts:
    found = xp.histogram(x, search.shift, search.prefix)
    if counts is None:
        return found
    counts += found
    return counts
