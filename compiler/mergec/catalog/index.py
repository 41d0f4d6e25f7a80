"""The index of a sharded checkpoint, and its agreement with the shards."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import cast

from mergec.catalog.checkpoint import ShardFile, TensorEntry, TensorName
from mergec.catalog.folder import DiskFolder, Folder, Opener
from mergec.catalog.header import read_header
from mergec.catalog.json_text import JsonProblem, parse_json
from mergec.catalog.quoted import counted, quoted, several
from mergec.catalog.regular_file import open_regular
from mergec.diagnostics import Diagnostic, MergecError, fail
from mergec.frozen import frozen

INDEX_SUFFIX = ".safetensors.index.json"
MAX_INDEX_BYTES = 64_000_000
MAX_INDEX_DEPTH = 64


@frozen
class ShardIndex:
    """An index file: which shard, a plain basename, holds each tensor; `total_size` as stated."""

    path: Path
    weight_map: Mapping[TensorName, str]
    total_size: object


def read_index(path: Path, opened: Opener = open_regular) -> ShardIndex:
    """The index file `path`, its shard names checked before any path is made of them.

    Raises E709 for a key that stands twice, E710 for text that is not an index, E712 for a shard
    name that is not a plain `*.safetensors` basename, and what opening the file raises.
    """
    members = _json_object(path, opened)
    found = members.get("weight_map")
    if not isinstance(found, dict):
        raise _bad(path, "has no object `/weight_map`")
    weight_map = cast("dict[str, object]", found)
    for name, shard in weight_map.items():
        if not isinstance(shard, str):
            raise _bad(path, f"has no string at {quoted('/weight_map/' + _pointer(name))}")
        if not _is_shard_name(shard):
            raise _bad_shard_name(path, name, shard)
    metadata = members.get("metadata", {})
    if not isinstance(metadata, dict):
        raise _bad(path, "has no object at `/metadata`")
    total = cast("dict[str, object]", metadata).get("total_size")
    return ShardIndex(path, cast("dict[TensorName, str]", weight_map), total)


def read_shards(
    index: ShardIndex, warn: Callable[[Diagnostic], None], folder: Folder | None = None
) -> tuple[tuple[ShardFile, ...], tuple[TensorEntry, ...]]:
    """The shards that `index` names, by name, and their tensors by shard and offset.

    All findings come together: E711 with every missing shard, each shard's own errors, and E710
    with the tensors over which index and shards disagree. `warn` gets W701 for a wrong total;
    `folder` is where the shards are, by default the folder of the index.
    """
    folder = folder or DiskFolder(index.path.parent)
    names = sorted(set(index.weight_map.values()))
    if missing := [name for name in names if folder.lacks(name)]:
        raise fail(
            "E711",
            f"{quoted(index.path)} names {counted(len(missing), 'shard')} that"
            f" {'does' if len(missing) == 1 else 'do'} not exist:"
            f" {several([*map(quoted, missing)])}",
            help=f"download the missing files into {quoted(folder.path)}",
        )
    folder.expect(names)
    shards: list[ShardFile] = []
    entries: list[TensorEntry] = []
    found: list[Diagnostic] = []
    for name in names:
        try:
            shard, tensors = read_header(folder.path / name, warn, folder.open)
        except MergecError as error:
            found += error.diagnostics
            continue
        shards.append(shard)
        entries += tensors
    found = found or list(_disagreements(index, entries))
    if found:
        raise MergecError(found)
    _check_total(index, entries, warn)
    return tuple(shards), tuple(entries)


def _json_object(path: Path, opened: Opener) -> dict[str, object]:
    with opened(path) as file:
        if file.size > MAX_INDEX_BYTES:
            raise _bad(path, f"is {file.size:,} bytes long, more than {MAX_INDEX_BYTES:,}")
        raw = file.read(0, file.size)
    try:
        value = parse_json(raw, max_depth=MAX_INDEX_DEPTH)
    except JsonProblem as problem:
        if problem.kind == "duplicate":
            raise fail(
                "E709",
                f"{quoted(path)} has the key {quoted(problem.key)} twice",
                help="write the index again, so that each tensor stands once",
            ) from None
        raise _bad(path, str(problem)) from None
    if not isinstance(value, dict):
        raise _bad(path, "is not a JSON object")
    return cast("dict[str, object]", value)


def _is_shard_name(name: str) -> bool:
    # `%` because a name that becomes part of a URL is decoded there, `:` because of drive letters.
    return (
        name.endswith(".safetensors")
        and not name.startswith(".")
        and name.isprintable()
        and len(name) <= 255
        and not re.search(r"[/\\:%]", name)
    )


def _bad_shard_name(path: Path, tensor: str, shard: str) -> MergecError:
    return fail(
        "E712",
        f"{quoted(path)} puts the tensor {quoted(tensor)} into {quoted(shard)}, which is not the"
        " plain name of a `.safetensors` file",
        notes=("an index names files of its own folder, and mergec opens nothing else for it",),
        help="write the shard's basename, such as `model-00001-of-00002.safetensors`",
    )


def _disagreements(index: ShardIndex, entries: Iterable[TensorEntry]) -> Iterable[Diagnostic]:
    held: dict[TensorName, str] = {}
    twice: list[str] = []
    for entry in entries:
        if entry.name in held:
            twice.append(f"{quoted(entry.name)} ({quoted(held[entry.name])}, {quoted(entry.file)})")
        held[entry.name] = entry.file
    if twice:
        yield _disagreement(index, f"{counted(len(twice), 'tensor')} in two shards", twice)
        return
    lacking = [
        f"{quoted(name)} (not in {quoted(shard)})"
        for name, shard in index.weight_map.items()
        if held.get(name) != shard
    ]
    if lacking:
        what = f"{counted(len(lacking), 'tensor')} of the index not in the shard it names"
        yield _disagreement(index, what, lacking)
    extra = [
        f"{quoted(name)} (in {quoted(shard)})"
        for name, shard in held.items()
        if name not in index.weight_map
    ]
    if extra:
        what = f"{counted(len(extra), 'tensor')} in the shards that the index does not name"
        yield _disagreement(index, what, extra)


def _disagreement(index: ShardIndex, what: str, items: list[str]) -> Diagnostic:
    return Diagnostic(
        "E710",
        f"{quoted(index.path)} and its shards disagree: {what}",
        None,
        notes=(several(items),),
        help=("download index and shards again from one revision",),
    )


def _check_total(
    index: ShardIndex, entries: Iterable[TensorEntry], warn: Callable[[Diagnostic], None]
) -> None:
    total = sum(entry.nbytes for entry in entries)
    if index.total_size is None or index.total_size == total:
        return
    warn(
        Diagnostic(
            "W701",
            f"{quoted(index.path)} states a total size of {quoted(index.total_size)}, and the"
            f" tensors have {total:,} bytes",
            None,
            notes=("mergec counts the bytes itself, so that the result is not affected",),
            help=(f'write `"total_size": {total}` in the index',),
        )
    )


def _bad(path: Path, what: str) -> MergecError:
    return fail(
        "E710",
        f"{quoted(path)} {what}",
        help=(
            'write it as `{"metadata": {"total_size": 8}, "weight_map":'
            ' {"a": "model-00001-of-00001.safetensors"}}`'
        ),
    )


def _pointer(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")  # RFC 6901
