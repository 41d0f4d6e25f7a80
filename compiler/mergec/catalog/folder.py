"""The folder of a checkpoint, on this disk or elsewhere, as the readers of headers see it."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, final

from mergec.catalog.regular_file import RegularFile, cannot_open, open_regular
from mergec.frozen import frozen


@frozen
class LateFile:
    """A file on a hub that is brought here when it is read, and not before.

    `identity` stands for its bytes: their SHA-256, or the id that git gives them, which has 40
    digits; None where the hub states neither.
    """

    size: int
    identity: str | None


class ReadableFile(Protocol):
    """An open file: what messages call it, its size in bytes, and positioned reads."""

    @property
    def path(self) -> Path:
        """The path in messages, which need not be one on this disk."""
        ...

    @property
    def size(self) -> int:
        """The size when it was opened."""
        ...

    def read(self, start: int, count: int) -> bytes:
        """Exactly `count` bytes from `start`; raises a finding where they cannot be had."""
        ...


Opener = Callable[[Path], AbstractContextManager[ReadableFile]]


class Folder(Protocol):
    """The files of one checkpoint. `path` is its name in messages, `root` its place on this disk.

    The paths that `open` takes are `path` with a name behind it.
    """

    @property
    def path(self) -> Path:
        """The folder's name in messages."""
        ...

    @property
    def root(self) -> Path:
        """Where its files lie on this disk, or will once they are needed."""
        ...

    @property
    def late(self) -> Mapping[str, LateFile]:
        """Small files of it that are brought here when they are read, and not before."""
        ...

    def names(self) -> list[str]:
        """The sorted names in it, hidden ones left out."""
        ...

    def lacks(self, name: str) -> bool:
        """Whether there is certainly no such file."""
        ...

    def open(self, path: Path) -> AbstractContextManager[ReadableFile]:
        """One of its files; what `open_regular` raises, or a finding about the way there."""
        ...

    def expect(self, names: Sequence[str]) -> None:
        """Say that the headers of these files are read next."""
        ...


@final
class DiskFolder:
    """A folder on this disk; links are followed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.root = path
        self.late: Mapping[str, LateFile] = {}

    def names(self) -> list[str]:
        """The sorted names; E715 and E701 where they cannot be listed."""
        # Hidden files: macOS and downloaders put `._model.safetensors` and the like there.
        try:
            return sorted(name for name in os.listdir(self.path) if not name.startswith("."))
        except OSError as error:
            raise cannot_open(self.path, error) from error

    def lacks(self, name: str) -> bool:
        """Whether the name, or what a link of that name leads to, is not there."""
        try:
            os.stat(self.path / name)
        except FileNotFoundError:  # a link without a target among them
            return True
        except OSError:
            return False  # opening it tells the reason
        return False

    def open(self, path: Path) -> AbstractContextManager[RegularFile]:
        """A regular file."""
        return open_regular(path)

    def expect(self, names: Sequence[str]) -> None:
        """Nothing: a disk is fast enough."""
