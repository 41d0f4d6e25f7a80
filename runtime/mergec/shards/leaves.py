"""The leaves of a file of weights: stretches of its tensors, each with a SHA-256 of its own.

A leaf begins where a tensor does, and every 4 MiB behind that, so that whoever reads tensors from
front to back begins each leaf at its beginning. Together they are all bytes behind the header.
"""

import hashlib
from array import array
from bisect import bisect_right
from collections.abc import Iterable
from typing import final

from mergec.catalog.checkpoint import Sha256, TensorEntry
from mergec.frozen import frozen

# Large, so that a table of them is small: 32 bytes for each. Small, because a read of a few bytes
# in the middle of one may cost a read of all of it.
LEAF = 4 << 20
DIGEST = 32  # bytes


@frozen
class FileDigest:
    """The SHA-256 of a whole file, and those of its leaves, one behind the other, raw."""

    sha256: Sha256
    leaves: bytes


@frozen
class Leaf:
    """The `number`-th leaf of a file: the bytes from `start` to `stop`."""

    number: int
    start: int
    stop: int


@final
class Leaves:
    """Where the leaves of a file lie that holds these tensors and no others."""

    def __init__(self, entries: Iterable[TensorEntry]) -> None:
        self._starts = array("Q")
        self._end = 0
        for start, nbytes in sorted((entry.start, entry.nbytes) for entry in entries):
            self._starts.extend(range(start, start + nbytes, LEAF))
            self._end = max(self._end, start + nbytes)

    def __len__(self) -> int:
        return len(self._starts)

    def at(self, offset: int) -> Leaf:
        """The leaf that holds the byte at `offset` of the file; ValueError for none."""
        number = bisect_right(self._starts, offset) - 1
        if number < 0 or offset >= self._end:
            raise ValueError(f"no tensor holds the byte at {offset}")
        return self.of(number)

    def of(self, number: int) -> Leaf:
        """A leaf by its number."""
        last = number + 1 == len(self._starts)
        stop = self._end if last else self._starts[number + 1]
        return Leaf(number, self._starts[number], stop)


@final
class FileHash:
    """Takes a file's bytes in their order, once, and has its digest at the end."""

    def __init__(self, leaves: Leaves) -> None:
        self._leaves = leaves
        self._whole = hashlib.sha256()
        self._digests = bytearray()
        self._at = 0
        self._number = 0
        self._part = hashlib.sha256()

    def feed(self, data: memoryview) -> None:
        """The next bytes."""
        self._whole.update(data)
        end = self._at + len(data)
        while self._number < len(self._leaves):
            leaf = self._leaves.of(self._number)
            if leaf.start >= end:
                break
            begin = max(leaf.start, self._at) - self._at
            self._part.update(data[begin : leaf.stop - self._at])
            if leaf.stop > end:
                break
            self._digests += self._part.digest()
            self._part = hashlib.sha256()
            self._number += 1
        self._at = end

    def digest(self) -> FileDigest:
        """Once all bytes were given."""
        return FileDigest(Sha256(self._whole.hexdigest()), bytes(self._digests))
