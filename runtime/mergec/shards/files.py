"""The one way to the file system for weights: every system call a run makes is made here.

So a test can count, fail, shorten or kill at any of them by overriding one method. The calls are
plain positioned reads and writes; nothing is mapped, because a file that shrinks under a map kills
the process. Python repeats a call that a signal interrupts; loops for short transfers are ours.
"""

import ctypes
import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar, final

P = ParamSpec("P")
R = TypeVar("R")

# Linux: flags of renameat2(2), and the descriptor that stands for the working directory.
_RENAME_NOREPLACE, _RENAME_EXCHANGE = 1, 2
_AT_FDCWD = -100
# Linux reads ahead at most what one request to the device may hold, whatever it is asked for.
_ASKED = 1 << 20
_WITHOUT_WAITING: int | None = getattr(os, "RWF_NOWAIT", None)
# Linux: flag of sync_file_range(2), to begin writing what is not yet being written.
_SYNC_FILE_RANGE_WRITE = 2


class Files:
    """System calls by name. Everything raises OSError as the system reports it.

    Without `durable` nothing waits for a device, and a power failure may take anything away.
    """

    durable: bool = True

    def __init__(self, *, durable: bool = True) -> None:
        self.durable = durable

    def system(self, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Make one system call; the only method for a test to override."""
        return call(*args, **kwargs)

    @final
    def open(self, path: Path, flags: int, mode: int = 0o666) -> int:
        """Open without following into child processes; `mode` is subject to the umask."""
        return self.system(os.open, path, flags | os.O_CLOEXEC, mode)

    @final
    def close(self, descriptor: int) -> None:
        """Close; never raises, as the descriptor is gone whatever the system says.

        A late write error is not lost: what was written is synced before it is closed.
        """
        try:
            self.system(os.close, descriptor)
        except OSError as error:
            if error.errno == errno.EBADF:
                raise

    @final
    def read_at(self, descriptor: int, buffer: memoryview, offset: int) -> int:
        """Fill `buffer` (bytes) from `offset`; the count is smaller only at the end of the file."""
        done = 0
        while done < len(buffer):
            count = self.system(os.preadv, descriptor, [buffer[done:]], offset + done)
            if count == 0:
                break
            done += count
        return done

    @final
    def read_cached(self, descriptor: int, buffer: memoryview, offset: int) -> int:
        """As `read_at` of what the system has in memory, up to the first byte that it has not.

        Zero too where it cannot tell, or for any error: a read that may wait will meet that again.
        """
        if _WITHOUT_WAITING is None:
            return 0
        try:
            return self.system(os.preadv, descriptor, [buffer], offset, _WITHOUT_WAITING)
        except OSError:
            return 0

    @final
    def write_at(self, descriptor: int, data: memoryview, offset: int) -> None:
        """Write all of `data` (bytes) at `offset`."""
        done = 0
        while done < len(data):
            count = self.system(os.pwrite, descriptor, data[done:], offset + done)
            if count == 0:
                raise OSError(errno.EIO, "the system wrote nothing and reported no error")
            done += count

    @final
    def reserve(self, descriptor: int, size: int) -> None:
        """Give the file `size` zero bytes, with disk space behind them where the system can.

        Not where space is memory: to reserve that is to clear what is about to be written.
        """
        if not self.is_memory(descriptor):
            try:
                self.system(os.posix_fallocate, descriptor, 0, size)
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
                    raise
            else:
                return
        self.system(os.ftruncate, descriptor, size)

    def is_memory(self, descriptor: int) -> bool:
        """Whether an open file lies in memory, on a tmpfs, by what Linux says of its device."""
        number = self.system(os.fstat, descriptor).st_dev
        device = f"{os.major(number)}:{os.minor(number)}"
        try:
            mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
        except OSError:
            return False
        kinds = [line.partition(" - ")[2] for line in mounts if line.split()[2] == device]
        return any(kind.startswith("tmpfs ") for kind in kinds)

    @final
    def sync(self, descriptor: int) -> None:
        """Wait until data and metadata are on the device, if that is wanted."""
        if self.durable:
            self.system(os.fsync, descriptor)

    @final
    def sync_data(self, descriptor: int) -> None:
        """As `sync`, but for times and the like, which nobody needs to read the bytes."""
        if self.durable:
            self.system(os.fdatasync, descriptor)

    @final
    def resize(self, descriptor: int, size: int) -> None:
        """Cut a file off, or lengthen it by zero bytes."""
        self.system(os.ftruncate, descriptor, size)

    @final
    def sync_folder(self, path: Path) -> None:
        """Wait until the names in a folder are on the device."""
        descriptor = self.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.sync(descriptor)
        finally:
            self.close(descriptor)

    @final
    def expect_reads(self, descriptor: int, offset: int, count: int) -> None:
        """Ask the system to read a range ahead; it may do less than that, or nothing."""
        for start in range(offset, offset + count, _ASKED):
            step = min(_ASKED, offset + count - start)
            self.system(os.posix_fadvise, descriptor, start, step, os.POSIX_FADV_WILLNEED)

    @final
    def start_writeback(self, descriptor: int) -> None:
        """Have the device begin with what was written so far, without waiting for it.

        Promises nothing: `sync` does. A system without the call does nothing.
        """
        if not self.durable:
            return
        try:
            self.system(_sync_file_range, descriptor)
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.EINVAL, errno.ESPIPE):
                raise

    @final
    def forget_cached(self, descriptor: int) -> None:
        """Ask that the next reads come from the device; call after `sync`."""
        self.system(os.posix_fadvise, descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    @final
    def lock(self, descriptor: int) -> bool:
        """Take the advisory lock of an open file; False if another process has it.

        The lock goes with the process, however it ends. A file system without locks grants it.
        """
        try:
            self.system(fcntl.flock, descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.ENOLCK, errno.ENOSYS):
                raise
        return True

    @final
    def stat(self, path: Path, *, follow: bool = True) -> os.stat_result:
        """What lies at `path`; with `follow=False` a link itself."""
        return self.system(os.stat, path, follow_symlinks=follow)

    @final
    def stat_open(self, descriptor: int) -> os.stat_result:
        """What an open file is."""
        return self.system(os.fstat, descriptor)

    @final
    def real(self, path: Path) -> Path:
        """The path of an existing file or folder with every link resolved."""
        return Path(self.system(os.path.realpath, path, strict=True))

    @final
    def free_space(self, path: Path) -> os.statvfs_result:
        """Space and inodes of the file system that holds `path`."""
        return self.system(os.statvfs, path)

    @final
    def writable(self, folder: Path) -> bool:
        """Whether the permissions let this process make entries in a folder."""
        return self.system(os.access, folder, os.W_OK | os.X_OK)

    @final
    def names(self, folder: Path) -> list[str]:
        """The sorted names in a folder."""
        return sorted(self.system(os.listdir, folder))

    @final
    def make_folder(self, path: Path, mode: int) -> None:
        """Make one folder; FileExistsError if anything has the name."""
        self.system(os.mkdir, path, mode)

    @final
    def set_mode(self, path: Path, mode: int) -> None:
        """Change permissions."""
        self.system(os.chmod, path, mode)

    @final
    def remove(self, path: Path) -> None:
        """Remove a file."""
        self.system(os.unlink, path)

    @final
    def remove_folder(self, path: Path) -> None:
        """Remove an empty folder."""
        self.system(os.rmdir, path)

    @final
    def publish_folder(self, staging: Path, target: Path) -> None:
        """Rename a folder with files in it, in one step; FileExistsError if the name is taken.

        Where the system cannot refuse by itself, an empty folder at `target` is replaced too; a
        file, a link or a folder with anything in it is refused by every system.
        """
        try:
            self.system(_rename_new, staging, target)
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP):
                raise
            self._rename_over_nothing(staging, target)

    @final
    def exchange_folders(self, one: Path, other: Path) -> bool:
        """Swap two folders in one step; False, and nothing done, where the system cannot."""
        try:
            self.system(_rename_exchange, one, other)
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP):
                raise
            return False
        return True

    def _rename_over_nothing(self, staging: Path, target: Path) -> None:
        try:
            self.stat(target, follow=False)
        except FileNotFoundError:
            pass
        else:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        try:
            self.system(os.rename, staging, target)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.ENOTDIR):
                raise
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from error


def _rename_new(source: Path, target: Path) -> None:
    """`renameat2` with RENAME_NOREPLACE, which Python's own library does not offer."""
    _renameat2(source, target, _RENAME_NOREPLACE)


def _rename_exchange(one: Path, other: Path) -> None:
    _renameat2(one, other, _RENAME_EXCHANGE)


def _renameat2(source: Path, target: Path, flags: int) -> None:
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None
    done = renameat2(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), flags)
    if done != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(source), None, str(target))


def _sync_file_range(descriptor: int) -> None:
    """`sync_file_range` over a whole file, which Python's own library does not offer."""
    try:
        sync_file_range = ctypes.CDLL(None, use_errno=True).sync_file_range
    except AttributeError:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None
    sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    if sync_file_range(descriptor, 0, 0, _SYNC_FILE_RANGE_WRITE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
