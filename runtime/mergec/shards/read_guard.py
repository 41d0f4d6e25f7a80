"""Are the bytes that were handed out those that were locked? Asked of the bytes themselves.

Every byte that a run reads, in whichever sweep, goes through SHA-256 here, in the buffer that is
then computed with:

- A leaf that is read whole, or from its beginning on in order, is hashed as it comes and compared
  when its end has come. That is how nearly all is read.
- Of what is read otherwise, as rows of a table in another order, the hash of the bytes is noted. At
  the end the leaves around are read once more, in order, compared, and the notes with them.

So a comparison may come after the computation, but always before anything is published.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock, get_ident
from typing import Any, Protocol, final

from mergec.diagnostics import MergecError
from mergec.shards.leaves import DIGEST, LEAF, FileDigest, Leaf, Leaves

# How many notes and unfinished leaves are kept at most, which is some 20 MB for rows in disorder.
_MOST_NOTED = 1 << 16

Differs = Callable[[str, Leaf, str, str], MergecError]
"""The finding about a leaf of a file, with the digest that it should have and that it has."""


class ReadAgain(Protocol):
    """Reads a file's bytes at an offset into a buffer; raises what reading raises."""

    def __call__(self, file: str, offset: int, buffer: memoryview) -> None:
        """All of the buffer."""
        ...


@dataclass(slots=True)
class _Begun:
    """A leaf of which the bytes up to `at` were handed out in order."""

    leaf: Leaf
    at: int
    hash: Any


@dataclass(frozen=True, slots=True, order=True)
class _Noted:
    """Some bytes of a leaf that were handed out."""

    file: str
    start: int
    stop: int
    digest: bytes


@final
class ReadGuard:
    """Compares what one reader hands out with the digests of files; from any number of threads."""

    def __init__(
        self,
        files: Mapping[str, tuple[Leaves, FileDigest]],
        again: ReadAgain,
        differs: Differs,
    ) -> None:
        self._files = files
        self._again = again
        self._differs = differs
        # What a thread has begun to read in a file. A thread reads and writes its own alone.
        self._begun: dict[tuple[int, str, int], _Begun] = {}
        self._left: list[tuple[str, _Begun]] = []
        self._noted: set[_Noted] = set()
        self._lock = Lock()

    def feed(self, file: str, offset: int, data: memoryview) -> None:
        """Bytes of a file that are handed out; the finding if a leaf that ends here is another."""
        leaves, _ = self._files[file]
        while len(data):
            leaf = leaves.at(offset)
            part = data[: leaf.stop - offset]
            self._take(file, leaf, offset, part)
            offset += len(part)
            data = data[len(part) :]

    def finish(self) -> None:
        """Compare what is still open; the finding about the first leaf that is another."""
        with self._lock:
            open_ones = [(file, begun) for (_, file, _), begun in self._begun.items()]
            self._begun = {}
            self._settle(open_ones)

    def _take(self, file: str, leaf: Leaf, offset: int, part: memoryview) -> None:
        key = (get_ident(), file, leaf.number)
        begun = self._begun.get(key)
        if begun is None or begun.at != offset:
            if offset != leaf.start:
                self._note(_Noted(file, offset, offset + len(part), _digest(part)))
                return
            if begun is not None:
                self._leave(file, begun)
            begun = self._begun[key] = _Begun(leaf, offset, hashlib.sha256())
        begun.hash.update(part)
        begun.at += len(part)
        if begun.at == leaf.stop:
            del self._begun[key]
            self._compare(file, leaf, begun.hash.digest())

    def _leave(self, file: str, begun: _Begun) -> None:
        with self._lock:
            self._left.append((file, begun))
            if len(self._left) > _MOST_NOTED:
                self._settle([])

    def _note(self, noted: _Noted) -> None:
        with self._lock:
            self._noted.add(noted)
            if len(self._noted) > _MOST_NOTED:
                self._settle([])

    def _settle(self, begun: list[tuple[str, _Begun]]) -> None:
        """Read what is lacking of each leaf that was begun, and the leaves around what is noted."""
        if not (begun or self._left or self._noted):
            return
        buffer = memoryview(bytearray(LEAF))
        for file, each in [*self._left, *begun]:
            rest = buffer[: each.leaf.stop - each.at]
            self._again(file, each.at, rest)
            each.hash.update(rest)
            self._compare(file, each.leaf, each.hash.digest())
        self._left = []
        here: tuple[str, Leaf] | None = None
        for noted in sorted(self._noted):
            leaf = self._files[noted.file][0].at(noted.start)
            whole = buffer[: leaf.stop - leaf.start]
            if here != (noted.file, leaf):
                self._again(noted.file, leaf.start, whole)
                self._compare(noted.file, leaf, _digest(whole))
                here = (noted.file, leaf)
            digest = _digest(whole[noted.start - leaf.start : noted.stop - leaf.start])
            if digest != noted.digest:
                raise self._differs(noted.file, leaf, digest.hex(), noted.digest.hex())
        self._noted = set()

    def _compare(self, file: str, leaf: Leaf, digest: bytes) -> None:
        at = leaf.number * DIGEST
        wanted = self._files[file][1].leaves[at : at + DIGEST]
        if digest != wanted:
            raise self._differs(file, leaf, wanted.hex(), digest.hex())


def _digest(data: memoryview) -> bytes:
    return hashlib.sha256(data).digest()
