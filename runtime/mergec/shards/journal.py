"""The journal of a run: what is finished and on the disk, a line each, so that a run can go on.

A line is a checksum, a space and a JSON object. The checksum covers the line and all before it, so
what is read is a beginning of what was written, whatever a power failure tore off the end. It is no
proof of the weights themselves: whoever goes on hashes those again.
"""

import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Lock
from time import monotonic
from typing import Any, cast, final

from mergec.catalog.json_text import JsonProblem, parse_json
from mergec.frozen import frozen
from mergec.shards.files import Files

NAME = ".mergec-journal"
LARGEST = 256 << 20
_CHECKSUM = 8
_DEPTH = 8
# How much is written, or how many seconds pass, between two times that the run waits for the disk
# and says what is there: what a power failure can cost.
_BYTES = 256 << 20
_SECONDS = 30.0
# The share of that which is worth claiming when all is written, and only to be checked.
_WORTH = 16

Line = Mapping[str, Any]


@frozen
class Written:
    """What of a journal is whole: its lines, where they end, and the checksum at that place."""

    lines: tuple[Line, ...]
    end: int
    checksum: int


def read_journal(raw: bytes) -> Written:
    """The lines up to the first that is torn, changed or no object."""
    lines: list[Line] = []
    end, checksum = 0, 0
    while (stop := raw.find(b"\n", end)) >= 0:
        text = raw[end + _CHECKSUM + 1 : stop]
        following = zlib.crc32(text, checksum)
        if raw[end : end + _CHECKSUM + 1] != b"%08x " % following:
            break
        try:
            line = parse_json(text, max_depth=_DEPTH)
        except JsonProblem:
            break
        if not isinstance(line, dict):
            break
        lines.append(cast("Line", line))
        end, checksum = stop + 1, following
    return Written(tuple(lines), end, checksum)


@final
class Journal:
    """Appends to an open file; OSError if that fails. One thread at a time."""

    def __init__(self, files: Files, descriptor: int, written: Written) -> None:
        self._files = files
        self._descriptor = descriptor
        self._end, self._checksum = written.end, written.checksum

    def make_room(self, size: int) -> None:
        """Cut off what is not whole, and take the room that lines of this size will need."""
        self._files.resize(self._descriptor, self._end)
        self._files.reserve(self._descriptor, self._end + size)

    def append(self, lines: Iterable[Line]) -> None:
        """Add lines, and return when they are on the disk."""
        pieces: list[bytes] = []
        checksum = self._checksum
        for line in lines:
            text = json.dumps(line, separators=(",", ":")).encode()
            checksum = zlib.crc32(text, checksum)
            pieces.append(b"%08x %s\n" % (checksum, text))
        data = b"".join(pieces)
        self._files.write_at(self._descriptor, memoryview(data), self._end)
        self._files.sync_data(self._descriptor)
        self._end, self._checksum = self._end + len(data), checksum

    def close(self) -> None:
        """Close the file."""
        self._files.close(self._descriptor)


@final
class Claims:
    """What is finished, collected from all threads and now and then claimed in the journal.

    `sync` makes shards durable; only what it has returned for is claimed. `header` comes before
    the first claim: of a run that is over at once nothing is written.
    """

    def __init__(
        self,
        journal: Journal,
        sync: Callable[[Sequence[str]], None],
        count: int,
        header: Line | None,
    ) -> None:
        self._journal = journal
        self._head = () if header is None else (header,)
        self._sync = sync
        self._lines: list[Line] = []
        self._shards: dict[str, None] = {}
        self._bytes = 0
        self._last = monotonic()
        self._lock = Lock()
        self._committing = Lock()
        self._closed = False
        self.count = count
        """How many lines claim something, those found at the beginning among them."""

    def add(self, line: Line, shards: Iterable[str], nbytes: int) -> None:
        """Something is finished: `nbytes` in some shards. Perhaps waits for the disk."""
        with self._lock:
            self._lines.append(line)
            self._shards.update(dict.fromkeys(shards))
            self._bytes += nbytes
            due = self._bytes >= _BYTES or monotonic() - self._last >= _SECONDS
        if due:
            self.commit(wait=False)

    def finish(self) -> None:
        """All is written: claim what is left, unless it is soon done again."""
        if self.count or self._bytes >= _BYTES // _WORTH:
            self.commit()

    def commit(self, *, wait: bool = True) -> None:
        """Claim all that was added; without `wait` not if another thread is at it."""
        if not self._committing.acquire(blocking=wait):
            return
        try:
            with self._lock:
                lines, shards = self._lines, [*self._shards]
                self._lines, self._shards, self._bytes = [], {}, 0
                self._last = monotonic()
            if lines and not self._closed:
                self._sync(shards)
                self._journal.append([*self._head, *lines])
                self._head = ()
                self.count += len(lines)
        finally:
            self._committing.release()

    def close(self) -> None:
        """Close the journal; what was not committed is not claimed."""
        with self._committing:
            if not self._closed:
                self._closed = True
                self._journal.close()
