"""A disk that forgets: what a power failure may leave of writes, renames and syncs.

What is in a file is on the disk once the file was synced, and a name once its folder was. Of all
that came after, a power failure leaves any part: a write wholly, torn or not at all, a rename done
or undone, in any order. That is less than file systems promise, so what outlives it outlives them.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

Survives = Callable[[int], int]
"""How many of so many bytes outlive a power failure; a change of names counts as one."""
Tree = dict[str, bytes | None]
"""What lies at each path, None for a folder."""

# What a device writes at once, whatever happens: the word that makes a shard a finished one.
_AT_ONCE = 8


def nothing(_size: int) -> int:
    """What was not synced is gone."""
    return 0


def everything(size: int) -> int:
    """What was not synced had been written all the same."""
    return size


def names(size: int) -> int:
    """Names had been written and bytes had not, which leaves empty files."""
    return size if size == 1 else 0


def some(seed: int) -> Survives:
    """Anything between."""
    random = Random(seed)

    def survives(size: int) -> int:
        whole = random.choice((0, size, random.randrange(size + 1)))
        return whole if size > _AT_ONCE else random.choice((0, size))

    return survives


_numbers = count(2)


@dataclass(eq=False)
class File:
    """Bytes on the disk, bytes as the running system sees them, and what lies between."""

    stored: bytes = b""
    seen: bytearray = field(default_factory=bytearray)
    waiting: list[tuple[int, bytes]] = field(default_factory=list[tuple[int, bytes]])
    """Writes, or a new size with no bytes."""
    number: int = field(default_factory=lambda: next(_numbers))


@dataclass(eq=False)
class Folder:
    """Names on the disk, and names as the running system sees them."""

    stored: dict[str, "Node"] = field(default_factory=dict[str, "Node"])
    seen: dict[str, "Node"] = field(default_factory=dict[str, "Node"])
    number: int = field(default_factory=lambda: next(_numbers))


Node = File | Folder
# What a name in a folder stands for from now on.
Naming = tuple[Folder, str, Node | None]


class Disk:
    """A folder on it, changed by calls that are named as those of the system."""

    def __init__(self, tree: Tree | None = None) -> None:
        """`tree` is on the disk; a folder comes before what is in it."""
        self.root = Folder()
        self._waiting: list[tuple[Naming, ...]] = []
        for path, data in (tree or {}).items():
            parent, name = self._place(path)
            node = Folder() if data is None else File(data, bytearray(data))
            parent.seen[name] = parent.stored[name] = node

    def at(self, path: str) -> Node | None:
        """What is at a path; the empty one is the folder itself."""
        node: Node | None = self.root
        for name in filter(None, path.split("/")):
            node = node.seen.get(name) if isinstance(node, Folder) else None
        return node

    def make(self, path: str, node: Node) -> None:
        """A new file or folder."""
        self._rename((*self._place(path), node))

    def remove(self, path: str) -> None:
        """A file, or a folder with nothing in it, loses its name."""
        self._rename((*self._place(path), None))

    def move(self, path: str, target: str) -> None:
        """`rename`."""
        node = self.at(path)
        self._rename((*self._place(path), None), (*self._place(target), node))

    def exchange(self, one: str, other: str) -> None:
        """`renameat2` with RENAME_EXCHANGE."""
        first, second = self.at(one), self.at(other)
        self._rename((*self._place(one), second), (*self._place(other), first))

    def write(self, file: File, offset: int, data: bytes) -> None:
        """`pwrite`."""
        _apply(file.seen, offset, data)
        file.waiting.append((offset, data))

    def resize(self, file: File, size: int) -> None:
        """`ftruncate`."""
        _apply(file.seen, size, b"")
        file.waiting.append((size, b""))

    def sync(self, node: Node) -> None:
        """`fsync` of a file or a folder; of a file, not its name."""
        if isinstance(node, File):
            node.stored = bytes(node.seen)
            node.waiting.clear()
            return
        for namings in self._waiting:
            if any(folder is node for folder, _, _ in namings):
                _settle(namings)
        self._waiting = [
            namings
            for namings in self._waiting
            if all(folder is not node for folder, _, _ in namings)
        ]

    def after_power_failure(self, survives: Survives) -> Tree:
        """What is there when the power is back."""
        stored = {folder: dict(folder.stored) for folder in self._folders()}
        for namings in self._waiting:
            if survives(1):
                for folder, name, node in namings:
                    _name(stored.setdefault(folder, {}), name, node)
        return dict(self._tree(self.root, "", stored, survives))

    def _tree(
        self, folder: Folder, above: str, stored: dict[Folder, dict[str, Node]], survives: Survives
    ) -> Iterator[tuple[str, bytes | None]]:
        for name, node in sorted(stored.get(folder, {}).items()):
            path = f"{above}{name}"
            if isinstance(node, Folder):
                yield path, None
                yield from self._tree(node, f"{path}/", stored, survives)
            else:
                yield path, _left_of(node, survives)

    def _folders(self) -> Iterator[Folder]:
        """All that anything on the disk stands in."""
        waiting = [self.root, *(folder for each in self._waiting for folder, _, _ in each)]
        found: dict[Folder, None] = {}
        while waiting:
            folder = waiting.pop()
            if folder in found:
                continue
            found[folder] = None
            nodes = (*folder.stored.values(), *folder.seen.values())
            waiting += [node for node in nodes if isinstance(node, Folder)]
        yield from found

    def _place(self, path: str) -> tuple[Folder, str]:
        above, _, name = path.rpartition("/")
        folder = self.at(above)
        assert isinstance(folder, Folder), path
        return folder, name

    def _rename(self, *namings: Naming) -> None:
        for folder, name, node in namings:
            _name(folder.seen, name, node)
        self._waiting.append(namings)


def tree_of(folder: Path, names: Iterable[str]) -> Tree:
    """What is in a folder of the real disk, of these names and below them."""
    tree: Tree = {}
    for name in names:
        for path in (folder / name, *sorted((folder / name).rglob("*"))):
            tree[str(path.relative_to(folder))] = None if path.is_dir() else path.read_bytes()
    return tree


def _settle(namings: Iterable[Naming]) -> None:
    for folder, name, node in namings:
        _name(folder.stored, name, node)


def _name(names: dict[str, Node], name: str, node: Node | None) -> None:
    if node is None:
        names.pop(name, None)
    else:
        names[name] = node


def _left_of(file: File, survives: Survives) -> bytes:
    left = bytearray(file.stored)
    for offset, data in file.waiting:
        size = survives(len(data) or 1)
        if size:
            _apply(left, offset, data[:size])
    return bytes(left)


def _apply(content: bytearray, offset: int, data: bytes) -> None:
    if not data:
        del content[offset:]
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data
