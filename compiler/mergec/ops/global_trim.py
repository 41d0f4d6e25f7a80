"""Keep the entries of largest magnitude of all tensors of a value, and zero the others.

Formula    out = x on M_k(x), 0 elsewhere, where x is all tensors as one vector of n entries, one
           after the other; M_k marks the k largest |x|, k = max(1, ⌊density·n⌋)
Shapes     [*s] → [*s]; in float64
Parameters density, ties, rescale as in `trim`; `l1`, `l2` restore that norm of x as a whole
Edge cases as in `trim`; a tensor may keep no entry
Source     P. Yadav, D. Tam, L. Choshen, C. Raffel, M. Bansal, "TIES-Merging", 2023, section 4.1,
           https://arxiv.org/abs/2306.01708; their code trims over the whole model
Example    with the tensors [4, -1] and [0, 3] and density=1/4: [4, 0] and [0, 0]
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, ClassVar, Literal, final

from mergec.catalog.dtypes import Dtype
from mergec.frozen import frozen
from mergec.ops import trim
from mergec.ops.global_stage import GlobalStage, Seen
from mergec.ops.namespace import Array, ArrayNamespace, Counts, untrapped
from mergec.ops.params import rational, word
from mergec.ops.select_top import Search, kept_count, search_sweeps, start_search
from mergec.ops.stage import Cursor, Params, Site
from mergec.ops.tree_sum import combine_leaves, finite
from mergec.ops.trim import TrimSetting

# The most different last digits of a tensor's entries that are kept until the threshold is known.
# They agree in all bits before, so that there are seldom more; then they are counted once more.
_MOST_DIGITS = 16
_Phase = Literal["search", "count", "norm", "settled"]


@frozen
class GlobalTrimSetting:
    """How far the work is.

    `whole` is the search in all tensors. While `phase` is `search` or `count` it is that of `trim`
    too; then the search of `trim` says how many members of the threshold's class this tensor has,
    and as its rank how many of them are kept.
    """

    phase: _Phase
    density: Fraction
    whole: Search
    trim: TrimSetting

    def begun(self) -> bool:
        """Whether a digit is known, and with it the number of all entries."""
        return self.whole.shift < start_search(0, Dtype.F64).shift


@final
class GlobalTrim(GlobalStage):
    """The stage of magnitude pruning over all tensors."""

    name: ClassVar[str] = "global_trim"
    revision: ClassVar[int] = 1

    def passes(self, params: Params) -> int:
        """Four, and one more to preserve a norm; none at density 1."""
        if rational(params, "density") == 1:
            return 0
        return search_sweeps(Dtype.F64) + (word(params, "rescale", "none") in ("l1", "l2"))

    def settled(self, setting: GlobalTrimSetting | None) -> bool:
        """Whether the threshold is known, what each tensor keeps of its class, and the factor."""
        return setting is None or setting.phase == "settled"

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """As in `trim`."""
        return trim.STAGE.contractible(params, stored, work)

    def prepare(self, params: Params, site: Site) -> GlobalTrimSetting | None:
        """The start of the search, whose rank is not known before all entries are counted."""
        start = trim.STAGE.prepare(params, site)
        if start is None:
            return None
        return GlobalTrimSetting("search", rational(params, "density"), start.search, start)

    @untrapped
    def observe(
        self, xp: ArrayNamespace, acc: Any, blocks: Sequence[Array], setting: GlobalTrimSetting
    ) -> Any:
        """Count a digit of the magnitudes, or the class; or sum the leaves of both norms."""
        if setting.phase == "count":
            in_class = xp.magnitude_bits(blocks[0]) == setting.whole.prefix
            return (acc or 0) + xp.count(in_class)
        return trim.STAGE.observe(xp, acc, blocks, setting.trim)

    def seen(self, acc: Any, setting: GlobalTrimSetting) -> Seen:
        """Counts of digits are shared; of the last digit's each tensor keeps what is not zero."""
        match setting.phase:
            case "search" if setting.whole.shift == 0:
                return Seen(_occurring(acc), acc)
            case "search":
                return Seen(None, acc)
            case "norm":
                leaves: trim.Leaves = acc or ([], [])
                return Seen(tuple(map(combine_leaves, leaves)))
            case _:
                return Seen(acc or 0)

    def combine_all(
        self, own: Sequence[Any], shared: Counts | None, settings: Sequence[GlobalTrimSetting]
    ) -> list[GlobalTrimSetting]:
        """The search one digit on, then the tensors' shares of the class, then the factor."""
        match settings[0].phase:
            case "search":
                return _narrowed(own, shared, settings)
            case "norm":
                return _restored(own, settings)
            case _:
                return _shared_out(own, settings)

    @untrapped
    def apply(
        self,
        xp: ArrayNamespace,
        blocks: Sequence[Array],
        setting: GlobalTrimSetting | None,
        cursor: Cursor,
    ) -> Array:
        """Select this tensor's kept entries."""
        return trim.STAGE.apply(xp, blocks, setting.trim if setting else None, cursor)

    def kept_bytes(self, params: Params) -> int:
        """A dictionary of digits and the setting."""
        return (1 << 9) + 96 * _MOST_DIGITS


STAGE = GlobalTrim()


def _occurring(counts: Counts | None) -> dict[int, int] | None:
    """The digits that occur, with their counts; None if they are too many to keep."""
    if counts is None:
        return {}
    digits = counts.nonzero()[0]
    if len(digits) > _MOST_DIGITS:
        return None
    return dict(zip(digits.tolist(), counts[digits].tolist(), strict=True))


def _narrowed(
    own: Sequence[Any], shared: Counts | None, settings: Sequence[GlobalTrimSetting]
) -> list[GlobalTrimSetting]:
    first = settings[0]
    whole = first.whole
    if not first.begun():
        every = sum(setting.trim.site.numel for setting in settings)
        whole = replace(whole, rank=kept_count(first.density, every))
    whole = whole.narrow(shared)
    phase: _Phase = "count" if whole.done else "search"
    after = [
        replace(s, phase=phase, whole=whole, trim=replace(s.trim, search=whole)) for s in settings
    ]
    if not whole.done or any(digits is None for digits in own):
        return after
    return _shared_out([digits.get(whole.prefix & 0xFFFF, 0) for digits in own], after)


def _shared_out(
    members: Sequence[int], settings: Sequence[GlobalTrimSetting]
) -> list[GlobalTrimSetting]:
    """Each tensor keeps as many members of the class as those before it leave."""
    whole = settings[0].whole
    left = whole.rank
    found: list[GlobalTrimSetting] = []
    for setting, count in zip(settings, members, strict=True):
        mine = replace(whole, rank=min(left, count), members=count)
        left -= mine.rank
        restores = setting.trim.rescale in ("l1", "l2")
        phase: _Phase = "norm" if restores else "settled"
        found.append(replace(setting, phase=phase, trim=replace(setting.trim, search=mine)))
    return found


def _restored(
    own: Sequence[tuple[float, float]], settings: Sequence[GlobalTrimSetting]
) -> list[GlobalTrimSetting]:
    every, above = (combine_leaves([sums[i] for sums in own]) for i in range(2))
    name = "the norm of all tensors"
    whole = replace(settings[0].trim, search=settings[0].whole)
    factor = trim.restoring_factor(finite(every, name), finite(above, name), whole)
    return [replace(s, phase="settled", trim=replace(s.trim, factor=factor)) for s in settings]
