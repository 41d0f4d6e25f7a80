"""What a folder's file system can do, tried with a few files that are removed at once."""

import ctypes
import errno
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mergec.frozen import frozen
from mergec.shards.files import Files

_PROBE = ".mergec-probe-"
_NOREPLACE, _EXCHANGE, _AT_FDCWD = 1, 2, -100
_LACKING = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)


@frozen
class Abilities:
    """What was found. Each but `write` may be lacking, and mergec does it another way then."""

    rename_without_replacing: bool
    exchange: bool
    reserve: bool
    sync: bool
    lock: bool
    read_what_is_cached: bool


def probe_folder(folder: Path, files: Files | None = None) -> Abilities:
    """Try everything in a new folder below `folder`. OSError where nothing can be written there."""
    files = files or Files()
    probe = folder / f"{_PROBE}{secrets.token_hex(4)}"
    files.make_folder(probe, 0o700)
    one, two = probe / "one", probe / "two"
    try:
        for path in (one, two):
            descriptor = files.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
            try:
                files.write_at(descriptor, memoryview(b"mergec"), 0)
                reserve = _able(lambda: files.system(os.posix_fallocate, descriptor, 0, 4096))  # noqa: B023
                sync = _able(lambda: files.system(os.fsync, descriptor))  # noqa: B023
                lock = files.lock(descriptor)
                cached = files.read_cached(descriptor, memoryview(bytearray(6)), 0) == 6
            finally:
                files.close(descriptor)
        exchange = _able(lambda: files.system(_renamed, one, two, _EXCHANGE))
        refused = False
        try:
            files.system(_renamed, one, two, _NOREPLACE)
        except FileExistsError:
            refused = True
        except OSError as error:
            if error.errno not in _LACKING:
                raise
        return Abilities(refused, exchange, reserve, sync, lock, cached)
    finally:
        for path in (one, two):
            with suppress(OSError):
                files.remove(path)
        with suppress(OSError):
            files.remove_folder(probe)


def _able(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError as error:
        if error.errno not in _LACKING:
            raise
        return False
    return True


def _renamed(source: Path, target: Path, flags: int) -> None:
    """`renameat2`, which Python's own library does not offer."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None
    if renameat2(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(source), None, str(target))
