"""Opening a file that a user names: never blocks, never guesses, tells the true reason."""

import errno
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from mergec.catalog.quoted import quoted
from mergec.diagnostics import MergecError, fail
from mergec.frozen import frozen


@frozen
class RegularFile:
    """An open regular file; `size` in bytes is that of the moment it was opened."""

    path: Path
    fd: int
    size: int

    def read(self, start: int, count: int) -> bytes:
        """Exactly `count` bytes from `start`; E809 if that fails, E703 if the file got shorter."""
        pieces: list[bytes] = []
        while count:
            try:
                piece = os.pread(self.fd, count, start)
            except OSError as error:
                raise fail(
                    "E809",
                    f"reading {quoted(self.path)} failed at byte {start:,}: {_reason(error)}",
                    help="check the disk or network share that holds the file",
                ) from error
            if not piece:
                raise fail(
                    "E703",
                    f"{quoted(self.path)} ends at byte {start:,} and was {self.size:,} bytes long"
                    " when it was opened",
                    help="let the program that writes the file finish first",
                )
            pieces.append(piece)
            start += len(piece)
            count -= len(piece)
        return b"".join(pieces)


@contextmanager
def open_regular(path: Path) -> Generator[RegularFile]:
    """Open `path`, following links, for positioned reads.

    Raises E701 where nothing is there, E702 for anything but a regular file (a FIFO does not
    block), and E715 with the system's own reason for any other refusal.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        raise cannot_open(path, error) from error
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise _not_regular(path, status.st_mode)
        yield RegularFile(path, fd, status.st_size)
    finally:
        os.close(fd)


def read_whole(path: Path) -> bytes:
    """All bytes of a regular file; raises what `open_regular` and reading raise."""
    with open_regular(path) as file:
        return file.read(0, file.size)


def cannot_open(path: Path, error: OSError | ValueError) -> MergecError:
    """The finding for a file or folder that the system would not open."""
    if not isinstance(error, OSError):  # a NUL or an unencodable character in the path
        return fail("E701", f"{quoted(path)} cannot be a path: {error}", help="correct the path")
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return fail("E701", f"{quoted(path)} does not exist", help=_nearest(path))
    if error.errno == errno.ENXIO:  # what open(2) says of a socket
        return _not_regular(path, stat.S_IFSOCK)
    return fail("E715", f"{quoted(path)} cannot be opened: {_reason(error)}", help=_remedy(error))


def _not_regular(path: Path, mode: int) -> MergecError:
    return fail(
        "E702",
        f"{quoted(path)} is a {_KINDS.get(stat.S_IFMT(mode), 'special file')}, not a regular file",
        help="name a file in it" if stat.S_ISDIR(mode) else "name a regular file",
    )


_KINDS = {
    stat.S_IFDIR: "folder",
    stat.S_IFIFO: "FIFO",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
}


def _reason(error: OSError) -> str:
    name = errno.errorcode.get(error.errno or 0, "unknown error")
    return f"{error.strerror or 'unknown reason'} ({name})"


def _remedy(error: OSError) -> str:
    match error.errno:
        case errno.EACCES | errno.EPERM:
            return "give yourself permission to read it, for instance with `chmod u+r`"
        case errno.ELOOP:
            return "replace the symbolic links, which lead in a circle"
        case errno.EMFILE | errno.ENFILE:
            return "raise the limit of open files, for instance with `ulimit -n 4096`"
        case errno.ENAMETOOLONG:
            return "use a shorter path"
        case _:
            return "check the disk or network share that holds it"


def _nearest(path: Path) -> str:
    """Advice for a path that does not exist: a name like it, or how far the path is right."""
    from difflib import get_close_matches  # on this path only: keeps start-up fast

    inner = path
    for folder in path.parents:
        try:
            with os.scandir(folder) as entries:
                names = [entry.name for entry in islice(entries, 2000)]
        except OSError:
            inner = folder
            continue
        if close := get_close_matches(inner.name, names, n=1):
            return f"write {quoted(folder / close[0])}"
        return f"correct the path; as far as {quoted(folder)} it exists"
    return "correct the path"
