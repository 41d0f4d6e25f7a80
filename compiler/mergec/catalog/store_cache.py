"""Small files of checkpoints in stores, kept in the user's cache folder.

A folder there is for one location and one state of its small files, so that nothing in it is ever
out of date. All of it may be removed at any time.
"""

import errno
import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from mergec.catalog.checkpoint import ObjectState
from mergec.catalog.quoted import quoted
from mergec.catalog.store import Store
from mergec.catalog.store_errors import unreachable
from mergec.catalog.wrong_format import is_web_page
from mergec.diagnostics import MergecError, fail

_PIECE = 8 << 20


def state_folder(location: str, states: Mapping[str, ObjectState]) -> Path:
    """The folder for the small files of a location in these states; it need not be there yet."""
    # What only a time tells apart is asked for anew.
    known = all(state.etag is not None for state in states.values())
    table = {name: [state.size, state.etag] for name, state in sorted(states.items())}
    text = json.dumps([location, table, "" if known else secrets.token_hex(16)])
    return cache_folder() / hashlib.sha256(text.encode()).hexdigest()[:40]


def cache_folder() -> Path:
    """The folder that holds those of all states."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(given) if os.path.isabs(given) else Path.home() / ".cache"
    return home / "mergec" / "stores"


def keep_whole(root: Path, name: str, store: Store, state: ObjectState) -> None:
    """Bring one small file into `root` if it is not there; it appears whole or not at all.

    E602 and E715 where the cache has no room or cannot be written, and what reading raises.
    """
    if (root / name).exists():
        return
    try:
        # For this user alone: what is in a private bucket is private here.
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, partial = tempfile.mkstemp(dir=root, prefix=".partial-")
        try:
            with open(descriptor, "wb") as file:
                _copy(file, name, store, state)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, root / name)
        except BaseException:
            with suppress(OSError):
                os.unlink(partial)
            raise
    except OSError as error:
        raise _unusable(root, error) from error


def _copy(file: IO[bytes], name: str, store: Store, state: ObjectState) -> None:
    for start in range(0, state.size, _PIECE):
        piece = store.read(name, state, start, min(_PIECE, state.size - start))
        if start == 0 and is_web_page(piece):
            raise unreachable(
                store.where, f"the server sends a web page in place of {quoted(name)}"
            )
        file.write(piece)


def _unusable(root: Path, error: OSError) -> MergecError:
    folder = quoted(root.parent)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return fail(
            "E602",
            f"the disk of the cache, {folder}, is full",
            help="free some space, or name a folder on another disk by `XDG_CACHE_HOME`",
        )
    return fail(
        "E715",
        f"the cache, {folder}, cannot be used: {(error.strerror or 'unknown reason').lower()}",
        help="check the folder, or name another by `XDG_CACHE_HOME`",
    )
