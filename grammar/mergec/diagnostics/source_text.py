"""Source text and places in it: the coordinates every message of mergec speaks in.

Offsets count Unicode code points from 0; lines and columns count from 1, as editors show them.
"""

from bisect import bisect_right
from dataclasses import field

from mergec.frozen import frozen


@frozen
class SourceText:
    """A spec's text under the name the user gave it (a path as typed, or `<stdin>`).

    `byte_order_mark` says that the file began with one; it is not part of `text`.
    """

    name: str
    text: str = field(repr=False)
    byte_order_mark: bool = False
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        starts = [0, *(i + 1 for i, char in enumerate(self.text) if char == "\n")]
        object.__setattr__(self, "_starts", tuple(starts))

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column (both from 1) of `offset`."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Line `number` (from 1) without its newline; empty past the end."""
        if not 1 <= number <= len(self._starts):
            return ""
        start = self._starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : len(self.text) if end < 0 else end]


@frozen
class Span:
    """The half-open range `start..end` of a source text."""

    source: SourceText
    start: int
    end: int

    @property
    def text(self) -> str:
        """The characters the span covers."""
        return self.source.text[self.start : self.end]

    def to(self, other: "Span") -> "Span":
        """The smallest span that covers this one and `other`."""
        return Span(self.source, min(self.start, other.start), max(self.end, other.end))
