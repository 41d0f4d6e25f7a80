"""Drop entries at random and rescale those that stay, so that the expectation is unchanged.

Formula    out = x/density where kept, 0 elsewhere; each entry is kept with probability density
Shapes     [*s] → [*s]; in the work dtype
Parameters density (0, 1] share kept, exact · seed, role, label: with the tensor's name and the
           entry's index they alone decide the mask ·
           rescale: `inv` divides by density, or by q if given · `l1` restores Σ|x| · `none`
Edge cases density 1 is the identity, whatever the rescaling · dropped entries are +0 ·
           `l1` with nothing but zeros kept changes nothing
Source     L. Yu, B. Yu, H. Yu, F. Huang, Y. Li, "Language Models are Super Mario", 2023, section 3,
           https://arxiv.org/abs/2311.03099, whose p is 1 - density; the division by another q is
           DAREx-q, https://arxiv.org/abs/2410.09344; `l1` is mergekit's rescaling
Example    with the mask 1 0 1: drop([4, 2, -1]; density=1/2) is [8, 0, -2]
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import ClassVar, final

from mergec.catalog.dtypes import Dtype
from mergec.frozen import frozen
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import integer, rational, word
from mergec.ops.rounding import coefficient
from mergec.ops.stage import Cursor, MaskStage, Params, Site, given_mask
from mergec.ops.threefry import Key, keep_mask, keep_threshold, mask_key
from mergec.ops.tree_sum import finite, total

_Seen = tuple[int, list[float], list[float]]


@frozen
class DropSetting:
    """The mask's key and threshold; kept entries are divided by `divisor`, times `factor`.

    `mask` is the whole tensor's, if it is given instead of drawn.
    """

    key: Key
    threshold: int
    divisor: float
    site: Site
    factor: float = 1.0
    mask: tuple[bool, ...] | None = None


@final
class Drop(MaskStage):
    """The stage of random dropping (DARE)."""

    name: ClassVar[str] = "drop"
    revision: ClassVar[int] = 1

    def sweeps(self, params: Params, work: Dtype) -> int:
        """One to restore the L1 norm, else none."""
        return int(word(params, "rescale", "inv") == "l1" and rational(params, "density") != 1)

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """If the norm is restored, by a factor that comes from the data."""
        return word(params, "rescale", "inv") == "l1"

    def prepare(self, params: Params, site: Site) -> DropSetting | None:
        """The tensor's key; None at density 1, which does not consult the generator."""
        density = rational(params, "density")
        if density == 1:
            return None
        key = mask_key(
            integer(params, "seed"),
            word(params, "role", "dare"),
            word(params, "label", ""),
            site.tensor,
        )
        divisor = Fraction(1)
        if word(params, "rescale", "inv") == "inv":
            divisor = density if params.get("q") is None else rational(params, "q")
        return DropSetting(
            key, keep_threshold(density), coefficient(divisor, site.work, None), site
        )

    def keep_probabilities(
        self, params: Params, shape: tuple[int, ...], values: Sequence[float]
    ) -> tuple[Fraction, ...]:
        """The density, for every entry."""
        return (rational(params, "density"),) * len(values)

    def with_mask(self, setting: DropSetting | None, mask: tuple[bool, ...]) -> DropSetting | None:
        """The setting with `mask` instead of the one that the key draws."""
        return None if setting is None else replace(setting, mask=mask)

    @untrapped
    def observe(
        self, xp: ArrayNamespace, acc: _Seen | None, blocks: Sequence[Array], setting: DropSetting
    ) -> _Seen:
        """Leaf sums of |x| over all and over the kept entries, and how many entries were seen."""
        start, every, kept = acc or _nothing_seen()
        size = xp.widen(xp.abs(blocks[0]))
        n = len(blocks[0])
        mask = _mask(xp, setting, start, n)
        every += xp.leaf_sums(size)
        kept += xp.leaf_sums(xp.where(mask, size, 0.0))
        return start + n, every, kept

    def combine(self, acc: _Seen | None, setting: DropSetting) -> DropSetting:
        """The factor that restores the L1 norm of this realisation."""
        _, every, kept = acc or _nothing_seen()
        return replace(setting, factor=restoring_factor(every, kept, setting.site))

    @untrapped
    def apply(
        self,
        xp: ArrayNamespace,
        blocks: Sequence[Array],
        setting: DropSetting | None,
        cursor: Cursor,
    ) -> Array:
        """Draw this block's part of the mask and rescale by selection."""
        if setting is None:
            return blocks[0]
        mask = _mask(xp, setting, cursor.start, len(blocks[0]))
        return keep_rescaled(xp, blocks[0], mask, setting)


STAGE = Drop()


def _mask(xp: ArrayNamespace, setting: DropSetting, start: int, n: int) -> Array:
    if setting.mask is not None:
        return given_mask(xp, setting.mask, start, n)
    return keep_mask(xp, setting.key, start, n, setting.threshold)


def keep_rescaled(xp: ArrayNamespace, x: Array, mask: Array, setting: DropSetting) -> Array:
    """`x` divided and multiplied as `setting` says where `mask` holds, +0 elsewhere."""
    if setting.divisor != 1.0:
        x = x / setting.divisor
    if setting.factor != 1.0:
        x = x * setting.factor
    return xp.where(mask, x, 0.0)


def restoring_factor(every: Sequence[float], kept: Sequence[float], site: Site) -> float:
    """Σ|x| over Σ|kept x|, by their leaves, rounded to work precision; 1 if only zeros are kept."""
    remaining = total(kept, site.tensor)
    if remaining == 0.0:
        return 1.0
    ratio = total(every, site.tensor) / remaining
    exact = Fraction(finite(ratio, f"the rescaling of `{site.tensor}`"))
    return coefficient(exact, site.work, None)


def _nothing_seen() -> _Seen:
    return 0, [], []
