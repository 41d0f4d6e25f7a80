"""The cache of small files stays small: what was not used for longest goes first."""

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mergec.catalog.store_cache import cache_folder
from mergec.frozen import frozen

MAX_BYTES = 4 << 30
_ASIDE = ".gone-"
_STATE = re.compile(r"[0-9a-f]{40}")
# A run reads small files again at its end. So what was used within a day stays, whoever used it.
_IN_USE = 24 * 3600


@frozen
class Cleaned:
    """How many folders were removed, and the bytes that they held."""

    folders: int
    nbytes: int


@frozen
class _Held:
    path: Path
    used: float
    nbytes: int


def clean_cache() -> Cleaned:
    """Remove what was not used within a day; all of it can be fetched again."""
    _finish()
    return _removed(_idle())


def note_use(folder: Path, *, fresh: bool) -> None:
    """Note that a folder of the cache is in use now; of a fresh one, see that the cache has room.

    Nothing is an error: a cache that cannot be tidied serves all the same.
    """
    with suppress(OSError):
        os.utime(folder)
        if fresh:
            _trim()


def _trim() -> None:
    _finish()
    held = [*_held()]
    above = sum(each.nbytes for each in held) - MAX_BYTES
    for each in _idle() if above > 0 else ():
        above -= _removed([each]).nbytes
        if above <= 0:
            return


def _idle() -> list[_Held]:
    """What nobody used within a day, in the order of its last use."""
    since = time.time() - _IN_USE
    return sorted((each for each in _held() if each.used < since), key=lambda each: each.used)


def _held() -> Iterator[_Held]:
    """The folders of states; whatever else lies there is not ours."""
    try:
        entries = sorted(os.scandir(cache_folder()), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if not _STATE.fullmatch(entry.name) or not entry.is_dir(follow_symlinks=False):
            continue
        with suppress(OSError):
            files = [it.stat(follow_symlinks=False) for it in os.scandir(entry.path)]
            used = entry.stat(follow_symlinks=False).st_mtime
            yield _Held(Path(entry.path), used, sum(file.st_size for file in files))


def _removed(folders: list[_Held]) -> Cleaned:
    gone = [each for each in folders if _remove(each.path)]
    return Cleaned(len(gone), sum(each.nbytes for each in gone))


def _finish() -> None:
    """Remove what somebody was about to."""
    for aside in cache_folder().glob(f"{_ASIDE}*"):
        shutil.rmtree(aside, ignore_errors=True)


def _remove(folder: Path) -> bool:
    # Aside first: whoever opens the same state meanwhile finds all of its files or none.
    aside = folder.with_name(f"{_ASIDE}{folder.name}")
    try:
        os.rename(folder, aside)
    except OSError:
        return False
    shutil.rmtree(aside, ignore_errors=True)
    return True
