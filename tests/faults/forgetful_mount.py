"""A disk that forgets, mounted: what a process does to it comes through the kernel.

It cannot reserve space, exchange names or rename without replacing. It can also do worse than
forget: cut the power before a call, fail to read, and be slow.
"""

import contextlib
import errno
import importlib
import os
import signal
import stat
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.forgetful import Disk, File, Folder, Node


class Mounted:
    """The calls of FUSE. All come from one thread, one after the other."""

    use_ns = True

    def __init__(self) -> None:
        self.disk = Disk()
        self.calls = 0
        """How many calls have changed something or synced since the disk was put in."""
        self.cut_at: int | None = None
        self.reading: Callable[[str, int], None] = lambda _path, _offset: None
        """Told of every read, by path and offset; what it raises is the answer.

        It must not look at this file system, which waits for it.
        """
        self.reads: Counter[str] = Counter()
        self._dark = False

    def put_in(self, disk: Disk, cut_at: int | None = None) -> None:
        """Another disk, and the power on; it fails before the call of this number."""
        self.disk, self.calls, self.cut_at, self._dark = disk, 0, cut_at, False

    def getattr(self, path: str, _fh: int | None = None) -> dict[str, int]:
        """What something is."""
        return _status(path, self._at(path))

    def readdir(self, path: str, _fh: int) -> list[tuple[str, dict[str, int], int]]:
        """Names, and what they stand for."""
        node = self._at(path)
        assert isinstance(node, Folder)
        inside = {".": node, "..": node, **node.seen}
        return [(name, _status(name, each), 0) for name, each in inside.items()]

    def statfs(self, _path: str) -> dict[str, int]:
        """A disk with room."""
        return {"f_bsize": 4096, "f_frsize": 4096, "f_blocks": 1 << 20, "f_bavail": 1 << 20}

    def chmod(self, _path: str, _mode: int) -> int:
        """Accepted."""
        return 0

    def utimens(self, _path: str, _times: Any = None) -> int:
        """Accepted."""
        return 0

    def open(self, path: str, _flags: int) -> int:
        """There are no handles: paths follow renames."""
        self._at(path)
        return 0

    def create(self, path: str, _mode: int, _fi: Any = None) -> int:
        """A new file."""
        self._step()
        self.disk.make(_plain(path), File())
        return 0

    def mkdir(self, path: str, _mode: int) -> int:
        """A new folder."""
        self._step()
        self.disk.make(_plain(path), Folder())
        return 0

    def unlink(self, path: str) -> int:
        """A file loses its name."""
        self._step()
        self.disk.remove(_plain(path))
        return 0

    def rmdir(self, path: str) -> int:
        """An empty folder goes."""
        self._step()
        node = self._at(path)
        if isinstance(node, Folder) and node.seen:
            raise OSError(errno.ENOTEMPTY, "")
        self.disk.remove(_plain(path))
        return 0

    def rename(self, old: str, new: str) -> int:
        """`rename`, onto nothing or an empty folder."""
        self._step()
        there = self.disk.at(_plain(new))
        if isinstance(there, Folder) and there.seen:
            raise OSError(errno.ENOTEMPTY, "")
        self.disk.move(_plain(old), _plain(new))
        return 0

    def read(self, path: str, size: int, offset: int, _fh: int) -> bytes:
        """Bytes."""
        self.reads[_plain(path)] += 1
        self.reading(_plain(path), offset)
        node = self._at(path)
        assert isinstance(node, File)
        return bytes(node.seen[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, _fh: int) -> int:
        """Bytes that are seen at once, and stored when they are synced."""
        self._step()
        node = self._at(path)
        assert isinstance(node, File)
        self.disk.write(node, offset, bytes(data))
        return len(data)

    def truncate(self, path: str, length: int, _fh: int | None = None) -> int:
        """A new size."""
        self._step()
        node = self._at(path)
        assert isinstance(node, File)
        self.disk.resize(node, length)
        return 0

    def fsync(self, path: str, _datasync: int, _fh: int) -> int:
        """Of a file."""
        self._step()
        self.disk.sync(self._at(path))
        return 0

    def fsyncdir(self, path: str, _datasync: int, _fh: int) -> int:
        """Of a folder."""
        return self.fsync(path, 0, 0)

    def _at(self, path: str) -> Node:
        if self._dark:
            raise OSError(errno.EIO, "")
        node = self.disk.at(_plain(path))
        if node is None:
            raise OSError(errno.ENOENT, "")
        return node

    def _step(self) -> None:
        self.calls += 1
        if self.calls == self.cut_at:
            self._dark = True
            process = _library().fuse_get_context()[2]
            assert process not in (0, 1, os.getpid())
            os.kill(process, signal.SIGKILL)
        if self._dark:
            raise OSError(errno.EIO, "")


@contextlib.contextmanager
def mounted(folder: Path) -> Generator[Mounted]:
    """A file system at a new folder; skips where there is none."""
    with _handlers_kept(), _mounted(folder) as system:
        yield system


@contextlib.contextmanager
def _handlers_kept() -> Generator[None]:
    """libfuse handles signals, and leaves the defaults of the system behind: SIGPIPE would kill."""
    numbers = (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGTERM)
    kept = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _mounted(folder: Path) -> Generator[Mounted]:
    serve = _served()
    folder.mkdir()
    system = Mounted()
    times = {"attr_timeout": 0, "entry_timeout": 0}
    # Nothing is kept in memory, and what is removed is not hidden instead.
    options = dict.fromkeys(("direct_io", "hard_remove", "use_ino"), True)
    server = threading.Thread(
        target=lambda: serve(
            system, str(folder), foreground=True, nothreads=True, **times, **options
        ),
        daemon=True,
    )
    server.start()
    for _ in range(200):
        if os.path.ismount(folder) or not server.is_alive():
            break
        time.sleep(0.01)
    if not os.path.ismount(folder):
        pytest.skip("FUSE is there and does not mount")
    try:
        yield system
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)
        server.join(10)
        folder.rmdir()


def _library() -> Any:
    """Without its stubs, which there are none of."""
    return importlib.import_module("mfusepy")


def _served() -> Callable[..., object]:
    """What serves a file system until it is unmounted; skips where it cannot."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("there is no /dev/fuse")
    try:
        library = _library()
    except (ImportError, OSError) as error:  # the second where libfuse is missing
        pytest.skip(f"FUSE cannot be used: {error}")

    # The library drops the flags of renameat2, and would call that done.
    def rename(fuse: Any, old: bytes, new: bytes, flags: int) -> int:
        return -errno.EINVAL if flags else int(fuse.rename_fuse_2(old, new))

    made: Callable[..., object] = type("Served", (library.FUSE,), {"rename_fuse_3": rename})
    return made


def _status(path: str, node: Node) -> dict[str, int]:
    if isinstance(node, Folder):
        # As those mean it who made it: what a run works in is closed to others.
        mode = stat.S_IFDIR | (0o700 if "-partial-" in path.rsplit("/", 1)[-1] else 0o755)
        size = 0
    else:
        mode, size = stat.S_IFREG | 0o644, len(node.seen)
    owner = {"st_uid": os.getuid(), "st_gid": os.getgid()}
    return {"st_mode": mode, "st_size": size, "st_nlink": 1, "st_ino": node.number, **owner}


def _plain(path: str) -> str:
    return path.strip("/")
