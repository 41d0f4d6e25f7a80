"""Reading back what was written: the only way to notice a device that lies."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event

from mergec.catalog.checkpoint import Sha256
from mergec.diagnostics import MergecError, fail
from mergec.plan.layout import ShardLayout
from mergec.shards.descriptors import Descriptors
from mergec.shards.files import Files
from mergec.shards.read_ahead import ReadAhead

_STEP = 1 << 20
# Parts smaller than this are taken together: a turn costs a thread as much as their bytes do.
_LEAST = 1 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """A range of a file that has one digest: a header, a tensor, or a small file whole."""

    file: str
    start: int
    nbytes: int
    digest: Sha256
    what: str


def shard_parts(name: str, layout: ShardLayout, digests: Mapping[str, Sha256]) -> Iterator[Part]:
    """Everything in a finished shard, whose path is `name`; `digests` are those of its tensors."""
    head = len(layout.header).to_bytes(8, "little") + layout.header
    digest = Sha256(hashlib.sha256(head).hexdigest())
    yield Part(name, 0, len(head), digest, f"the header of `{layout.name}`")
    for place in layout.tensors:
        what = f"the tensor `{place.name}` in `{layout.name}`"
        yield Part(name, place.start, place.nbytes, digests[place.name], what)


def file_part(name: str, size: int, digest: Sha256) -> Part:
    """A small file, which was written with `size` bytes."""
    return Part(name, 0, size, digest, f"`{name}`")


def first_difference(
    files: Files, opened: Descriptors[str], parts: Sequence[Part], threads: int
) -> str | None:
    """The first part that the device keeps otherwise than it was given, or None.

    A thread holds one buffer of 1 MiB. Whatever ends this early, the threads end with it.
    """
    for name in dict.fromkeys(part.file for part in parts):
        with opened.lease(name) as descriptor:
            files.forget_cached(descriptor)
    stop = Event()
    reading = _Reading(files, opened, stop)
    batches = [*_batches(parts)]
    if threads == 1:
        return next(filter(None, map(reading.difference, batches)), None)
    with ThreadPoolExecutor(threads, "mergec-read-back") as pool:
        try:
            return next(filter(None, pool.map(reading.difference, batches)), None)
        finally:
            stop.set()


def stored_otherwise(target: Path, finding: str) -> MergecError:
    """E812: the device keeps other bytes than it was given."""
    return fail(
        "E812",
        f"the disk gave back other bytes than were written to `{target}`: {finding}",
        notes=("nothing was published",),
        help="check the disk and the memory of this machine, then run again",
    )


def _batches(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Neighbours in one file, up to about `_LEAST` bytes together, in their order."""
    batch: list[Part] = []
    size = 0
    for part in parts:
        if batch and (size >= _LEAST or part.file != batch[0].file):
            yield batch
            batch, size = [], 0
        batch.append(part)
        size += part.nbytes
    if batch:
        yield batch


@dataclass(frozen=True, slots=True)
class _Reading:
    files: Files
    opened: Descriptors[str]
    stop: Event

    def difference(self, batch: Sequence[Part]) -> str | None:
        """The first of some parts that is another, or None; None as well once told to stop."""
        buffer = memoryview(bytearray(min(_STEP, max(part.nbytes for part in batch))))
        with self.opened.lease(batch[0].file) as descriptor:
            for part in batch:
                if self._digest(descriptor, part, buffer) != part.digest:
                    return None if self.stop.is_set() else part.what
        return None

    def _digest(self, descriptor: int, part: Part, buffer: memoryview) -> Sha256:
        """SHA-256 of a part's range of the file, or of what there is of it."""
        digest = hashlib.sha256()
        end = part.start + part.nbytes
        ahead = ReadAhead(partial(self._ask, descriptor), part.start, end)
        for offset in range(part.start, end, _STEP):
            if self.stop.is_set():
                break
            piece = buffer[: min(_STEP, end - offset)]
            ahead.before(offset, len(piece))
            digest.update(piece[: self.files.read_at(descriptor, piece, offset)])
        return Sha256(digest.hexdigest())

    def _ask(self, descriptor: int, offset: int, count: int) -> None:
        # The system may decline to read ahead; whether the device can be read is seen then.
        with suppress(OSError):
            self.files.expect_reads(descriptor, offset, count)
