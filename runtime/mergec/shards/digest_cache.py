"""Digests of files that were hashed before, in the user's cache folder, by what a file is.

An entry counts for one device, inode, size, time of change and time of change of status, in
nanoseconds, and for one header. Each is a file of its own that appears whole or not at all, so any
number of processes may read and write. Whatever is odd about one, it counts as none: then the file
is hashed. All of it may be removed at any time.
"""

import hashlib
import json
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from mergec.catalog.checkpoint import Sha256
from mergec.shards.leaves import DIGEST, LEAF, FileDigest

_MAGIC = b"mergec.digests/1\n"
_LARGEST = 64 << 20
_MOST_ENTRIES = 4096
# What was written within the step of a file system's clock may be written again without a trace.
SETTLED = 2.0


def digest_folder() -> Path:
    """Where the entries lie, whether or not it is there."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(given) if os.path.isabs(given) else Path.home() / ".cache"
    return home / "mergec" / "digests"


def known_digest(status: os.stat_result, header: str, leaves: int) -> FileDigest | None:
    """The digest of a file of this state and header that has so many leaves, if it is kept."""
    try:
        with _place(status, header).open("rb") as file:
            # Somebody else's, in a cache folder that several can write to, is worth nothing.
            if os.fstat(file.fileno()).st_uid != os.geteuid():
                return None
            raw = file.read(_LARGEST)
    except OSError:
        return None
    body = raw[len(_MAGIC) + DIGEST :]
    sound = raw[: len(_MAGIC) + DIGEST] == _MAGIC + hashlib.sha256(body).digest()
    if not sound or len(body) != DIGEST * (1 + leaves):
        return None
    return FileDigest(Sha256(body[:DIGEST].hex()), body[DIGEST:])


def keep_digest(status: os.stat_result, header: str, digest: FileDigest) -> None:
    """Keep the digest of a file of this state, if the state is old enough to be told from others.

    A cache that cannot be written to is none.
    """
    body = bytes.fromhex(digest.sha256) + digest.leaves
    if len(body) > _LARGEST >> 1 or time.time() - status.st_ctime < SETTLED:
        return
    place = _place(status, header)
    with suppress(OSError):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_room(place.parent)
        descriptor, beside = tempfile.mkstemp(dir=place.parent, prefix=".new-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(_MAGIC + hashlib.sha256(body).digest() + body)
            os.replace(beside, place)
        except BaseException:
            with suppress(OSError):
                os.unlink(beside)
            raise


def _place(status: os.stat_result, header: str) -> Path:
    state = [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
    text = json.dumps([LEAF, *state, header])
    return digest_folder() / hashlib.sha256(text.encode()).hexdigest()[:40]


def _make_room(folder: Path) -> None:
    """Forget the oldest half once there are too many."""
    with os.scandir(folder) as entries:
        found = [entry.path for entry in entries]
    if len(found) < _MOST_ENTRIES:
        return
    aged: list[tuple[float, str]] = []
    for path in found:
        with suppress(OSError):
            aged.append((os.stat(path).st_mtime, path))
    for _, path in sorted(aged)[: len(aged) // 2]:
        with suppress(OSError):
            os.unlink(path)
