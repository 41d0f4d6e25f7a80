"""Scores by which task vectors compete for each entry, and the average by them (PCB-Merging).

What the scores are made of lies anywhere in a vector, so it is found in passes: the extremes of
each task vector's magnitudes, or order statistics next to them, then digit by digit how large a
balance is that scores nothing. A pass looks at all task vectors at once. One tensor and all tensors
of a model are the same to this: the caller says how many elements there are and merges what was
seen of each part.

The balance is a product of exp(n·(t² - 1)) and not of exp(n·t²), which overflows where n is large;
their ratio is one number, and scores do not change by that.
"""

import struct
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Literal

from mergec.catalog.dtypes import Dtype
from mergec.frozen import frozen
from mergec.ops.namespace import Array, ArrayNamespace, Counts
from mergec.ops.select_top import Search, search_sweeps, start_search

Phase = Literal["extremes", "clip", "threshold", "settled"]


@frozen
class Rival:
    """What is known of one task vector.

    Its magnitudes are clamped to `low` ... `high`. Balances up to `threshold` score nothing, the
    one of `most` scores 1; `upper` tells that the threshold is searched among positive balances.
    """

    low: float = 0.0
    high: float = 0.0
    upper: bool = True
    most: float = 0.0
    threshold: float = 0.0


@frozen
class Balance:
    """How far the passes are; in phase `clip` there are two searches for each rival, then one."""

    ratio: Fraction
    clip: Fraction
    phase: Phase
    rivals: tuple[Rival, ...]
    searches: tuple[Search, ...] = ()
    positive: tuple[int, ...] = ()


@frozen
class Glimpse:
    """What a pass saw of some elements.

    `peaks` are largest values: of negated and plain magnitudes, later of balances. `positive` says
    for each rival how many balances are above 0, `digits` are the counts for each search.
    """

    peaks: tuple[float, ...]
    positive: tuple[int, ...] = ()
    digits: tuple[Counts, ...] = ()

    def __add__(self, other: "Glimpse") -> "Glimpse":
        """What was seen of the elements of both."""
        return Glimpse(
            tuple(map(max, self.peaks, other.peaks)),
            tuple(x + y for x, y in zip(self.positive, other.positive, strict=True)),
            tuple(x + y for x, y in zip(self.digits, other.digits, strict=True)),
        )


def passes(clip: Fraction) -> int:
    """How many passes come before the average."""
    digits = search_sweeps(Dtype.F64)
    return 1 + digits + (digits if clip else 0)


def begun(ratio: Fraction, clip: Fraction, rivals: int) -> Balance:
    """Before the first pass."""
    return Balance(ratio, clip, "extremes", (Rival(),) * rivals)


def glimpse(xp: ArrayNamespace, blocks: Sequence[Array], balance: Balance) -> Glimpse:
    """What a pass sees of one block of each task vector."""
    total = _sum(xp, blocks)
    peaks: list[float] = []
    positive: list[int] = []
    digits: list[Counts] = []
    searches = iter(balance.searches)
    for block, rival in zip(blocks, balance.rivals, strict=True):
        x = xp.widen(block)
        match balance.phase:
            case "extremes":
                size = xp.abs(x)
                peaks += [_largest(xp, -size), _largest(xp, size)]
                positive.append(xp.count(xp.tanh(x * total) > 0))
            case "clip":
                size = xp.abs(x)
                digits += [_counts(xp, size, next(searches)) for _ in range(2)]
            case _:
                level = _level(xp, x, total, rival, len(blocks))
                peaks.append(_largest(xp, level))
                side = level > 0 if rival.upper else level < 0
                digits.append(_counts(xp, xp.where(side, level, 0.0), next(searches)))
    return Glimpse(tuple(peaks), tuple(positive), tuple(digits))


def advanced(balance: Balance, seen: Glimpse | None, numel: int) -> Balance:
    """The balance for the next pass, from all that was seen of all `numel` elements."""
    if seen is None:
        return replace(balance, phase="settled")
    if balance.phase == "extremes":
        return _with_extremes(replace(balance, positive=seen.positive), seen.peaks, numel)
    pairs = zip(balance.searches, seen.digits, strict=True)
    after = replace(balance, searches=tuple(search.narrow(counts) for search, counts in pairs))
    if not after.searches[0].done:
        return after
    if balance.phase == "clip":
        return _to_threshold(_clipped(after), numel)
    return _settled(after, seen.peaks)


