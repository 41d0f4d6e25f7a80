"""Keep the entries of largest magnitude of each tensor, or of all, and zero the others.

Formula    out = x on M_k(x), 0 elsewhere; M_k marks the k largest |x|, k = max(1, ⌊density·n⌋)
Shapes     [*s] → [*s]; in the work dtype
Parameters density (0, 1] share kept, exact · ties: `index` keeps the lowest flat indices of the
           class at the threshold, so exactly k entries; `all` keeps the class ·
           rescale: `none` · `inv` divides by density · `l1`, `l2` restore that norm of x ·
           scope: `tensor` · `global` takes all tensors of the value as one vector x, in the order
           in which the value has them, and computes in float64 · dialect: `mergekit` takes
           density·n in float64 before it is cut off, so that 0.29 of 100 are 28 · `peft` the same,
           and may keep nothing · `sd_mecha` so finds how many are dropped, keeps one of them and
           all that equal it
Edge cases density 1 is the identity · fewer than k nonzeros: all are kept · n = 1 keeps the entry ·
           dropped entries are +0
Source     P. Yadav, D. Tam, L. Choshen, C. Raffel, M. Bansal, "TIES-Merging", 2023, section 4.1,
           https://arxiv.org/abs/2306.01708; the authors' code keeps k+1 entries and all ties
Example    trim([4, -1, 0, 3]; density=1/2) is [4, 0, 0, 3]
"""

import math
import struct
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, ClassVar, final

from mergec.catalog.dtypes import Dtype
from mergec.frozen import frozen
from mergec.ir import DELTA, GraphBuilder, NodeKey, Value
from mergec.ops.declaration import (
    DENSITY,
    DIALECT,
    SCOPE,
    MassRule,
    Objection,
    Operator,
    Parameter,
    barrier_params,
)
from mergec.ops.law import Law, equation
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import in_dialect, rational, word
from mergec.ops.rounding import coefficient
from mergec.ops.select_top import (
    Search,
    binary_count,
    kept_count,
    search_sweeps,
    start_search,
)
from mergec.ops.stage import Cursor, Params, Site, StatisticStage
from mergec.ops.tree_sum import total


@frozen
class TrimSetting:
    """`search` finds the threshold; of its class `quota` members are kept, lowest index first.

    What is kept is divided by `divisor`, then multiplied by `factor`. If nothing is to be kept, the
    search is for the largest.
    """

    search: Search
    site: Site
    keep_all_ties: bool
    rescale: str
    divisor: float
    factor: float = 1.0
    nothing: bool = False

    @property
    def quota(self) -> int:
        """How many entries with exactly the threshold's magnitude are kept."""
        if self.nothing:
            return 0
        return self.search.members if self.keep_all_ties else self.search.rank


@final
class Trim(StatisticStage):
    """The stage of magnitude pruning."""

    name: ClassVar[str] = "trim"
    revision: ClassVar[int] = 1

    def sweeps(self, params: Params, work: Dtype) -> int:
        """Two in f32 and four in f64, one more to preserve a norm, none at density 1."""
        if rational(params, "density") == 1:
            return 0
        return search_sweeps(work) + (word(params, "rescale", "none") in ("l1", "l2"))

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """If a norm is restored, by a factor that comes from the data."""
        return word(params, "rescale", "none") in ("l1", "l2")

    def temporaries(self, operands: int) -> int:
        """Magnitudes and digits, or what is summed; counts are as long as the smallest block."""
        return 5

    def prepare(self, params: Params, site: Site) -> TrimSetting | None:
        """The search for the k-th largest; None at density 1."""
        density = rational(params, "density")
        if density == 1:
            return None
        rescale = word(params, "rescale", "none")
        count = _count(params, site.numel)
        return TrimSetting(
            start_search(max(count, 1), site.work),
            site,
            word(params, "ties", "index") == "all" or params.get("dialect") == "sd_mecha",
            rescale,
            coefficient(density if rescale == "inv" else Fraction(1), site.work, None),
            nothing=not count,
        )

    @untrapped
    def observe(
        self, xp: ArrayNamespace, acc: Any, blocks: Sequence[Array], setting: TrimSetting
    ) -> Any:
        """Count one digit of the magnitudes, or sum the leaves of both norms."""
        if setting.search.done:
            return norm_leaves(xp, acc, blocks[0], setting)
        counts = xp.histogram(blocks[0], setting.search.shift, setting.search.prefix)
        if acc is None:
            return counts
        acc += counts
        return acc

    def sharing(self, setting: TrimSetting) -> Hashable:
        """Counts are those of a digit below a prefix, whatever the density."""
        search = setting.search
        return None if search.done else (search.shift, search.prefix)

    def combine(self, acc: Any, setting: TrimSetting) -> TrimSetting:
        """The search one digit on, or the factor that restores the norm."""
        if setting.search.done:
            return replace(setting, factor=_restoring_factor(acc, setting))
        return replace(setting, search=setting.search.narrow(acc))

    @untrapped
    def apply(
        self,
        xp: ArrayNamespace,
        blocks: Sequence[Array],
        setting: TrimSetting | None,
        cursor: Cursor,
    ) -> Array:
        """Select the kept entries; `cursor.carry` counts the threshold's class over the blocks."""
        x = blocks[0]
        if setting is None:
            return x
        kept = xp.where(_keep(xp, x, setting, cursor), x, 0.0)
        if setting.divisor != 1.0:
            kept = kept / setting.divisor
        return kept * setting.factor if setting.factor != 1.0 else kept


STAGE = Trim()


