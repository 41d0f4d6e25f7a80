"""The visible sibling folder in which a checkpoint is written until it is published."""

import errno
import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import final

from mergec.shards.files import Files

LOCK_NAME = ".mergec-lock"
_INFIX = ".mergec-partial-"


@final
class Staging:
    """A folder `<target>.mergec-partial-<id>`, closed to other users, locked while its run lives.

    It is removed by `discard` or renamed by `publish`; a killed run leaves it, and its lock is then
    free. Only files and folders made here are ever removed. Methods raise OSError. Names of files
    are relative to the folder, such as `child/model.safetensors`.
    """

    def __init__(self, target: Path, files: Files) -> None:
        self._files = files
        self._target = target.absolute()
        self.path = self._target.with_name(f"{target.name}{_INFIX}{secrets.token_hex(4)}")
        self._names: list[str] = []
        self._folders: list[str] = []
        self._lock_descriptor: int | None = None
        self._published = False

    def make(self, folders: Iterable[str] = ()) -> None:
        """Make the folder, take its lock, and make `folders` in it."""
        self._files.make_folder(self.path, 0o700)
        self._lock_descriptor = self.new_file(LOCK_NAME)
        self._files.lock(self._lock_descriptor)
        for name in folders:
            self._folders.append(name)
            # Open to whom the umask lets in, as it will be: until then nobody passes the one above.
            self._files.make_folder(self.path / name, 0o777)

    def new_file(self, name: str) -> int:
        """Make a file and return its descriptor, open for reading and writing."""
        self._names.append(name)
        return self._files.open(self.path / name, os.O_RDWR | os.O_CREAT | os.O_EXCL)

    def open_file(self, name: str) -> int:
        """Open a file made before."""
        return self._files.open(self.path / name, os.O_RDWR)

    def publish(self) -> None:
        """Give the folder its final mode and name in one step; its files must be synced.

        FileExistsError if the target's name has been taken meanwhile. The new name is durable only
        after `sync_parent`.
        """
        mode = self._folder_mode()
        self._files.remove(self.path / LOCK_NAME)
        for name in self._folders:
            self._files.sync_folder(self.path / name)
        self._files.set_mode(self.path, mode)
        self._files.sync_folder(self.path)
        self._files.publish_folder(self.path, self._target)
        self._published = True
        self._unlock()

    def sync_parent(self) -> None:
        """Make the published name durable."""
        self._files.sync_folder(self._target.parent)

    def discard(self) -> bool:
        """Remove the folder, unless it is published; False if something of it could not be."""
        if self._published:
            return True
        removed = True
        for name in self._names:
            removed &= self._remove(name)
        for folder in (*(self.path / name for name in self._folders), self.path):
            removed &= self._remove_folder(folder)
        self._unlock()
        return removed

    def _remove(self, name: str) -> bool:
        try:
            self._files.remove(self.path / name)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def _remove_folder(self, path: Path) -> bool:
        try:
            self._files.remove_folder(path)
        except FileNotFoundError:
            return True
        except OSError as error:
            # No folder can have a name that is too long.
            return error.errno == errno.ENAMETOOLONG
        return True

    def _unlock(self) -> None:
        if self._lock_descriptor is not None:
            descriptor, self._lock_descriptor = self._lock_descriptor, None
            self._files.close(descriptor)

    def _folder_mode(self) -> int:
        """What `mkdir` would have given: who may read the files may also enter.

        Taken from a file made here, as asking for the umask means setting it for every thread.
        """
        file_mode = stat.S_IMODE(self._files.stat(self.path / LOCK_NAME).st_mode)
        inherited = self._files.stat(self.path).st_mode & stat.S_ISGID
        return file_mode | (file_mode & 0o444) >> 2 | inherited


def stale_partials(target: Path, files: Files | None = None) -> list[Path]:
    """The folders that dead runs to `target` left beside it, sorted; nothing is removed.

    Dead means that the lock is free or was never made. Folders that cannot be looked into, and a
    parent that cannot be listed, are passed over.
    """
    files = files or Files()
    try:
        names = files.names(target.absolute().parent)
    except OSError:
        return []
    prefix = f"{target.name}{_INFIX}"
    siblings = [target.parent / name for name in names if name.startswith(prefix)]
    return [sibling for sibling in siblings if _is_dead(sibling, files)]


def _is_dead(partial: Path, files: Files) -> bool:
    try:
        if not stat.S_ISDIR(files.stat(partial, follow=False).st_mode):
            return False
        return _is_unlocked(partial / LOCK_NAME, files)
    except OSError:
        return False


def _is_unlocked(lock: Path, files: Files) -> bool:
    try:
        descriptor = files.open(lock, os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        return files.lock(descriptor)
    finally:
        files.close(descriptor)
