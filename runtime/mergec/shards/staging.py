"""The visible sibling folder in which a checkpoint is written until it is published."""

import errno
import os
import secrets
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import final

from mergec.shards import journal
from mergec.shards.files import Files

LOCK_NAME = ".mergec-lock"
RESULT_NAME = "result"
OLD_NAME = "old"
INFIX = ".mergec-partial-"


@final
class Staging:
    """A folder `<target>.mergec-partial-<id>`, closed to other users, locked while its run lives.

    The result grows in a folder in it, beside the lock and the journal, and leaves it by `publish`.
    All is removed by `discard` or stays after `release`; a killed run leaves it too, and its lock
    is then free. Only files and folders made here are ever removed. Methods raise OSError. Names of
    files are relative to the result, such as `child/model.safetensors`.
    """

    def __init__(self, target: Path, files: Files, path: Path | None = None) -> None:
        """`path` is the folder that another run left, to be adopted."""
        self._files = files
        self._target = target.absolute()
        fresh = self._target.with_name(f"{target.name}{INFIX}{secrets.token_hex(4)}")
        self.path = path.absolute() if path is not None else fresh
        self.result = self.path / RESULT_NAME
        self._names: list[str] = []
        self._folders: list[str] = []
        self._lock_descriptor: int | None = None
        self._published = False
        self._old: Path | None = None

    def make(self, folders: Iterable[str] = ()) -> None:
        """Make the folder, take its lock, and make `folders` in the result."""
        self._files.make_folder(self.path, 0o700)
        self._take_lock(os.O_EXCL)
        # Open to whom the umask lets in, as it will be: until then nobody passes the one above.
        self._files.make_folder(self.result, 0o777)
        for name in folders:
            self._folders.append(name)
            self._files.make_folder(self.result / name, 0o777)

    def adopt(self, folders: Iterable[str], shards: Iterable[str]) -> None:
        """Take the lock of a folder that a dead run left, and remove all but `shards` from it.

        BlockingIOError if its run lives. What no run can have made there is an OSError.
        """
        self._take_lock(0)
        self._folders += folders
        for folder in (self.result, *(self.result / name for name in self._folders)):
            try:
                self._files.make_folder(folder, 0o777)
            except FileExistsError:
                continue
        self._names += shards
        for name in ("", *self._folders):
            for entry in self._files.names(self.result / name):
                path = f"{name}/{entry}" if name else entry
                if path not in self._names and path not in self._folders:
                    self._files.remove(self.result / path)

    def new_file(self, name: str) -> int:
        """Make a file and return its descriptor, open for reading and writing."""
        self._names.append(name)
        return self._files.open(self.result / name, os.O_RDWR | os.O_CREAT | os.O_EXCL)

    def open_file(self, name: str) -> int:
        """Open a file made before."""
        return self._files.open(self.result / name, os.O_RDWR)

    def old_file(self, name: str) -> int:
        """Open a file of an adopted folder, or make it where it is missing."""
        return self._files.open(self.result / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)

    def journal_file(self) -> int:
        """Open the journal, or make it."""
        return self._files.open(self.path / journal.NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)

    def sync_names(self) -> None:
        """Make the names of all that was made durable, so that a journal means something."""
        for folder in (*(self.result / name for name in self._folders), self.result, self.path):
            self._files.sync_folder(folder)
        with suppress(OSError):  # a folder that may be written to but not listed
            self._files.sync_folder(self._target.parent)

    def publish(self) -> None:
        """Give the result its name in one step; its files must be synced.

        FileExistsError if the target's name has been taken meanwhile. The new name is durable only
        after `sync_parent`.
        """
        for name in self._folders:
            self._files.sync_folder(self.result / name)
        self._files.sync_folder(self.result)
        self._files.publish_folder(self.result, self._target)
        self._published = True

    def replace(self) -> None:
        """As `publish`, in the place of an older result, which ends here.

        Where the system can swap folders the target is one or the other at any moment. Elsewhere it
        is missing for a moment, and the older one stands in this folder.
        """
        for name in self._folders:
            self._files.sync_folder(self.result / name)
        self._files.sync_folder(self.result)
        if self._files.exchange_folders(self.result, self._target):
            self._old = self.result
        else:
            self._files.publish_folder(self._target, self.path / OLD_NAME)
            try:
                self._files.publish_folder(self.result, self._target)
            except BaseException:
                self._files.publish_folder(self.path / OLD_NAME, self._target)
                raise
            self._old = self.path / OLD_NAME
        self._published = True

    def remove_old(self, names: Iterable[str]) -> bool:
        """Remove these files of the older result; False if that is not all there is of it."""
        if self._old is None:
            return True
        folders = {name.rpartition("/")[0]: None for name in names} | {"": None}
        removed = True
        for name in names:
            removed &= self._remove(self._old / name)
        for name in folders:
            removed &= self._remove_folder(self._old / name)
        return removed

    def sync_parent(self) -> None:
        """Make the published name durable."""
        self._files.sync_folder(self._target.parent)

    def discard(self) -> bool:
        """Remove the folder and what is in it; False if something of it could not be."""
        removed = True
        if not self._published:
            # Without its journal nobody goes on with what is half removed.
            removed &= self._remove(self.path / journal.NAME)
            for name in self._names:
                removed &= self._remove(self.result / name)
            for folder in (*(self.result / name for name in self._folders), self.result):
                removed &= self._remove_folder(folder)
        else:
            removed &= self._remove(self.path / journal.NAME)
        removed &= self._remove(self.path / LOCK_NAME)
        removed &= self._remove_folder(self.path)
        self.release()
        return removed

    def release(self) -> None:
        """Give the lock back; whatever is there stays."""
        if self._lock_descriptor is not None:
            descriptor, self._lock_descriptor = self._lock_descriptor, None
            self._files.close(descriptor)

    def _take_lock(self, flags: int) -> None:
        lock = self.path / LOCK_NAME
        self._lock_descriptor = self._files.open(lock, os.O_RDWR | os.O_CREAT | flags)
        if not self._files.lock(self._lock_descriptor):
            self.release()
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), str(lock))
        holder = f"process {os.getpid()} on {socket.gethostname()}\n".encode(errors="replace")
        self._files.write_at(self._lock_descriptor, memoryview(holder), 0)

    def _remove(self, path: Path) -> bool:
        return _is_gone(lambda: self._files.remove(path))

    def _remove_folder(self, path: Path) -> bool:
        return _is_gone(lambda: self._files.remove_folder(path))


def _is_gone(remove: Callable[[], None]) -> bool:
    """Whether nothing is there after an attempt to remove it."""
    try:
        remove()
    except FileNotFoundError:
        return True
    except OSError as error:
        # Nothing can have a name that is too long.
        return error.errno == errno.ENAMETOOLONG
    return True
