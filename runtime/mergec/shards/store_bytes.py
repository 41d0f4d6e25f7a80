"""Bytes of a checkpoint in a store, by ranges; what was announced is read ahead into memory.

Here there is no system's cache to read ahead into, so it is done in windows, of a bounded number of
bytes in all. A read that finds its window waits for that alone.
"""

import hashlib
from collections import OrderedDict
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from threading import Lock
from typing import final

from mergec.catalog.checkpoint import Checkpoint, ObjectState, StoredObjects
from mergec.catalog.store import Store, is_same
from mergec.catalog.store_errors import changed
from mergec.catalog.store_reference import store_reference
from mergec.frozen import frozen
from mergec.plan.budget import STORE_WINDOWS

# One request: long enough that the way there counts for little, short enough to wait for.
_WINDOW = 4 << 20
_AT_ONCE = 8  # requests
# So many announcements later nobody comes for a window any more: twenty times as many as there is
# room for.
_STALE = 256
_HASH_STEP = 1 << 20


@frozen
class _Window:
    """Bytes of a file that are here or on their way."""

    start: int
    stop: int
    number: int  # the how many-th that was announced
    data: "Future[bytearray]"


@final
class StoreBytes:
    """What `SourceReader` reads of a checkpoint in a store; any number of threads may."""

    def __init__(self, checkpoint: Checkpoint, stored: StoredObjects) -> None:
        self._store = Store(store_reference(stored.location, None))
        self._states = stored.states
        self._digests = {shard.name: shard.header_digest for shard in checkpoint.shards}
        self._pool = ThreadPoolExecutor(_AT_ONCE)
        self._windows: OrderedDict[tuple[str, int], _Window] = OrderedDict()
        self._lock = Lock()
        self._checking = Lock()
        self._announced = 0
        self._read: set[str] = set()

    def read_into(self, file: str, start: int, buffer: memoryview) -> None:
        """Fill `buffer` (bytes) from `start` on; E742, E744, E745 or E748."""
        self._check(file)
        done = 0
        while done < len(buffer):
            at, stop = start + done, start + len(buffer)
            window, gap = self._find(file, at, stop)
            if window is None:
                self._store.read_into(file, self._states[file], at, buffer[done : gap - start])
                done = gap - start
                continue
            count = min(stop, window.stop) - at
            part = buffer[done : done + count]
            try:
                part[:] = memoryview(window.data.result())[at - window.start :][:count]
            except CancelledError:  # it gave way before its request began
                self._store.read_into(file, self._states[file], at, part)
            done += count
            if at + count == window.stop:
                self._forget(file, window)

    def expect(self, file: str, start: int, count: int) -> None:
        """Begin to read a range that is wanted soon, as far as there is room for it.

        What was announced long ago and nobody came for gives way.
        """
        for at in range(start, start + count, _WINDOW):
            stop = min(at + _WINDOW, start + count)
            with self._lock:
                self._announced += 1
                self._drop_stale()
                room = self.held() + stop - at <= STORE_WINDOWS
                if room and (file, at) not in self._windows:
                    self._windows[file, at] = self._begin(file, at, stop)

    def unchanged(self) -> None:
        """E745 if an object that was read is in another state now."""
        for file in sorted(self._read):
            now, then = self._store.state(file), self._states[file]
            if now is None:
                raise changed(self._store.where, file, "it is no longer there")
            if not is_same(then, now):
                raise changed(self._store.where, file, "it was written again")

    def held(self) -> int:
        """Bytes that are here or on their way."""
        return sum(window.stop - window.start for window in self._windows.values())

    def close(self) -> None:
        """Begin no further request; what is under way is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._windows.clear()

    def _begin(self, file: str, start: int, stop: int) -> _Window:
        data = self._pool.submit(self._fetch, file, start, stop - start)
        return _Window(start, stop, self._announced, data)

    def _fetch(self, file: str, start: int, count: int) -> bytearray:
        # Not `Store.read`, whose result is a copy: memory is counted here.
        data = bytearray(count)
        self._store.read_into(file, self._states[file], start, memoryview(data))
        return data

    def _find(self, file: str, at: int, stop: int) -> tuple[_Window | None, int]:
        """The window that holds byte `at`; without one, where to stop reading past them all."""
        with self._lock:
            gap = stop
            for (name, start), window in self._windows.items():
                if name != file:
                    continue
                if start <= at < window.stop:
                    return window, gap
                if at < start < gap:
                    gap = start
            return None, gap

    def _forget(self, file: str, window: _Window) -> None:
        with self._lock:
            if self._windows.get((file, window.start)) is window:
                del self._windows[file, window.start]

    def _drop_stale(self) -> None:
        while self._windows:
            oldest = next(iter(self._windows))
            if self._windows[oldest].number > self._announced - _STALE:
                break
            self._windows.pop(oldest).data.cancel()

    def _check(self, file: str) -> None:
        """E745 for a file that no ETag pins if its header is not the planned one; looks once."""
        if file in self._read:
            return
        with self._checking:
            state = self._states[file]
            unsure = file not in self._read and state.etag is None
            if unsure and self._header_digest(file, state) != self._digests[file]:
                raise changed(self._store.where, file, "its header is another")
            self._read.add(file)

    def _header_digest(self, file: str, state: ObjectState) -> str:
        word = self._store.read(file, state, 0, 8)
        digest = hashlib.sha256(word)
        end = min(8 + int.from_bytes(word, "little"), state.size)
        for at in range(8, end, _HASH_STEP):
            digest.update(self._store.read(file, state, at, min(_HASH_STEP, end - at)))
        return digest.hexdigest()
