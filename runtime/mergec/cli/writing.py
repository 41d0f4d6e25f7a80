"""Text files that commands write: all of the new text or all of the old one."""

import contextlib
import errno
import os
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Make or replace the file `path`, keeping the permissions of an old one; E803 or E804.

    A link stays, and the file that it leads to is written.
    """
    place = Path(os.path.realpath(path))
    # A name that is new each time: what a killed process left is in nobody's way.
    beside = place.with_name(f".mergec-new-{os.urandom(8).hex()}")
    try:
        with beside.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            # Else a power failure could leave the new name with nothing in it.
            os.fsync(file.fileno())
        if place.exists():
            beside.chmod(place.stat().st_mode & 0o777)
        beside.replace(place)
    except OSError as error:
        from mergec.shards.system_errors import output_failed

        with contextlib.suppress(OSError):
            beside.unlink()
        raise output_failed(error, path) from None


def require_folder(path: Path) -> None:
    """Raise what `write_text` would where the folder of a file is not there, before any work."""
    if not os.path.isdir(path.parent):
        from mergec.shards.system_errors import output_failed

        raise output_failed(OSError(errno.ENOENT, os.strerror(errno.ENOENT)), path)
