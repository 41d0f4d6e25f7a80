"""A model on a hub as the folder of a checkpoint: small files whole, of weights the header alone.

Small files are brought into the hub's cache, where `run` puts the weights too; those of a tokenizer
that are not so small only when they are read. Until then a header is read by ranges of bytes, and
no file of weights is there that could be taken for whole.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import final

from mergec.catalog.adapter import CONFIG
from mergec.catalog.at_once import at_once
from mergec.catalog.checkpoint import Checkpoint, HubCommit
from mergec.catalog.folder import Folder, LateFile, ReadableFile
from mergec.catalog.hub import Hub, quiet_library
from mergec.catalog.hub_errors import not_cached, unreachable
from mergec.catalog.index import INDEX_SUFFIX
from mergec.catalog.open_checkpoint import is_of_tokenizer, is_small_file, read_folder
from mergec.catalog.quoted import quoted
from mergec.catalog.reference import HubReference, is_commit
from mergec.catalog.regular_file import open_regular
from mergec.diagnostics import Diagnostic, MergecError, fail
from mergec.frozen import frozen

# What the first request for a header takes: most headers, and their length, in one go.
_FIRST = 32 << 10
# Larger files are no small files, whatever they are called; and so much is fetched for a check.
_MAX_SMALL = 256 << 20
_MAX_TOGETHER = 512 << 20
# A tokenizer's files have up to tens of megabytes, and often nothing of them must be known.
_LATE = 64 << 10
_SMALL = frozenset({"config.json", "README.md", "lineage.json", CONFIG})
Read = Callable[[Folder], tuple[Checkpoint, tuple[Diagnostic, ...]]]


def open_on_hub(
    model: HubReference, pinned: str | None = None, read: Read = read_folder
) -> tuple[Checkpoint, tuple[Diagnostic, ...]]:
    """The checkpoint that a model on a hub is, and the warnings about it.

    `pinned` is the commit to read whatever the revision leads to by now; W704 if that is another.
    `read` makes a checkpoint of the files.
    Offline the cache alone is read. Raises what `open_checkpoint` does, E716 and E722 to E728.
    """
    asked = pinned or model.revision
    hub = Hub(HubReference(model.repo, asked))
    with quiet_library():
        return _open(model, hub, pinned, read)


def _open(
    model: HubReference, hub: Hub, pinned: str | None, read: Read
) -> tuple[Checkpoint, tuple[Diagnostic, ...]]:
    asked = hub.model.revision
    late: dict[str, LateFile] = {}
    listing = hub.cached(asked) if hub.offline else hub.listing(asked)
    root = hub.snapshot(listing.commit)
    sizes = {name: size for name, size in listing.sizes.items() if _is_plain(name)}
    small = [name for name, size in sizes.items() if _is_small(name, size)]
    if not hub.offline:
        absent = [name for name in small if not (root / name).exists()]
        _check_together(model, sum(sizes[name] or 0 for name in absent))
        late = {
            name: LateFile(size, listing.identities.get(name))
            for name in absent
            if is_of_tokenizer(name) and (size := sizes[name] or 0) > _LATE
        }
        hub.fetch(listing.commit, [name for name in absent if name not in late])
        if pinned is None and model.revision != listing.commit:
            hub.remember(model.revision, listing.commit)
    weights = [name for name in sizes if name not in small and not is_small_file(name)]
    names = sorted([*small, *weights])
    folder = _HubFolder(Path(str(model)), hub, listing.commit, root, names, late)
    try:
        checkpoint, warnings = read(folder)
    except MergecError as error:
        raise MergecError(_about(model, found, hub) for found in error.diagnostics) from None
    found = HubCommit(model.repo, listing.commit)
    moved = _moved(model, pinned) if pinned is not None and not hub.offline else ()
    return replace(checkpoint, hub=found), (*warnings, *moved)


@final
class _HubFolder:
    """The files at the top of one commit; `names` are all that matter of them."""

    def __init__(
        self,
        path: Path,
        hub: Hub,
        commit: str,
        root: Path,
        names: Sequence[str],
        late: Mapping[str, LateFile],
    ) -> None:
        self.path = path
        self.root = root
        self.late = late
        self._hub = hub
        self._commit = commit
        self._names = [*names]
        self._heads: dict[str, tuple[bytes, int]] = {}

    def names(self) -> list[str]:
        """All of them."""
        return [*self._names]

    def lacks(self, name: str) -> bool:
        """Whether the commit, or offline the cache, has no such file."""
        return name not in self._names

    @contextmanager
    def open(self, path: Path) -> Generator[ReadableFile]:
        """The file in the cache; one that is not there yet by ranges."""
        name = path.name
        if self.lacks(name):
            raise fail("E701", f"{quoted(path)} does not exist", help="name a revision that has it")
        if (self.root / name).exists():
            with open_regular(self.root / name) as file:
                yield replace(file, path=path)
            return
        head, size = self._heads.get(name) or self._head(name)
        yield _RangedFile(path, size, head, self._hub, self._commit)

    def expect(self, names: Sequence[str]) -> None:
        """Ask for the headers of several files at once."""
        absent = [name for name in names if not (self.root / name).exists()]
        self._heads |= zip(absent, at_once(self._head, absent), strict=True)

    def _head(self, name: str) -> tuple[bytes, int]:
        return self._hub.read(self._commit, name, 0, _FIRST)


@frozen
class _RangedFile:
    """A file on the hub, of which `head` is already here."""

    path: Path
    size: int
    head: bytes
    hub: Hub
    commit: str

    def read(self, start: int, count: int) -> bytes:
        """Exactly `count` bytes; E726 if the file is shorter now or the hub does not answer."""
        end = start + count
        if end <= len(self.head):
            return self.head[start:end]
        here = self.head[start:]
        there = max(start, len(self.head))
        data, _ = self.hub.read(self.commit, self.path.name, there, end - there)
        if len(data) < end - there:
            raise unreachable(self.hub.model, f"{quoted(self.path.name)} became shorter")
        return here + data


def _is_plain(name: str) -> bool:
    """Names come from elsewhere and become paths here; folders within a model do not matter."""
    return name.isprintable() and "/" not in name and "\\" not in name and name[:1] != "."


def _is_small(name: str, size: int | None) -> bool:
    wanted = name in _SMALL or name.endswith(INDEX_SUFFIX) or is_small_file(name)
    return wanted and (size is None or size <= _MAX_SMALL)


def _check_together(model: HubReference, size: int) -> None:
    if size > _MAX_TOGETHER:
        raise fail(
            "E728",
            f"{quoted(model)} has {size:,} bytes of small files, and mergec fetches up to"
            f" {_MAX_TOGETHER:,} of one model",
            help="download the model and name its folder",
        )


def _about(model: HubReference, found: Diagnostic, hub: Hub) -> Diagnostic:
    """A finding about files, where the files are not the user's to mend."""
    if found.code not in ("E711", "E714"):
        return found
    if hub.offline:
        return not_cached(model, "is not complete in the cache").diagnostics[0]
    return replace(found, help=("name a revision, or another model, that has all its files",))


def _moved(model: HubReference, pinned: str) -> tuple[Diagnostic, ...]:
    """W704 if the revision no longer leads to the commit of the plan or the lock."""
    if is_commit(model.revision):
        return ()
    try:
        now = Hub(model).listing(model.revision, attempts=1).commit
    except MergecError:
        return ()  # what was planned can be read, and that is what counts
    if now == pinned:
        return ()
    return (
        Diagnostic(
            "W704",
            f"{quoted(model)} is at commit `{now[:12]}` now, and was at `{pinned[:12]}` when"
            " it was planned or locked",
            None,
            notes=("what was planned or locked is what is read",),
            help=(
                "to merge what the model is now run `mergec plan` again, or where it is locked"
                " `mergec lock` with `--upgrade`",
            ),
        ),
    )
