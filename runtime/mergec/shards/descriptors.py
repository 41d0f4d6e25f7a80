"""A bounded number of open files, shared by threads."""

import errno
from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class Taken:
    """An open file, how many are using it now, and whether nobody else shall."""

    descriptor: int
    users: int
    dropped: bool = False


class Descriptors(Generic[K]):
    """Descriptors by key, the least recently used closed first.

    `opens` makes the descriptor of a key; `retires` closes it. At most `limit` stay open, besides
    those in use at that moment, which are never closed under their user.
    """

    def __init__(
        self, opens: Callable[[K], int], retires: Callable[[int], None], limit: int
    ) -> None:
        self._opens = opens
        self._retires = retires
        self._limit = limit
        self._open: OrderedDict[K, Taken] = OrderedDict()
        self._lock = Lock()
        self._closed = False

    @contextmanager
    def lease(self, key: K) -> Generator[int]:
        """The descriptor of `key`, open for as long as the block runs.

        Errors of opening pass through; ValueError after `close`.
        """
        taken = self.take(key)
        try:
            yield taken.descriptor
        finally:
            self.give_back(taken)

    def take(self, key: K) -> Taken:
        """The beginning of a lease, which has to be given back; cheaper than the `with` block."""
        with self._lock:
            return self._enter(key)

    def give_back(self, taken: Taken) -> None:
        """End a use that began with `take`."""
        with self._lock:
            taken.users -= 1
            if (self._closed or taken.dropped) and taken.users == 0:
                self._retires(taken.descriptor)

    def drop(self, key: K) -> None:
        """Close the descriptor of `key`, if it is open; nobody may be using it."""
        with self._lock:
            entry = self._open.pop(key, None)
            if entry is not None:
                self._retires(entry.descriptor)

    def forget(self, key: K, taken: Taken) -> None:
        """Open `key` anew for whoever comes after this; `taken` ends with its uses."""
        with self._lock:
            if self._open.get(key) is taken:
                del self._open[key]
                taken.dropped = True

    def close(self) -> None:
        """Close all; a descriptor in use is closed by its last user."""
        with self._lock:
            self._closed = True
            idle = [entry.descriptor for entry in self._open.values() if entry.users == 0]
            self._open.clear()
            for descriptor in idle:
                self._retires(descriptor)

    def _enter(self, key: K) -> Taken:
        if self._closed:
            raise ValueError("the files are closed")
        entry = self._open.get(key)
        if entry is None:
            self._make_room(self._limit - 1)
            entry = self._open[key] = Taken(self._open_key(key), 0)
        self._open.move_to_end(key)
        entry.users += 1
        return entry

    def _open_key(self, key: K) -> int:
        try:
            return self._opens(key)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
        # The process needs its descriptors elsewhere: go on with as few as are in use.
        self._make_room(0)
        return self._opens(key)

    def _make_room(self, stay: int) -> None:
        """Close idle ones, oldest first, until at most `stay` are open or none is idle."""
        idle = [key for key, entry in self._open.items() if entry.users == 0]
        for key in idle[: max(0, len(self._open) - stay)]:
            self._retires(self._open.pop(key).descriptor)
