"""Bytes out of source checkpoints, with the promise that they are those that were planned."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from types import TracebackType
from typing import Self, final

from mergec.catalog.checkpoint import Checkpoint, ShardFile, TensorEntry
from mergec.diagnostics import MergecError
from mergec.shards.descriptors import Descriptors
from mergec.shards.files import Files
from mergec.shards.read_guard import ReadGuard
from mergec.shards.store_bytes import StoreBytes
from mergec.shards.system_errors import source_changed, source_failed

_HASH_STEP = 1 << 20
# What tells one state of a file from another: device, inode, size, time of last change in ns.
_Identity = tuple[int, int, int, int]


@final
class SourceReader:
    """Positioned reads from one checkpoint; any number of threads may read at once.

    At most `descriptors` files stay open. Nothing is mapped and nothing is written. A shard is
    compared with the checkpoint's record, size and header digest, when it is first opened. Of a
    checkpoint in a store nothing is opened; its bytes come by ranges.
    """

    def __init__(
        self, checkpoint: Checkpoint, files: Files | None = None, *, descriptors: int = 64
    ) -> None:
        self._store = StoreBytes(checkpoint, checkpoint.stored) if checkpoint.stored else None
        self._root = checkpoint.root
        self._shards = {shard.name: shard for shard in checkpoint.shards}
        self._files = files or Files()
        self._seen: dict[str, _Identity] = {}
        self._seen_lock = Lock()
        self._guard: ReadGuard | None = None
        self._open = Descriptors(self._open_checked, self._files.close, descriptors)

    def read_into(
        self,
        entry: TensorEntry,
        byte_offset: int,
        buffer: memoryview,
        missing: Callable[[], None] = lambda: None,
    ) -> None:
        """Fill `buffer` with the tensor's stored bytes from `byte_offset` within the tensor on.

        Calls `missing` before it waits for a device or a store. E807 if the file is not the planned
        one or ends early, E809 if the device fails twice, E715 if the file cannot be opened; from a
        store E742, E744, E745 or E748. ValueError for a range outside the tensor.
        """
        if buffer.nbytes == 0:
            return
        raw = buffer.cast("B")
        if byte_offset < 0 or byte_offset + len(raw) > entry.nbytes:
            raise ValueError(f"{entry.name} has {entry.nbytes} bytes, not {byte_offset}+{len(raw)}")
        start = entry.start + byte_offset
        self._fill(entry.file, start, raw, missing)
        if self._guard is not None:
            self._guard.feed(entry.file, start, raw)

    def guard(self, guard: ReadGuard) -> None:
        """From now on, whatever is read goes through `guard`; before the first read."""
        self._guard = guard

    def read_again(self, file: str, offset: int, buffer: memoryview) -> None:
        """Fill `buffer` with a file's bytes from `offset` on, for the guard alone."""
        self._fill(file, offset, buffer, lambda: None)

    def _fill(self, file: str, start: int, raw: memoryview, missing: Callable[[], None]) -> None:
        if self._store is not None:
            missing()
            self._store.read_into(file, start, raw)
            return
        try:
            try:
                count = self._fill_once(file, start, raw, missing)
            except OSError as error:
                if error.errno != errno.ESTALE:
                    raise
                # A server forgot the file that was open: by its path it may be there still.
                count = self._fill_once(file, start, raw, missing)
        except OSError as error:
            raise source_failed(error, self._root / file, start) from error
        if count < len(raw):
            raise source_changed(self._root / file, f"it ends at offset {start + count}")

    def _fill_once(
        self, file: str, start: int, raw: memoryview, missing: Callable[[], None]
    ) -> int:
        taken = self._open.take(file)
        try:
            count = self._files.read_cached(taken.descriptor, raw, start)
            if count < len(raw):
                missing()
                count += self._read_twice(taken.descriptor, raw[count:], start + count)
            return count
        except OSError:
            self._open.forget(file, taken)
            raise
        finally:
            self._open.give_back(taken)

    def expect(self, entry: TensorEntry, byte_offset: int, count: int) -> None:
        """Say that `count` bytes of the tensor from `byte_offset` on will be read soon.

        The system then reads them ahead if it likes; it is not an error if it or this cannot.
        """
        start = entry.start + byte_offset
        count = min(count, entry.nbytes - byte_offset)
        if self._store is not None:
            self._store.expect(entry.file, start, count)
            return
        with suppress(OSError, MergecError), self._open.lease(entry.file) as descriptor:
            self._files.expect_reads(descriptor, start, count)

    def unchanged(self) -> None:
        """Check, after the last read, that every file read is still what it was when opened.

        E807 if its size, time of change or inode is another, E745 if its state in a store is. With
        a guard the bytes themselves are compared instead, and it raises what it finds.
        """
        if self._guard is not None:
            self._guard.finish()
            return
        if self._store is not None:
            self._store.unchanged()
        for name, before in sorted(self._seen.items()):
            path = self._root / name
            try:
                now = _identity(self._files.stat(path))
            except OSError as error:
                raise source_failed(error, path) from error
            if now != before:
                raise source_changed(path, _difference(before, now))

    def close(self) -> None:
        """Close every file; reads in other threads finish first."""
        if self._store is not None:
            self._store.close()
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read_twice(self, descriptor: int, buffer: memoryview, offset: int) -> int:
        """One retry: a read error may be transient, a second one is not."""
        try:
            return self._files.read_at(descriptor, buffer, offset)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
        return self._files.read_at(descriptor, buffer, offset)

    def _open_checked(self, name: str) -> int:
        # O_NONBLOCK, so that a pipe put in the file's place cannot hold the run forever.
        descriptor = self._files.open(self._root / name, os.O_RDONLY | os.O_NONBLOCK)
        try:
            self._check(self._shards[name], descriptor)
        except BaseException:
            self._files.close(descriptor)
            raise
        return descriptor

    def _check(self, shard: ShardFile, descriptor: int) -> None:
        path = self._root / shard.name
        status = self._files.stat_open(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise source_changed(path, "it is no longer a regular file")
        if status.st_size != shard.size:
            raise source_changed(path, f"it has {status.st_size} bytes, not {shard.size}")
        identity = _identity(status)
        with self._seen_lock:
            before = self._seen.get(shard.name)
        if before is not None:
            if identity != before and self._guard is None:
                raise source_changed(path, _difference(before, identity))
            return
        if self._header_digest(descriptor, shard.size) != shard.header_digest:
            raise source_changed(path, "its header is another")
        with self._seen_lock:
            self._seen[shard.name] = identity

    def _header_digest(self, descriptor: int, size: int) -> str:
        """SHA-256 of the length word and the JSON it announces, cut at the end of the file."""
        word = memoryview(bytearray(8))
        self._read_twice(descriptor, word, 0)
        digest = hashlib.sha256(word)
        end = min(8 + int.from_bytes(word, "little"), size)
        buffer = memoryview(bytearray(min(_HASH_STEP, max(0, end - 8))))
        for offset in range(8, end, _HASH_STEP):
            piece = buffer[: min(_HASH_STEP, end - offset)]
            count = self._read_twice(descriptor, piece, offset)
            digest.update(piece[:count])
        return digest.hexdigest()


def _identity(status: os.stat_result) -> _Identity:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _difference(before: _Identity, now: _Identity) -> str:
    if before[:2] != now[:2]:
        return "another file has taken its place"
    if before[2] != now[2]:
        return f"it had {before[2]} bytes and now has {now[2]}"
    return "it was written to while it was read"
