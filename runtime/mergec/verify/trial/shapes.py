"""Small shapes in place of real ones: equal axes stay equal, so what fitted together still does."""

from collections.abc import Iterable, Mapping
from math import prod

Shape = tuple[int, ...]


def small_axes(shapes: Iterable[Shape], least: int, most: int) -> Mapping[int, int]:
    """The small length of every length that axes have.

    Lengths below `least` stay, and others come to `least` or more, different ones to different
    ones, as long as no tensor has more than `most` elements.

    >>> dict(small_axes([(32000, 4096), (4096,), (4096, 11008), (1,)], least=4, most=64))
    {1: 1, 4096: 4, 11008: 5, 32000: 6}
    """
    kept = list(dict.fromkeys(shapes))
    lengths = sorted({length for shape in kept for length in shape})
    for start, choices in _attempts(least, len(lengths)):
        axes: dict[int, int] = {}
        longer = 0
        for length in lengths:
            axes[length] = min(length, start + longer % choices)
            longer += length > start
        if all(prod(small(shape, axes)) <= most for shape in kept):
            return axes
    return {length: min(length, 1) for length in lengths}


def small(shape: Shape, axes: Mapping[int, int]) -> Shape:
    """A shape with its axes scaled down."""
    return tuple(axes[length] for length in shape)


def _attempts(least: int, lengths: int) -> Iterable[tuple[int, int]]:
    """From where lengths start, and how many different ones there are: the best pairs first."""
    for start in range(least, 0, -1):
        for choices in range(max(lengths, 1), 0, -1):
            yield start, choices
