"""What LLVM made of kernels, kept for the next process: files in the user's cache folder.

A file is named by all that decides what is in it, and starts with a digest of the rest. A folder
that others may write to is not used, for its files would be run. Where anything is wrong there is
no cache, and kernels are compiled again.
"""

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import final

# About 6 KiB each.
_MOST_FILES = 4000
_DIGEST = hashlib.sha256().digest_size


@final
class Objects:
    """Object code by name; `profile` says for which processor and by which compiler."""

    def __init__(self, folder: Path, profile: str) -> None:
        self._folder = folder
        self._profile = profile
        self._usable: bool | None = None

    def load(self, name: str) -> bytes | None:
        """The code that was kept under `name`, whole and as it was."""
        if not self._trusted():
            return None
        try:
            data = (self._folder / self._key(name)).read_bytes()
        except OSError:
            return None
        code = data[_DIGEST:]
        return code if hashlib.sha256(code).digest() == data[:_DIGEST] else None

    def keep(self, name: str, code: bytes) -> None:
        """Keep `code`; others see all of it or none."""
        if not self._trusted():
            return
        with suppress(OSError):
            self._make_room()
            descriptor, path = tempfile.mkstemp(dir=self._folder)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(hashlib.sha256(code).digest() + code)
                os.replace(path, self._folder / self._key(name))
            except BaseException:
                os.unlink(path)
                raise

    def _key(self, name: str) -> str:
        return hashlib.sha256(f"{_sources()}\n{self._profile}\n{name}".encode()).hexdigest()

    def _trusted(self) -> bool:
        if self._usable is None:
            self._usable = False
            with suppress(OSError):
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                found = self._folder.stat()
                ours = found.st_uid == os.getuid()
                self._usable = ours and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        return self._usable

    def _make_room(self) -> None:
        """Drop the older half of too many."""
        with os.scandir(self._folder) as entries:
            files = [(entry.stat().st_mtime_ns, entry.path) for entry in entries]
        if len(files) >= _MOST_FILES:
            for _, path in sorted(files)[: _MOST_FILES // 2]:
                with suppress(FileNotFoundError):
                    os.unlink(path)


def cache_folder() -> Path:
    """Where a user's programs keep what can be made again."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(given) if os.path.isabs(given) else Path.home() / ".cache"
    return home / "mergec" / "kernels"


@cache
def _sources() -> str:
    """A digest of the code that makes the code: another emitter makes other kernels."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