def add_trim(
    builder: GraphBuilder,
    delta: NodeKey,
    trimming: Mapping[str, Value],
    params: Mapping[str, Value],
    part: int = 0,
) -> NodeKey:
    """Add the stage that trims `delta` in the scope that the `params` of an operator say.

    `trimming` has density, ties and rescale. The stage is the operator's number `part`.
    """
    if params.get("scope") == "global":
        given = {**trimming, **barrier_params(params, part)}
        return builder.add("global_trim", [delta], given, type=DELTA)
    return builder.add("trim", [delta], trimming, type=DELTA, revision=STAGE.revision)


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    names = ("density", "ties", "rescale", "dialect")
    trimming = {name: params[name] for name in names if name in params}
    return add_trim(builder, operands[0], trimming, params)


def _check(params: Params) -> Objection | None:
    if not in_dialect(params) or params["scope"] == "tensor":
        return None
    return Objection(
        "E216",
        "dialect",
        "no other tool trims all tensors as one, so `dialect` contradicts `scope=global`",
        "remove `dialect`",
    )


OPERATOR = Operator(
    name="trim",
    revision=STAGE.revision,
    mass=MassRule.DELTA,
    operands=(1, 1),
    parameters=(
        DENSITY,
        Parameter("ties", "word", "index", "which equals are kept", words=("index", "all")),
        Parameter(
            "rescale",
            "word",
            "none",
            "how the rest is rescaled",
            words=("none", "inv", "l1", "l2"),
        ),
        SCOPE,
        replace(DIALECT, words=("mergekit", "peft", "sd_mecha")),
    ),
    laws=(
        Law("identity_at", {"density": 1}),
        Law("idempotent_map"),
        Law("support_count"),
        Law("odd"),
        Law("scale_equivariant"),
        Law("block_invariant", {"density": Fraction(3, 10)}),
        # A law's model has one tensor, which is all tensors.
        equation(
            "trim(a - base; density=1/3, scope=global)", "trim(a - base; density=1/3)", on="coarse"
        ),
        Law("odd", {"scope": "global"}),
        Law("block_invariant", {"density": Fraction(3, 10), "scope": "global"}),
        Law("nested_masks"),
        Law("keeps_one_element"),
        Law("bounded_by_deltas"),
        Law("shape_free"),
        equation(
            "trim(trim(a - base; density=3/4); density=1/4)",
            "trim(a - base; density=1/4)",
            on="coarse",
        ),
        equation(
            "trim(trim(a - base; density=1/4); density=3/4)",
            "trim(a - base; density=1/4)",
            on="coarse",
        ),
        equation(
            "trim(a - base; density=1/2, rescale=inv)", "2*trim(a - base; density=1/2)", on="tame"
        ),
        equation("trim(a - base; density=1/2, dialect=mergekit)", "trim(a - base; density=1/2)"),
        Law("block_invariant", {"density": Fraction(29, 100), "dialect": "mergekit"}),
        Law("support_count", {"ties": "all"}, holds=False),
        Law("idempotent_map", {"rescale": "inv", "density": Fraction(1, 2)}, holds=False),
    ),
    page=__doc__ or "",
    lower=_lower,
    check=_check,
)


def _count(params: Params, n: int) -> int:
    density = rational(params, "density")
    match params.get("dialect"):
        case "mergekit":
            return max(1, binary_count(density, n))
        case "peft":
            return binary_count(density, n)
        case "sd_mecha":
            return n + 1 - max(1, int((1 - float(density)) * n))
        case _:
            return kept_count(density, n)


def _keep(xp: ArrayNamespace, x: Array, setting: TrimSetting, cursor: Cursor) -> Array:
    bits, threshold = xp.magnitude_bits(x), setting.search.prefix
    if setting.quota == setting.search.members:
        return bits >= threshold
    room = setting.quota - cursor.carry
    if room <= 0:
        return bits > threshold
    in_class = bits == threshold
    found = xp.count(in_class)
    cursor.carry += found
    if found <= room:
        return bits >= threshold
    return (bits > threshold) | (in_class & (xp.cumulative_count(in_class) <= room))


Leaves = tuple[list[float], list[float]]


def _no_leaves() -> Leaves:
    return [], []


def norm_leaves(xp: ArrayNamespace, acc: Leaves | None, x: Array, setting: TrimSetting) -> Leaves:
    """Leaf sums of magnitudes, or of squares, over all entries and over those above the class."""
    every, above = acc or _no_leaves()
    size = xp.widen(xp.abs(x))
    if setting.rescale == "l2":
        size = size * size
    larger = xp.magnitude_bits(x) > setting.search.prefix
    every += xp.leaf_sums(size)
    above += xp.leaf_sums(xp.where(larger, size, 0.0))
    return every, above


def _restoring_factor(acc: Leaves | None, setting: TrimSetting) -> float:
    """norm(x) / norm(kept), rounded to work precision; 1 if nothing but zeros was kept."""
    every, above = acc or _no_leaves()
    name = setting.site.tensor
    return restoring_factor(total(every, name), total(above, name), setting)


def restoring_factor(every: float, above: float, setting: TrimSetting) -> float:
    """The factor from the sums over all entries and over those above the threshold's class."""
    threshold = _magnitude(setting.search.prefix, setting.site.work)
    if setting.rescale == "l2":
        threshold = threshold * threshold
    # The class at the threshold is one magnitude, so its share needs no index.
    kept = above + setting.quota * threshold
    if kept == 0.0:
        return 1.0
    ratio = every / kept
    ratio = math.sqrt(ratio) if setting.rescale == "l2" else ratio
    return coefficient(Fraction(ratio), setting.site.work, None)


def _magnitude(bits: int, work: Dtype) -> float:
    pattern, number = ("<I", "<f") if work is Dtype.F32 else ("<Q", "<d")
    return float(struct.unpack(number, struct.pack(pattern, bits))[0])
