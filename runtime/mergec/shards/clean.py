"""Removing what dead runs left."""

import os
import stat
from pathlib import Path

from mergec.catalog.quoted import quoted
from mergec.diagnostics import MergecError, fail
from mergec.shards import journal
from mergec.shards.files import Files
from mergec.shards.partials import Partial, in_use, looked_at, partials, target_of
from mergec.shards.replacing import put_back_from
from mergec.shards.staging import INFIX, LOCK_NAME

# The result, the folders in it, and the files in those: no run makes anything deeper.
_DEPTH = 3


def find_partials(place: Path, files: Files | None = None) -> list[Partial]:
    """What runs to the output `place` left, what stands in the folder `place`, or `place` itself.

    Those that live are among them.
    """
    files = files or Files()
    found = {partial.path: partial for partial in partials(place, files)}
    if INFIX in place.name:
        found |= {partial.path: partial for partial in looked_at(place, files)}
    try:
        names = files.names(place)
    except OSError:
        names = []
    for name in names:
        if INFIX in name:
            found |= {partial.path: partial for partial in looked_at(place / name, files)}
    return [found[path] for path in sorted(found)]


def remove_partial(partial: Partial, files: Files | None = None) -> None:
    """Remove a folder that a dead run left; repeat it where it was itself interrupted.

    E850 if its run lives, E853 if something of it cannot be removed: the system says why, or
    something is in there that no run makes.
    """
    files = files or Files()
    lock = None
    try:
        lock = _locked(partial, files)
        put_back_from(partial.path, target_of(partial.path), files)
        # Without its journal nobody goes on with what is half removed.
        _remove(partial.path / journal.NAME, files)
        _empty(partial.path, files, _DEPTH)
        _remove(partial.path / LOCK_NAME, files)
        files.remove_folder(partial.path)
    except OSError as error:
        raise _stays(partial.path, error) from error
    finally:
        if lock is not None:
            files.close(lock)


def _locked(partial: Partial, files: Files) -> int | None:
    """The lock, held so that nobody goes on with what is being removed; None if there is none."""
    try:
        descriptor = files.open(partial.path / LOCK_NAME, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    if not files.lock(descriptor):
        files.close(descriptor)
        raise in_use(target_of(partial.path), partial)
    return descriptor


def _empty(folder: Path, files: Files, depth: int) -> None:
    """Remove what is in a folder, but for the lock; a link is removed and not followed."""
    for name in files.names(folder):
        path = folder / name
        if name == LOCK_NAME:
            continue
        if stat.S_ISDIR(files.stat(path, follow=False).st_mode):
            if depth > 1:
                _empty(path, files, depth - 1)
            files.remove_folder(path)
        else:
            files.remove(path)


def _remove(path: Path, files: Files) -> None:
    try:
        files.remove(path)
    except FileNotFoundError:
        return


def _stays(path: Path, error: OSError) -> MergecError:
    reason = (error.strerror or "unknown reason").lower()
    return fail(
        "E853",
        f"{quoted(path)} cannot be removed wholly: {reason}",
        notes=(f"that is said of {quoted(error.filename)}",) if error.filename else (),
        help="look at what is left there and remove it by hand",
    )
