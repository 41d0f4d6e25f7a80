"""The digests of files of weights: of each whole, and of its leaves."""

import os
import stat
from collections.abc import Callable, Container, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from mergec.catalog.checkpoint import Checkpoint, ShardFile, TensorEntry
from mergec.frozen import frozen
from mergec.shards.digest_cache import keep_digest, known_digest
from mergec.shards.files import Files
from mergec.shards.leaves import FileDigest, FileHash, Leaves
from mergec.shards.read_ahead import ReadAhead
from mergec.shards.system_errors import source_changed, source_failed
from mergec.shards.waiting import wait_for

_STEP = 1 << 20

Progress = Callable[[int], None]


@frozen
class WeightFile:
    """A file of weights on this disk, and where its leaves lie."""

    path: Path
    shard: ShardFile
    leaves: Leaves


def weight_files(checkpoint: Checkpoint, names: Container[str]) -> Iterator[WeightFile]:
    """Those files of a checkpoint that have one of the `names`; they must be there."""
    held: dict[str, list[TensorEntry]] = {shard.name: [] for shard in checkpoint.shards}
    for entry in checkpoint.tensors.values():
        held[entry.file].append(entry)
    for shard in checkpoint.shards:
        if shard.name in names:
            yield WeightFile(checkpoint.root / shard.name, shard, Leaves(held[shard.name]))


def hash_files(
    wanted: Sequence[WeightFile],
    threads: int,
    progress: Progress = lambda _: None,
    *,
    cached: bool = True,
) -> list[FileDigest]:
    """The digest of each; a thread holds one buffer of 1 MiB.

    With `cached`, what was hashed before in the same state is not hashed again. `progress` gets
    counts of bytes. E807 for a file that is not the one whose header was read, or that changes
    meanwhile; E715 and E809 for one that cannot be read.
    """
    stop = Event()

    def digest(file: WeightFile) -> FileDigest:
        return _hash_file(file, stop, progress, cached=cached)

    if threads == 1 or len(wanted) < 2:
        return [digest(file) for file in wanted]
    with ThreadPoolExecutor(threads, "mergec-hash") as pool:
        try:
            futures = [pool.submit(digest, file) for file in wanted]
            wait_for(futures)
            for future in futures:
                if future.done():
                    future.result()  # raises what went wrong, before the others are waited for
            return [future.result() for future in futures]
        finally:
            stop.set()


def _hash_file(file: WeightFile, stop: Event, progress: Progress, *, cached: bool) -> FileDigest:
    files, shard = Files(), file.shard
    try:
        # O_NONBLOCK, so that a pipe in the file's place cannot hold the run forever.
        descriptor = files.open(file.path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise source_failed(error, file.path) from error
    try:
        before = files.stat_open(descriptor)
        if not stat.S_ISREG(before.st_mode) or before.st_size != shard.size:
            raise source_changed(file.path, f"it has {before.st_size} bytes, not {shard.size}")
        known = known_digest(before, shard.header_digest, len(file.leaves)) if cached else None
        if known is not None:
            progress(shard.size)
            return known
        found = _read(files, descriptor, file, stop, progress)
        after = files.stat_open(descriptor)
        if _state(after) != _state(before):
            raise source_changed(file.path, "it was written to while it was hashed")
        if cached:
            keep_digest(before, shard.header_digest, found)
        return found
    except OSError as error:
        raise source_failed(error, file.path) from error
    finally:
        files.close(descriptor)


def _read(
    files: Files, descriptor: int, file: WeightFile, stop: Event, progress: Progress
) -> FileDigest:
    made = FileHash(file.leaves)
    buffer = memoryview(bytearray(_STEP))
    ahead = ReadAhead(lambda at, n: files.expect_reads(descriptor, at, n), 0, file.shard.size)
    for offset in range(0, file.shard.size, _STEP):
        if stop.is_set():
            raise _StoppedError
        piece = buffer[: min(_STEP, file.shard.size - offset)]
        ahead.before(offset, len(piece))
        if files.read_at(descriptor, piece, offset) < len(piece):
            raise source_changed(file.path, f"it became shorter than {file.shard.size} bytes")
        made.feed(piece)
        progress(len(piece))
    return made.digest()


class _StoppedError(Exception):
    """Another file could not be hashed, so nobody waits for this one."""


def _state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
