"""What the operating system refused, as diagnostics about the user's paths."""

import errno
import os
import resource
import shlex
from collections.abc import Iterable
from pathlib import Path

from mergec.diagnostics import MergecError, fail
from mergec.shards.files import Files

_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_MISPLACED = {
    errno.ENOENT: "name a file in a folder that exists",
    errno.ENOTDIR: "name a file in a folder that exists",
    errno.EISDIR: "name a file; this is a folder",
    errno.ENAMETOOLONG: "choose a shorter name",
}
_NO_DESCRIPTORS = {errno.EMFILE, errno.ENFILE}


def output_failed(error: OSError, target: Path, notes: Iterable[str] = ()) -> MergecError:
    """A failure while writing: E804 where space or quota ended, else E803."""
    number = error.errno or 0
    if number in _FULL:
        files = number == errno.ENOSPC and _lacks_inodes(target)
        return fail(
            "E804",
            f"{'no inode is left' if files else _FULL[number]} while writing `{target}`",
            notes=notes,
            help=f"{'remove some files' if files else 'free some space'} there, "
            "or write to another disk",
        )
    if number in _FORBIDDEN:
        return fail(
            "E803",
            f"`{target}` cannot be written: {_reason(error)}",
            notes=notes,
            help=f"choose an output in a folder you may write to, or change `{target.parent}`",
        )
    if number in _NO_DESCRIPTORS:
        return fail(
            "E803",
            f"`{target}` cannot be written: {_reason(error)}",
            notes=(_descriptor_limit(), *notes),
            help="raise the limit with `ulimit -n 4096`",
        )
    return fail(
        "E803",
        f"writing `{target}` failed: {_reason(error)}",
        notes=notes,
        help=_MISPLACED.get(number, "check the disk and the system log, then run again"),
    )


def unconfirmed(error: OSError, target: Path) -> MergecError:
    """E815: a result is in place, and nobody knows whether a power failure would undo that."""
    return fail(
        "E815",
        f"`{target}` is complete and in place, but the system could not confirm "
        "that it is safe on the disk",
        notes=(f"the system said: {error.strerror}",),
        help=f"run `mergec verify {target} --replay full` after checking the disk",
    )


def source_failed(error: OSError, path: Path, offset: int | None = None) -> MergecError:
    """A failure while reading: E807 if the file is gone, E715 if it may not be opened, else E809.

    `offset` is the absolute byte offset of the read, None for a failure to open.
    """
    number = error.errno or 0
    if number == errno.ENOENT:
        return source_changed(path, "it no longer exists")
    if number in _NO_DESCRIPTORS:
        return fail(
            "E715",
            f"`{path}` cannot be opened: {_reason(error)}",
            notes=(_descriptor_limit(),),
            help="raise the limit with `ulimit -n 4096`",
        )
    if number in _FORBIDDEN:
        return fail(
            "E715",
            f"`{path}` cannot be opened: {_reason(error)}",
            help=f"make it readable: `chmod u+r {shlex.quote(str(path))}`",
        )
    where = "" if offset is None else f" at offset {offset}"
    return fail(
        "E809",
        f"reading `{path}`{where} failed: {_reason(error)}",
        help="check the disk and the system log, or fetch the file again",
    )


def source_changed(path: Path, finding: str) -> MergecError:
    """E807: a source is not the file that was planned; `finding` says in what."""
    return fail(
        "E807",
        f"`{path}` changed after it was planned: {finding}",
        help="let whatever writes to it finish, then run again",
    )


def _lacks_inodes(target: Path) -> bool:
    """Whether a disk that is said to be full has bytes for more files, and no names for them."""
    try:
        space = Files().free_space(target.absolute().parent)
    except OSError:
        return False
    # A file system without a fixed number of inodes reports none at all.
    return space.f_files > 0 and space.f_favail == 0


def _reason(error: OSError) -> str:
    text = os.strerror(error.errno) if error.errno else str(error)
    return text[:1].lower() + text[1:]


def _descriptor_limit() -> str:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return f"this process may hold {soft} files open"