def averaged(xp: ArrayNamespace, blocks: Sequence[Array], balance: Balance) -> Array:
    """The task vectors averaged by their scores, in float64; +0 where nobody scores."""
    total = _sum(xp, blocks)
    whole = parts = None
    for block, rival in zip(blocks, balance.rivals, strict=True):
        x = xp.widen(block)
        score = _score(xp, _level(xp, x, total, rival, len(blocks)), rival)
        size = _clamped(xp, x, rival)
        value = xp.where(x == 0, x, xp.where(x < 0, -size, size)) * score
        whole = value if whole is None else whole + value
        parts = score if parts is None else parts + score
    mean = whole / xp.where(parts == 0, 1.0, parts)
    return xp.where(mean != 0, mean, 0.0)


def _sum(xp: ArrayNamespace, blocks: Sequence[Array]) -> Array:
    """Left to right, in float64."""
    total = xp.widen(blocks[0])
    for block in blocks[1:]:
        total = total + xp.widen(block)
    return total


def _level(xp: ArrayNamespace, x: Array, total: Array, rival: Rival, rivals: int) -> Array:
    """The balance of each entry: how large among its own, and how far the others agree."""
    agreement = xp.tanh(x * total)
    if rival.low == rival.high:
        return agreement
    place = (_clamped(xp, x, rival) - rival.low) / (rival.high - rival.low)
    return xp.exp((place * place - 1.0) * float(rivals)) * agreement


def _clamped(xp: ArrayNamespace, x: Array, rival: Rival) -> Array:
    size = xp.abs(x)
    size = xp.where(size < rival.low, rival.low, size)
    return xp.where(size > rival.high, rival.high, size)


def _score(xp: ArrayNamespace, level: Array, rival: Rival) -> Array:
    """From 0 at the threshold to 1 at the largest; 1 everywhere of magnitudes that are all one."""
    if rival.low == rival.high:
        return xp.mask_as(level == level, level)
    if rival.most <= rival.threshold:
        return xp.mask_as(level >= rival.threshold, level)
    above = xp.where(level > rival.threshold, level, rival.threshold) - rival.threshold
    return above / (rival.most - rival.threshold)


def _with_extremes(balance: Balance, peaks: Sequence[float], numel: int) -> Balance:
    ends = zip(peaks[::2], peaks[1::2], strict=True)
    rivals = tuple(Rival(low=-least, high=most) for least, most in ends)
    after = replace(balance, rivals=rivals)
    if not balance.clip:
        return _to_threshold(after, numel)
    outside = _floor(balance.clip, numel)
    lowest = numel - outside
    # At a clip of one half of an even number the two would pass each other.
    ranks = (lowest, min(outside + 1, lowest))
    searches = tuple(start_search(rank, Dtype.F64) for _ in rivals for rank in ranks)
    return replace(after, phase="clip", searches=searches)


def _clipped(balance: Balance) -> Balance:
    ends = [_magnitude(search) for search in balance.searches]
    rivals = tuple(
        replace(rival, low=low, high=high)
        for rival, low, high in zip(balance.rivals, ends[::2], ends[1::2], strict=True)
    )
    return replace(balance, rivals=rivals)


def _to_threshold(balance: Balance, numel: int) -> Balance:
    """Search the threshold: above or below zero, by how many balances are above."""
    below = _floor(1 - balance.ratio, numel)
    rivals: list[Rival] = []
    searches: list[Search] = []
    for rival, positive in zip(balance.rivals, balance.positive, strict=True):
        upper = numel - below <= positive
        rivals.append(replace(rival, upper=upper))
        searches.append(start_search(numel - below if upper else below + 1, Dtype.F64))
    return replace(balance, phase="threshold", rivals=tuple(rivals), searches=tuple(searches))


def _settled(balance: Balance, peaks: Sequence[float]) -> Balance:
    rivals = tuple(
        replace(rival, most=most, threshold=_magnitude(search) * (1 if rival.upper else -1))
        for rival, search, most in zip(balance.rivals, balance.searches, peaks, strict=True)
    )
    return replace(balance, phase="settled", rivals=rivals, searches=())


def _largest(xp: ArrayNamespace, x: Array) -> float:
    (most,) = xp.host(xp.row_max(x, len(x)))
    return float(most)


def _counts(xp: ArrayNamespace, x: Array, search: Search) -> Counts:
    return xp.histogram(x, search.shift, search.prefix)


def _floor(share: Fraction, numel: int) -> int:
    return share.numerator * numel // share.denominator


def _magnitude(search: Search) -> float:
    return float(struct.unpack("<d", struct.pack("<Q", search.prefix))[0])
