"""A view on a tensor by its rows: which row of the file each row of the view is.

The vocabularies of two models may have one token at different ids. Their embeddings are merged by
token, so each is seen with its rows in the order of the child's vocabulary.
"""

import hashlib
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import field
from typing import Literal, Self

from mergec.frozen import frozen

Kind = Literal["rows", "present"]
_NONE = -1


@frozen
class RowView:
    """`total` rows in place of a tensor's own, as runs of neighbouring ones.

    Of the kind `rows` a view holds rows of the file, and zeros where there is none. Of the kind
    `present` it holds ones where there is a row, and zeros where there is none; nothing of the
    file is read for it. `taken` counts the rows that are read. `digest` stands for the runs: run i
    begins with the row `starts[i]` of the view, which is the row `firsts[i]` of the file, or none
    at all if that is -1.
    """

    kind: Kind
    total: int
    taken: int
    digest: str
    starts: "array[int]" = field(compare=False, repr=False)
    firsts: "array[int]" = field(compare=False, repr=False)

    @classmethod
    def of(cls, kind: Kind, rows: Iterable[int]) -> Self:
        """The view whose rows are these of the file, -1 for none.

        >>> view = RowView.of("rows", [4, 5, -1, -1, 0])
        >>> view.total, [*view.starts], [*view.firsts]
        (5, [0, 2, 4], [4, -1, 0])
        """
        starts, firsts = array("q"), array("q")
        expected, total, taken = None, 0, 0
        for number, row in enumerate(rows):
            row = row if kind == "rows" else min(row, 0)  # noqa: PLW2901  # where is all that counts
            if row != expected:
                starts.append(number)
                firsts.append(row)
            expected = row + 1 if kind == "rows" and row >= 0 else row
            total = number + 1
            taken += kind == "rows" and row >= 0
        said = f"{kind}:{total}:".encode() + starts.tobytes() + firsts.tobytes()
        return cls(kind, total, taken, hashlib.sha256(said).hexdigest(), starts, firsts)

    def runs(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """The rows `start` to `stop` of the view: first of each run, how many, first in the file.

        >>> [*RowView.of("rows", [4, 5, -1, -1, 0]).runs(1, 4)]
        [(1, 1, 5), (2, 2, -1)]
        """
        at = bisect_right(self.starts, start) - 1
        while start < stop:
            end = self.starts[at + 1] if at + 1 < len(self.starts) else self.total
            end = min(end, stop)
            first = self.firsts[at]
            skipped = start - self.starts[at] if self.kind == "rows" and first >= 0 else 0
            yield start, end - start, first if first == _NONE else first + skipped
            start, at = end, at + 1

    def is_identity(self, rows: int) -> bool:
        """Whether it shows all rows of a tensor with `rows` rows, in their order."""
        return self.total == rows and [*self.firsts] == [0] and self.kind == "rows"
