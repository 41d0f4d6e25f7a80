"""From a path to a checkpoint: which files belong to it, and what their headers say."""

import os
import re
import unicodedata
from collections.abc import Callable, Container, Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from mergec.catalog.checkpoint import Checkpoint, ShardFile, TensorEntry, TensorName
from mergec.catalog.config import read_config
from mergec.catalog.folder import DiskFolder, Folder
from mergec.catalog.header import read_header
from mergec.catalog.index import INDEX_SUFFIX, read_index, read_shards
from mergec.catalog.licence_text import licence_beside
from mergec.catalog.links import leads_outside
from mergec.catalog.quoted import quoted, several
from mergec.catalog.wrong_format import PICKLE_SUFFIXES, refuse_pickle
from mergec.diagnostics import Diagnostic, MergecError, fail

_WEIGHTS = "model.safetensors"
_OTHER_WEIGHTS = frozenset({".gguf", ".h5", ".msgpack", ".onnx", ".npz", ".tflite"})
_UNFINISHED = frozenset({".incomplete", ".part", ".partial", ".crdownload", ".download"})

TOKENIZER_FILES = (
    "tokenizer*",
    "vocab*",
    "merges.txt",
    "*.model",
    "*.tiktoken",
    "tekken.json",
    "normalizer.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template*",
)
"""Patterns for what belongs to a tokenizer."""

LICENCE_FILES = ("LICENSE*", "LICENCE*", "COPYING*", "NOTICE*")
"""Patterns for texts that oblige whoever passes the weights on."""

# What transformers and the hub leave beside weights.
_SMALL_FILES = (
    *TOKENIZER_FILES,
    "generation_config.json",
    "*processor_config.json",
    *LICENCE_FILES,
)
_WRITTEN_ANEW = ("config.json", "README.md", "lineage.json")
_NEVER_COPIED = frozenset({".py", ".safetensors"}) | PICKLE_SUFFIXES | _OTHER_WEIGHTS | _UNFINISHED


def open_checkpoint(path: Path) -> tuple[Checkpoint, tuple[Diagnostic, ...]]:
    """The checkpoint at `path`, a folder or one safetensors file, and the warnings about it.

    A folder is read as its index and shards, as its `model.safetensors`, or as its only
    safetensors file; pickles beside them are ignored. A file alone has no config, no small files
    and no licence. Links are followed. Reads headers and small texts only.

    Raises E701 for a path that leads nowhere, E706 for a folder of pickles, E711 for missing
    shards, E714 where there are no weights, E717 where it is unclear which files are meant, and
    what `read_header`, `read_index`, `read_shards` and `read_config` raise.
    """
    if os.path.isdir(path):  # unlike Path.is_dir, False where the system will not say
        return read_folder(DiskFolder(path))
    warnings: list[Diagnostic] = []
    shard, entries = read_header(path, warnings.append)
    tensors = {entry.name: entry for entry in entries}
    checkpoint = Checkpoint(
        path.parent, (shard,), tensors, config=None, small_files=(), licence=None
    )
    return looked_over(path, checkpoint, warnings)


def read_folder(folder: Folder) -> tuple[Checkpoint, tuple[Diagnostic, ...]]:
    """The checkpoint that the files of a folder are, as `open_checkpoint` does it."""
    warnings: list[Diagnostic] = []
    names = folder.names()
    shards, entries = _weights(folder, names, warnings.append)
    config = read_config(folder.path / "config.json", folder.open)
    small = _small_files(folder, names, warnings.append)
    checkpoint = Checkpoint(
        root=folder.root,
        shards=shards,
        tensors={entry.name: entry for entry in entries},
        config=config,
        small_files=small,
        licence=licence_beside(folder, small, config, warnings.append),
        other_files=_other_files(names, {*small, *(shard.name for shard in shards)}),
        late={name: folder.late[name] for name in small if name in folder.late},
    )
    return looked_over(folder.path, checkpoint, warnings)


def open_weights(path: Path) -> Checkpoint:
    """The headers of the checkpoint in the folder `path` alone; raises what `read_folder` does."""
    folder = DiskFolder(path)
    shards, entries = _weights(folder, folder.names(), lambda _: None)
    tensors = {entry.name: entry for entry in entries}
    return Checkpoint(folder.root, shards, tensors, config=None, small_files=(), licence=None)


def is_of_tokenizer(name: str) -> bool:
    """Whether a small file belongs to the tokenizer."""
    return any(fnmatchcase(name, pattern) for pattern in TOKENIZER_FILES)


def is_small_file(name: str) -> bool:
    """Whether a file of this name is copied into a child, or may be."""
    return (
        any(fnmatchcase(name, pattern) for pattern in _SMALL_FILES)
        and Path(name).suffix.lower() not in _NEVER_COPIED
        and name.isprintable()
    )


def looked_over(
    path: Path, checkpoint: Checkpoint, warnings: list[Diagnostic]
) -> tuple[Checkpoint, tuple[Diagnostic, ...]]:
    """A checkpoint that was read, with all warnings; E714 if it holds no tensors."""
    if not checkpoint.tensors:
        raise fail(
            "E714",
            f"{quoted(path)} holds no tensors",
            help="name a checkpoint that holds weights",
        )
    return checkpoint, (*warnings, *_confusable(path, checkpoint.tensors))


