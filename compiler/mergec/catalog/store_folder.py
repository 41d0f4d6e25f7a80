"""A folder in a store as that of a checkpoint: small files whole, of weights the header alone.

Small files are kept in the user's cache, each folder of it for one state of one location; weights
never are: a run reads them by ranges, straight into its sweeps.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import final

from mergec.catalog import adapter
from mergec.catalog.at_once import at_once
from mergec.catalog.checkpoint import Checkpoint, ObjectState, StoredObjects
from mergec.catalog.folder import Folder, LateFile, ReadableFile
from mergec.catalog.header import read_header
from mergec.catalog.index import INDEX_SUFFIX
from mergec.catalog.open_checkpoint import is_small_file, looked_over, read_folder
from mergec.catalog.quoted import counted, quoted, several
from mergec.catalog.regular_file import open_regular
from mergec.catalog.store import Store
from mergec.catalog.store_cache import keep_whole, state_folder
from mergec.catalog.store_cache_size import note_use
from mergec.catalog.store_errors import absent
from mergec.catalog.store_reference import StoreReference
from mergec.diagnostics import Diagnostic, MergecError, fail
from mergec.frozen import frozen

_FIRST = 32 << 10
_MAX_SMALL = 256 << 20
_MAX_TOGETHER = 512 << 20
_AT_ONCE = 16  # requests
_SMALL = frozenset({"config.json", "README.md", "lineage.json", adapter.CONFIG})
_WEIGHTS = "model.safetensors"
_INDEX = f"model{INDEX_SUFFIX}"

Read = Callable[[Folder], tuple[Checkpoint, tuple[Diagnostic, ...]]]

# What is asked for on a web server, which does not tell what it has.
_USUAL = (
    _WEIGHTS,
    _INDEX,
    adapter.WEIGHTS,
    *sorted(_SMALL),
    *("LICENSE", "LICENSE.md", "LICENSE.txt", "NOTICE", "generation_config.json"),
    *("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "special_tokens_map.json"),
    *("added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "tekken.json"),
    *("chat_template.jinja", "chat_template.json", "preprocessor_config.json"),
    "processor_config.json",
)


def open_in_store(
    where: StoreReference, read: Read = read_folder
) -> tuple[Checkpoint, tuple[Diagnostic, ...]]:
    """The checkpoint that a place in a store is, and the warnings about it.

    `read` makes a checkpoint of the files in a folder.
    W710 for a store that tells states of an object apart by their time alone. Raises what
    `open_checkpoint` does, and E740 and E742 to E748.
    """
    store = Store(where)
    if where.file is not None:
        return _open_file(where, store, where.file)
    states = {name: it for name, it in _states(where, store).items() if _is_plain(name)}
    small = [name for name, state in states.items() if _is_small(name, state.size)]
    root = state_folder(where.location, {name: states[name] for name in small})
    _check_together(where, sum(states[name].size for name in small))
    fresh = not root.exists()
    at_once(lambda name: keep_whole(root, name, store, states[name]), small)
    note_use(root, fresh=fresh)
    weights = [name for name in states if name not in small and not is_small_file(name)]
    folder = _StoreFolder(where, store, root, sorted([*small, *weights]), states)
    try:
        checkpoint, warnings = read(folder)
    except MergecError as error:
        raise MergecError(map(_about, error.diagnostics)) from None
    return _of_store(where, checkpoint, states, warnings)


def _open_file(
    where: StoreReference, store: Store, name: str
) -> tuple[Checkpoint, tuple[Diagnostic, ...]]:
    state = store.state(name)
    if state is None:
        raise absent(where, "does not exist")
    states = {name: state}
    root = state_folder(where.location, {})
    folder = _StoreFolder(replace(where, file=None), store, root, [name], states)
    warnings: list[Diagnostic] = []
    shard, entries = read_header(where.path, warnings.append, folder.open)
    checkpoint = Checkpoint(root, (shard,), {it.name: it for it in entries}, None, (), None)
    found, more = looked_over(where.path, checkpoint, warnings)
    return _of_store(where, found, states, more)


def _of_store(
    where: StoreReference,
    checkpoint: Checkpoint,
    states: Mapping[str, ObjectState],
    warnings: Sequence[Diagnostic],
) -> tuple[Checkpoint, tuple[Diagnostic, ...]]:
    read = {shard.name: states[shard.name] for shard in checkpoint.shards}
    stored = StoredObjects(where.location, read)
    unsure = [quoted(name) for name, state in read.items() if state.etag is None]
    doubt = [_unpinned(where, unsure)] if unsure else []
    return replace(checkpoint, stored=stored), (*warnings, *doubt)


@final
class _StoreFolder:
    """The files of one folder in a store; `names` are those that matter as far as is known."""

    def __init__(
        self,
        where: StoreReference,
        store: Store,
        root: Path,
        names: Sequence[str],
        states: dict[str, ObjectState],
    ) -> None:
        self.path: Path = where.path
        self.root = root
        self.late: Mapping[str, LateFile] = {}
        self._where = where
        self._store = store
        self._names = [*names]
        self._states = states
        self._heads: dict[str, bytes] = {}

    def names(self) -> list[str]:
        """All of them."""
        return [*self._names]

    def lacks(self, name: str) -> bool:
        """Whether there is no such object; on a web server `expect` finds out, of all at once."""
        return self._where.lists and name not in self._names

    @contextmanager
    def open(self, path: Path) -> Generator[ReadableFile]:
        """The file in the cache; one of weights by ranges."""
        name = path.name
        if name not in self._states:
            raise fail("E701", f"{quoted(path)} does not exist", help="name a folder that has it")
        if name in self._names and (self.root / name).exists():
            with open_regular(self.root / name) as file:
                yield replace(file, path=path)
            return
        head = self._heads.get(name)
        yield _RangedFile(path, self._store, self._states[name], head or self._head(name))

    def expect(self, names: Sequence[str]) -> None:
        """Ask for the headers of several files at once."""
        unknown = [name for name in names if name not in self._states]
        found = zip(unknown, at_once(self._store.state, unknown, _AT_ONCE), strict=True)
        self._states |= {name: state for name, state in found if state is not None}
        if missing := [name for name in unknown if name not in self._states]:
            raise fail(
                "E711",
                f"{quoted(self.path)} lacks {counted(len(missing), 'shard')} that its index names:"
                f" {several([*map(quoted, missing)])}",
                help="copy the missing files there",
            )
        self._heads |= zip(names, at_once(self._head, names, _AT_ONCE), strict=True)

    def _head(self, name: str) -> bytes:
        state = self._states[name]
        return self._store.read(name, state, 0, min(_FIRST, state.size))


@frozen
class _RangedFile:
    """An object, of which `head` is already here."""

    path: Path
    store: Store
    state: ObjectState
    head: bytes

    @property
    def size(self) -> int:
        """Its size in the state that is read."""
        return self.state.size

    def read(self, start: int, count: int) -> bytes:
        """Exactly `count` bytes; what `Store.read_into` raises."""
        end = start + count
        if end <= len(self.head):
            return self.head[start:end]
        there = max(start, len(self.head))
        return self.head[start:] + self.store.read(self.path.name, self.state, there, end - there)


def _states(where: StoreReference, store: Store) -> dict[str, ObjectState]:
    if where.lists:
        return store.names()
    denied: list[MergecError] = []

    def look(name: str) -> ObjectState | None:
        try:
            return store.state(name)
        except MergecError as error:
            # What a server does not show to everyone it may say it forbids.
            if error.diagnostics[0].code != "E742":
                raise
            denied.append(error)
            return None

    found = zip(_USUAL, at_once(look, _USUAL, _AT_ONCE), strict=True)
    states = {name: state for name, state in found if state is not None}
    if not states.keys() & {_WEIGHTS, _INDEX, adapter.WEIGHTS}:
        if denied:
            raise denied[0]
        raise fail(
            "E743",
            f"{quoted(where)} has neither `{_WEIGHTS}` nor `{_INDEX}`",
            notes=("a web server does not tell the names of what it has",),
            help="correct the address, or name the `.safetensors` file itself",
        )
    return states


def _is_plain(name: str) -> bool:
    """Names come from elsewhere and become paths here."""
    return (
        name.isprintable() and "/" not in name and "\\" not in name and 0 < len(name.encode()) < 256
    ) and not name.startswith(".")


def _is_small(name: str, size: int) -> bool:
    wanted = name in _SMALL or name.endswith(INDEX_SUFFIX) or is_small_file(name)
    return wanted and size <= _MAX_SMALL


def _check_together(where: StoreReference, size: int) -> None:
    if size > _MAX_TOGETHER:
        raise fail(
            "E747",
            f"{quoted(where)} has {size:,} bytes of small files, and mergec fetches up to"
            f" {_MAX_TOGETHER:,} of one checkpoint",
            help="copy the checkpoint here and name its folder",
        )


def _about(found: Diagnostic) -> Diagnostic:
    """A finding about files, which lie elsewhere."""
    if found.code not in ("E711", "E714"):
        return found
    return replace(found, help=("copy the missing files there, or correct the reference",))


def _unpinned(where: StoreReference, names: list[str]) -> Diagnostic:
    return Diagnostic(
        "W710",
        f"{quoted(where)} states no strong ETag for {several(names)}",
        None,
        notes=("that it changes while it is read shows in its size and time alone",),
        help=("see that nothing writes there meanwhile, or copy the checkpoint here",),
    )
