"""Small shapes in place of real ones: equal axes stay equal, so what fitted together still does."""

from collections.abc import Iterable, Mapping
from math import prod
from types import MappingProxyType

Shape = tuple[int, ...]
NOTHING: Mapping[int, int] = MappingProxyType({})


def small_axes(
    shapes: Iterable[Shape],
    least: int,
    most: int,
    multiples: Mapping[int, int] = NOTHING,
    times: Mapping[int, int] = NOTHING,
) -> Mapping[int, int]:
    """The small length of every length that axes have.

    Lengths below `least` stay, and others come to `least` or more, different ones to different
    ones, as long as no tensor has more than `most` elements. But first of all a length stays a
    multiple of what `multiples` says, and as many `times` its part as it is.

    >>> dict(small_axes([(32000, 4096), (4096,), (4096, 11008), (1,)], least=4, most=64))
    {1: 1, 4096: 4, 11008: 5, 32000: 6}
    >>> dict(small_axes([(32, 20), (10, 32)], least=4, most=64, multiples={32: 8}, times={20: 2}))
    {10: 4, 20: 8, 32: 8}
    """
    kept = list(dict.fromkeys(shapes))
    lengths = sorted({length for shape in kept for length in shape})
    parts = {length // times[length] for length in lengths if length in times}
    lengths = sorted(parts.union(lengths))
    axes: dict[int, int] = {}
    for start, choices in _attempts(least, len(lengths)):
        longer = 0
        for length in lengths:  # a part is shorter than its length
            unit, wanted = multiples.get(length, 1), start + longer % choices
            axes[length] = min(length, -(-wanted // unit) * unit)
            if times.get(length, 1) > 1:
                axes[length] = times[length] * axes[length // times[length]]
            longer += length > start
        if all(prod(small(shape, axes)) <= most for shape in kept):
            break
    return axes


def small(shape: Shape, axes: Mapping[int, int]) -> Shape:
    """A shape with its axes scaled down."""
    return tuple(axes[length] for length in shape)


def _attempts(least: int, lengths: int) -> Iterable[tuple[int, int]]:
    """From where lengths start, and how many different ones there are: the best pairs first."""
    for start in range(least, 0, -1):
        for choices in range(max(lengths, 1), 0, -1):
            yield start, choices
