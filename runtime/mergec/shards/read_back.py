"""Reading back what was written: the only way to notice a device that lies."""

import errno
import hashlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from threading import Event

from mergec.catalog.checkpoint import Sha256
from mergec.catalog.sample import ALL, Sample
from mergec.diagnostics import MergecError, fail
from mergec.frozen import frozen
from mergec.plan.layout import ShardLayout
from mergec.shards.descriptors import Descriptors
from mergec.shards.files import Files
from mergec.shards.lay_shard import length_word
from mergec.shards.read_ahead import ReadAhead

_STEP = 1 << 20
# Parts smaller than this are taken together: a turn costs a thread as much as their bytes do.
_LEAST = 1 << 20


@frozen
class Part:
    """A range of a file that has one digest: a header, a tensor, or a small file whole."""

    file: str
    start: int
    nbytes: int
    digest: Sha256
    what: str


def all_parts(
    shards: Mapping[str, tuple[str, ShardLayout]],
    digests: Mapping[str, Mapping[str, Sha256]],
    beside: Mapping[str, tuple[int, Sha256]],
    sample: Sample = ALL,
) -> Iterator[Part]:
    """Everything in finished shards, by path with their folder, and the small files beside them.

    `digests` are those of the tensors of each folder; of these there are those in the `sample`.
    """
    chosen = {folder: sample.of(held) for folder, held in digests.items()}
    for path, (folder, layout) in shards.items():
        head = length_word(layout).tobytes() + layout.header
        digest = Sha256(hashlib.sha256(head).hexdigest())
        yield Part(path, 0, len(head), digest, f"the header of `{layout.name}`")
        for place in layout.tensors:
            if place.name not in chosen[folder]:
                continue
            what = f"the tensor `{place.name}` in `{layout.name}`"
            yield Part(path, place.start, place.nbytes, digests[folder][place.name], what)
    for path, (size, digest) in beside.items():
        yield Part(path, 0, size, digest, f"`{path}`")


def first_difference(
    files: Files, opened: Descriptors[str], parts: Sequence[Part], threads: int
) -> str | None:
    """The first part that the device keeps otherwise than it was given, or None.

    A thread holds one buffer of 1 MiB. Whatever ends this early, the threads end with it.
    """
    with closing(differences(files, opened, parts, threads)) as found:
        return next((part.what for part in found), None)


def differences(
    files: Files,
    opened: Descriptors[str],
    parts: Sequence[Part],
    threads: int,
    *,
    unreadable: bool = False,
) -> Generator[Part]:
    """All such parts, in their order; closing it ends the threads.

    With `unreadable` those that the device cannot read are among them, else that is an OSError.
    """
    for name in dict.fromkeys(part.file for part in parts):
        with opened.lease(name) as descriptor:
            files.forget_cached(descriptor)
    stop = Event()
    reading = _Reading(files, opened, stop, unreadable)
    batches = [*_batches(parts)]
    if threads == 1:
        for batch in batches:
            yield from reading.differences(batch)
        return
    with ThreadPoolExecutor(threads, "mergec-read-back") as pool:
        try:
            for found in pool.map(reading.differences, batches):
                yield from found
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


@frozen
class _Reading:
    files: Files
    opened: Descriptors[str]
    stop: Event
    unreadable: bool

    def differences(self, batch: Sequence[Part]) -> list[Part]:
        """Those of some parts that are others; none of the rest once told to stop."""
        found: list[Part] = []
        buffer = memoryview(bytearray(min(_STEP, max(part.nbytes for part in batch))))
        with self.opened.lease(batch[0].file) as descriptor:
            for part in batch:
                holds = self._holds(descriptor, part, buffer)
                if self.stop.is_set():
                    break
                if not holds:
                    found.append(part)
        return found

    def _holds(self, descriptor: int, part: Part, buffer: memoryview) -> bool:
        try:
            return self._digest(descriptor, part, buffer) == part.digest
        except OSError as error:
            if not self.unreadable or error.errno != errno.EIO:
                raise
            return False

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
