"""The folders that runs left, or are at work in, beside the target of one."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from mergec.catalog.quoted import quoted
from mergec.diagnostics import MergecError, fail
from mergec.frozen import frozen
from mergec.shards import journal
from mergec.shards.files import Files
from mergec.shards.journal import Line, Written, read_journal
from mergec.shards.staging import INFIX, LOCK_NAME, RESULT_NAME

# Of what stands in a lock.
_LONGEST_HOLDER = 200
_OTHERS_WRITE = 0o022


@frozen
class Partial:
    """A staging folder. `holder` says which process is at work in it, None if none is."""

    path: Path
    holder: str | None

    def read(self, files: Files | None = None) -> Written:
        """What the journal claims; no lines if there is none that can be trusted."""
        files = files or Files()
        try:
            if not (
                self._is_ours(files, self.path) and self._is_ours(files, self.path / RESULT_NAME)
            ):
                return read_journal(b"")
            return read_journal(_content(self.path / journal.NAME, files, journal.LARGEST))
        except OSError:
            return read_journal(b"")

    @property
    def header(self) -> Line | None:
        """The journal's first line, which says what the run was."""
        return next(iter(self.read().lines), None)

    def _is_ours(self, files: Files, folder: Path) -> bool:
        """Another user's folder might lead elsewhere, and a run that goes on removes and writes."""
        found = files.stat(folder, follow=False)
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
        return ours and not (folder == self.path and found.st_mode & _OTHERS_WRITE)


def partials(target: Path, files: Files | None = None) -> list[Partial]:
    """All folders of runs to `target` beside it, sorted; nothing is changed.

    Folders that cannot be looked into, and a parent that cannot be listed, are passed over.
    """
    files = files or Files()
    try:
        names = files.names(target.absolute().parent)
    except OSError:
        return []
    prefix = f"{target.name}{INFIX}"
    siblings = (target.parent / name for name in names if name.startswith(prefix))
    return [found for sibling in siblings for found in looked_at(sibling, files)]


def stale_partials(target: Path, files: Files | None = None) -> list[Path]:
    """The folders that dead runs to `target` left beside it, sorted.

    Dead means that the lock is free or was never made.
    """
    return [partial.path for partial in partials(target, files) if partial.holder is None]


def require_alone(target: Path, files: Files) -> None:
    """E850 if another run is at work on `target`.

    Of two that begin in the same moment neither may see the other; the first to publish wins then.
    """
    for partial in partials(target, files):
        if partial.holder is not None:
            raise in_use(target, partial)


def in_use(target: Path, partial: Partial) -> MergecError:
    """E850: a run lives."""
    return fail(
        "E850",
        f"another run is writing {quoted(target)}",
        notes=(f"{partial.holder} works in {quoted(partial.path)}",),
        help="wait until it is done, or name another output",
    )


def target_of(path: Path) -> Path:
    """Where the result of a staging folder was to go."""
    return path.with_name(path.name.rpartition(INFIX)[0])


def looked_at(path: Path, files: Files) -> Iterator[Partial]:
    """The staging folder at `path`, if there is one to look into."""
    try:
        if stat.S_ISDIR(files.stat(path, follow=False).st_mode):
            yield Partial(path, _holder(path / LOCK_NAME, files))
    except OSError:
        return


def _holder(lock: Path, files: Files) -> str | None:
    try:
        descriptor = files.open(lock, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        return None  # nobody can be at work there
    try:
        if files.lock(descriptor):
            return None
    finally:
        files.close(descriptor)
    text = _content(lock, files, _LONGEST_HOLDER).partition(b"\n")[0].decode(errors="replace")
    return "".join(c if c.isprintable() else "?" for c in text) or "a process"


def _content(path: Path, files: Files, most: int) -> bytes:
    """The bytes of a file, up to `most`."""
    descriptor = files.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        size = min(files.stat_open(descriptor).st_size, most)
        buffer = memoryview(bytearray(size))
        return bytes(buffer[: files.read_at(descriptor, buffer, 0)])
    finally:
        files.close(descriptor)