def _weights(
    folder: Folder, names: list[str], warn: Callable[[Diagnostic], None]
) -> tuple[tuple[ShardFile, ...], tuple[TensorEntry, ...]]:
    path = folder.path
    index_name = _index_name(path, names)
    if index_name:
        index = read_index(path / index_name, folder.open)
        if _WEIGHTS in names and _WEIGHTS not in index.weight_map.values():
            raise _ambiguous(path, [_WEIGHTS, index_name])
        return read_shards(index, warn, folder)
    files = [name for name in names if name.endswith(".safetensors")]
    if _WEIGHTS in files:
        files = [_WEIGHTS]
    if not files:
        raise _no_weights(folder, names)
    if gaps := _absent_parts(files):
        raise fail(
            "E711",
            f"{quoted(path)} has part of a sharded checkpoint and neither its index nor"
            f" {several([*map(quoted, gaps)])}",
            help="download the missing files, the index among them",
        )
    if len(files) > 1:
        raise _ambiguous(path, files)
    shard, entries = read_header(path / files[0], warn, folder.open)
    return (shard,), entries


def _index_name(folder: Path, names: list[str]) -> str | None:
    indexes = [name for name in names if name.endswith(INDEX_SUFFIX)]
    usual = f"model{INDEX_SUFFIX}"
    if usual in indexes:
        return usual
    if len(indexes) > 1:
        raise _ambiguous(folder, indexes)
    return indexes[0] if indexes else None


def _absent_parts(files: list[str]) -> list[str]:
    """The shards that the numbering of `files` promises and that are not among them."""
    absent: set[str] = set()
    for name in files:
        if match := re.fullmatch(r"(.*)-\d{5}-of-(\d{5})\.safetensors", name):
            parts = (
                f"{match[1]}-{part:05}-of-{match[2]}.safetensors"
                for part in range(1, int(match[2]) + 1)
            )
            absent.update(parts)
    return sorted(absent - set(files))


def _ambiguous(folder: Path, files: list[str]) -> MergecError:
    return fail(
        "E717",
        f"{quoted(folder)} holds {len(files)} files that could each be the checkpoint:"
        f" {several([*map(quoted, files)])}",
        help=f"name the one you mean, such as {quoted(folder / files[0])}",
    )


def _no_weights(folder: Folder, names: list[str]) -> MergecError:
    by_suffix = {name: Path(name).suffix.lower() for name in names}
    pickles = [name for name, suffix in by_suffix.items() if suffix in PICKLE_SUFFIXES]
    if pickles:
        likely = next((name for name in pickles if "model" in name), pickles[0])
        return refuse_pickle(folder.path / likely, all_of=len(pickles))
    for name, suffix in by_suffix.items():
        if suffix in _UNFINISHED:
            return fail(
                "E703",
                f"{quoted(folder.path / name)} is an unfinished download",
                help="finish the download; the file then loses its last suffix",
            )
    for name, suffix in by_suffix.items():
        if suffix in _OTHER_WEIGHTS:
            return fail(
                "E704",
                f"{quoted(folder.path / name)} is not safetensors",
                help="name a checkpoint in safetensors; mergec reads no other format of weights",
            )
    what = "is empty" if not names else "holds no safetensors file"
    return fail("E714", f"{quoted(folder.path)} {what}", help=_inner_checkpoint(folder.root, names))


def _inner_checkpoint(folder: Path, names: list[str]) -> str:
    for name in names[:100]:
        inner = folder / name
        try:
            found = os.path.isdir(inner) and any(
                file.endswith(".safetensors") for file in DiskFolder(inner).names()
            )
        except MergecError:
            found = False
        if found:
            return f"name the folder {quoted(inner)}, which holds safetensors files"
    return "name a folder that holds `model.safetensors`, or a `.safetensors` file"


def _small_files(
    folder: Folder, names: Iterable[str], warn: Callable[[Diagnostic], None]
) -> tuple[str, ...]:
    root = folder.root
    small = [name for name in names if is_small_file(name)]
    found = [name for name in small if name in folder.late or os.path.isfile(root / name)]
    for name in [name for name in found if leads_outside(root, name)]:
        found.remove(name)
        warn(_linked(root / name))
    return tuple(found)


def _linked(path: Path) -> Diagnostic:
    return Diagnostic(
        "W707",
        f"{quoted(path)} is a link that leads out of its folder, and is not copied",
        None,
        notes=("what it leads to may be a file of yours that nobody meant to publish",),
        help=("put the file itself there if it belongs to the model",),
    )


def _other_files(names: Iterable[str], used: Container[str]) -> tuple[str, ...]:
    """What is neither weights that are read, nor copied, nor written anew for each child."""
    others = (name for name in names if name not in used and name not in _WRITTEN_ANEW)
    return tuple(name for name in others if not name.endswith(INDEX_SUFFIX))


def _confusable(path: Path, names: Iterable[TensorName]) -> Iterable[Diagnostic]:
    """W703 for names that are one name in Unicode's composed form."""
    seen: dict[str, TensorName] = {}
    for name in names:
        if name.isascii():
            continue
        other = seen.setdefault(unicodedata.normalize("NFC", name), name)
        if other != name:
            yield Diagnostic(
                "W703",
                f"{quoted(path)} holds the tensors {quoted(ascii(other))} and"
                f" {quoted(ascii(name))}, which look alike",
                None,
                notes=("mergec matches names by their exact code points",),
                help=("rename one of them in the program that wrote the file",),
            )
