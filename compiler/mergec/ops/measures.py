"""Statistics of whole values, which contracts ask for: `norm(child - base) < 10`.

A measure sees the blocks of every floating-point tensor of its operands in the work dtype, before
the result is rounded to its storage dtype. Sums are formed as everywhere, over fixed leaves in a
fixed tree, and the sums of tensors are added exactly; so a measure has the same bits whatever the
block size, the threads and the order. What exceeds float64 is an infinity or NaN and no error: a
comparison with it decides.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import ClassVar, final

from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.tree_sum import combine_leaves


@dataclass(slots=True)
class Tally:
    """What a measure has seen of one tensor: leaf sums, and counts of elements."""

    leaves: tuple[list[float], ...]
    counts: list[int] = field(default_factory=lambda: [0, 0])


Partial = tuple[tuple[float, ...], tuple[int, ...]]
"""The sums and counts of one tensor."""


class Measure(ABC):
    """One statistic. `operands` are the fewest and the most values it takes (None: any number)."""

    name: ClassVar[str]
    doc: ClassVar[str]
    operands: ClassVar[tuple[int, int | None]] = (1, 1)
    sums: ClassVar[int] = 0

    def begin(self) -> Tally:
        """The tally of a tensor of which nothing was seen."""
        return Tally(tuple([] for _ in range(self.sums)))

    @abstractmethod
    def observe(self, xp: ArrayNamespace, tally: Tally, blocks: Sequence[Array]) -> None:
        """Take one block of each operand into the tally; all 1-D of one length, in work dtype."""

    def partial(self, tally: Tally) -> Partial:
        """What stays of a tensor that was seen whole."""
        return tuple(combine_leaves(leaves) for leaves in tally.leaves), tuple(tally.counts)

    @abstractmethod
    def value(self, partials: Sequence[Partial]) -> float | bool:
        """The statistic of all tensors together."""


@final
class Norm(Measure):
    """√Σx²."""

    name: ClassVar[str] = "norm"
    doc: ClassVar[str] = "square root of the sum of all squares"
    sums: ClassVar[int] = 1

    @untrapped
    def observe(self, xp: ArrayNamespace, tally: Tally, blocks: Sequence[Array]) -> None:
        """Leaf sums of x²."""
        x = xp.widen(blocks[0])
        tally.leaves[0].extend(xp.leaf_sums(x * x))

    def value(self, partials: Sequence[Partial]) -> float:
        """The square root of their exact sum."""
        return math.sqrt(added(partials, 0))


@final
class Cosine(Measure):
    """Σxy / √(Σx²·Σy²); 0 where one of them is all zeros."""

    name: ClassVar[str] = "cosine"
    doc: ClassVar[str] = "cosine of the angle between two values"
    operands: ClassVar[tuple[int, int | None]] = (2, 2)
    sums: ClassVar[int] = 3

    @untrapped
    def observe(self, xp: ArrayNamespace, tally: Tally, blocks: Sequence[Array]) -> None:
        """Leaf sums of xy, x² and y²."""
        x, y = xp.widen(blocks[0]), xp.widen(blocks[1])
        for leaves, product in zip(tally.leaves, (x * y, x * x, y * y), strict=True):
            leaves.extend(xp.leaf_sums(product))

    def value(self, partials: Sequence[Partial]) -> float:
        """Between -1 and 1; NaN where a sum exceeds float64."""
        along, xx, yy = (added(partials, i) for i in range(3))
        return 0.0 if xx == 0 or yy == 0 else cosine_of(along, xx, yy)


@final
class Sparsity(Measure):
    """The share of entries that are zero."""

    name: ClassVar[str] = "sparsity"
    doc: ClassVar[str] = "share of entries that are zero"

    @untrapped
    def observe(self, xp: ArrayNamespace, tally: Tally, blocks: Sequence[Array]) -> None:
        """Count zeros."""
        tally.counts[0] += xp.count(blocks[0] == 0)
        tally.counts[1] += len(blocks[0])

    def value(self, partials: Sequence[Partial]) -> float:
        """0 where there are no entries at all."""
        return _share(partials)


@final
class Finite(Measure):
    """Whether no entry is NaN or infinite."""

    name: ClassVar[str] = "finite"
    doc: ClassVar[str] = "whether no entry is NaN or infinite"

    @untrapped
    def observe(self, xp: ArrayNamespace, tally: Tally, blocks: Sequence[Array]) -> None:
        """Count what is not equal to itself after subtracting itself."""
        gap = blocks[0] - blocks[0]
        tally.counts[0] += len(blocks[0]) - xp.count(gap == 0)

    def value(self, partials: Sequence[Partial]) -> bool:
        """True if none was found."""
        return not sum(counts[0] for _, counts in partials)


@final
class SignConflict(Measure):
    """The share of entries at which two operands have opposite signs."""

    name: ClassVar[str] = "sign_conflict"
    doc: ClassVar[str] = "share of entries at which two values have opposite signs"
    operands: ClassVar[tuple[int, int | None]] = (2, None)

    @untrapped
    def observe(self, xp: ArrayNamespace, tally: Tally, blocks: Sequence[Array]) -> None:
        """Count entries that are positive in one operand and negative in another."""
        positive, negative = blocks[0] > 0, blocks[0] < 0
        for block in blocks[1:]:
            positive, negative = positive | (block > 0), negative | (block < 0)
        tally.counts[0] += xp.count(positive & negative)
        tally.counts[1] += len(blocks[0])

    def value(self, partials: Sequence[Partial]) -> float:
        """0 where there are no entries at all."""
        return _share(partials)


MEASURES: Mapping[str, Measure] = MappingProxyType(
    {measure.name: measure for measure in (Norm(), Cosine(), Sparsity(), Finite(), SignConflict())}
)
"""Every statistic by its name."""


def cosine_of(along: float, xx: float, yy: float) -> float:
    """Σxy / √(Σx²·Σy²), between -1 and 1; NaN where a sum exceeds float64 or a square is 0."""
    if xx == 0 or yy == 0:
        return math.nan
    cosine = along / (math.sqrt(xx) * math.sqrt(yy))
    exceeds = math.isinf(xx) or math.isinf(yy) or math.isnan(cosine)
    return math.nan if exceeds else max(-1.0, min(1.0, cosine))


def added(partials: Sequence[Partial], index: int) -> float:
    """The sum over all tensors, rounded once; infinite or NaN if a part is, or if it overflows."""
    parts = [sums[index] for sums, _ in partials]
    if not all(map(math.isfinite, parts)):
        return sum(part for part in parts if not math.isfinite(part))
    try:
        return math.fsum(parts)
    except OverflowError:  # perhaps only on the way
        exact = sum(map(Fraction, parts), Fraction(0))
        try:
            return float(exact)
        except OverflowError:
            return math.inf if exact > 0 else -math.inf


def _share(partials: Sequence[Partial]) -> float:
    every = sum(counts[1] for _, counts in partials)
    return sum(counts[0] for _, counts in partials) / every if every else 0.0
