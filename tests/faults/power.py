"""Runs on a disk that forgets, and what must hold of all that a power failure can leave of them."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mergec.cli.main import run_command
from mergec.shards import Files, journal
from mergec.shards.recovery import claimed_tensors
from tests.faults.forgetful import (
    Disk,
    File,
    Folder,
    Tree,
    everything,
    names,
    nothing,
    some,
    tree_of,
)
from tests.faults.injected import Case, files_of

OUT, PARTIAL = "out", "out.mergec-partial-"
SYNCS = ("fsync", "fdatasync")
Place = tuple[str, str]
"""A sync by its call and what is synced, such as `fdatasync` and `journal`."""


@dataclass(frozen=True)
class Moment:
    """What the disk may hold after one call of a run, and how many claims it must hold then."""

    call: int
    tree: Tree
    promised: int
    ended: bool


@dataclass
class Recorded:
    """One run: how it ended, where it synced, and what a power failure could have left of it."""

    status: int = -1
    syncs: list[Place] = field(default_factory=list[Place])
    moments: list[Moment] = field(default_factory=list[Moment])
    calls: int = 0


def recorded(
    arguments: tuple[str, ...],
    *,
    seeds: int = 2,
    every: int = 1,
    without: Place | None = None,
    lacking: tuple[str, ...] = (),
) -> Recorded:
    """Run in this folder, with everything that stands at the output taken for stored.

    Of every so many calls the disk is asked what it may hold, `seeds` times by chance. One kind of
    sync can be left out. Nothing waits for the real disk.
    """
    here = [path.name for path in Path().iterdir() if path.name.startswith(OUT)]
    watched = _Watched(Disk(tree_of(Path(), here)), seeds, every, without)
    plain = Files.system

    def system(self: Files, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        if call.__name__ in lacking:
            raise OSError(38, os.strerror(38))
        made = None if call.__name__ in SYNCS else plain(self, call, *args, **kwargs)
        watched.after(call.__name__, args, made)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Files, "system", system)
        watched.run.status = run_command(arguments)
    watched.look(ended=watched.run.status == 0)
    return watched.run


class _Watched:
    """Follows the calls of a run, and keeps what is on the disk after each that changes it."""

    def __init__(self, disk: Disk, seeds: int, every: int, without: Place | None) -> None:
        self.run = Recorded()
        self._disk = disk
        self._seeds = seeds
        self._every = every
        self._without = without
        self._open: dict[int, str] = {}
        # Claims in the journal, and those that something else came after.
        self._claimed = self._promised = 0
        self._known: set[str] = set()

    def after(self, call: str, args: tuple[Any, ...], made: Any) -> None:
        """Take over what a call did."""
        opened = self._open.get(args[0]) if args else None
        if opened is None or not opened.endswith(journal.NAME):
            self._promised = self._claimed
        if call == "open":
            path = _below(args[0])
            self._open.pop(made, None)
            if path is not None:
                self._open[made] = path
                if args[1] & os.O_CREAT and self._disk.at(path) is None:
                    self._disk.make(path, File())
                    self._changed()
            return
        if call == "close":
            self._open.pop(args[0], None)
        elif opened is not None:
            self._to_file(call, opened, args, made)
        elif call in ("mkdir", "unlink", "rmdir", "rename", "_rename_new", "_rename_exchange"):
            self._to_names(call, [_below(path) for path in args[:2] if isinstance(path, Path)])

    def look(self, *, ended: bool = False) -> None:
        """Keep what the disk may hold now, unless that is known."""
        kinds = (nothing, names, everything, *(some(seed) for seed in range(self._seeds)))
        for survives in kinds:
            tree = self._disk.after_power_failure(survives)
            key = repr((sorted(tree.items()), self._promised, ended))
            if key not in self._known:
                self._known.add(key)
                self.run.moments.append(Moment(self.run.calls, tree, self._promised, ended))

    def _to_file(self, call: str, path: str, args: tuple[Any, ...], made: Any) -> None:
        node = self._disk.at(path)
        if call in SYNCS:
            place = (call, _kind(path))
            self.run.syncs.append(place)
            if node is None or place == self._without:
                return
            self._disk.sync(node)
        elif isinstance(node, File) and call == "pwrite":
            self._disk.write(node, args[2], bytes(args[1][:made]))
            if path.endswith(journal.NAME):
                self._claimed = len(journal.read_journal(bytes(node.seen)).lines)
        elif isinstance(node, File) and call == "posix_fallocate":
            self._disk.resize(node, max(len(node.seen), args[1] + args[2]))
        elif isinstance(node, File) and call == "ftruncate":
            self._disk.resize(node, args[1])
        else:
            return
        self._changed()

    def _to_names(self, call: str, paths: list[str | None]) -> None:
        here = [path for path in paths if path is not None]
        if len(here) != len(paths):
            return
        if call == "mkdir":
            self._disk.make(here[0], Folder())
        elif call in ("unlink", "rmdir"):
            self._disk.remove(here[0])
        elif call == "_rename_exchange":
            self._disk.exchange(here[0], here[1])
        else:
            self._disk.move(here[0], here[1])
        self._changed()

    def _changed(self) -> None:
        self.run.calls += 1
        if self.run.calls % self._every == 0:
            self.look()


def _below(path: Path) -> str | None:
    """A path relative to this folder, if it is at the output or beside it."""
    path = Path(os.path.abspath(path))
    if path == Path.cwd():
        return ""
    if not path.is_relative_to(Path.cwd()):
        return None
    relative = str(path.relative_to(Path.cwd()))
    return relative if relative.startswith(OUT) else None


def _kind(path: str) -> str:
    """What is synced, in words that do not name the run."""
    parts = Path(path).parts
    match parts:
        case ():
            return "the folder of the output"
        case (_,):
            return "the partial folder"
        case (_, journal.NAME):
            return "the journal"
        case (_, "result"):
            return "the result"
        case _:
            name = parts[-1]
            if name.endswith(".safetensors"):
                return "a shard"
            return "a small file" if "." in name else "the folder of an export"


def violations(moment: Moment, whole: Case, older: Case | None) -> Iterator[str]:
    """What is wrong with what is left; `older` is what stood at the output before."""
    there = {path[len(OUT) + 1 :]: data for path, data in _under(moment.tree, OUT)}
    published = there == whole
    partials = sorted({path.split("/")[0] for path in moment.tree if path.startswith(PARTIAL)})
    if not published:
        moved = any({**_relative(moment.tree, f"{each}/old")} == older for each in partials)
        if OUT in moment.tree and (older is None or there != older):
            yield "the output is a mixture"
        if OUT not in moment.tree and older is not None and not moved:
            yield "the older output is gone"
        if moment.ended:
            yield "what was told to be published is not"
    claimed = 0
    for partial in partials:
        held = _relative(moment.tree, f"{partial}/result")
        for path, data in held.items():
            loadable = path.endswith(".safetensors") and data[:8].strip(b"\0")
            if loadable and data != whole.get(path) and data != (older or {}).get(path):
                yield f"{path} can be loaded and is not whole"
        lines = journal.read_journal(moment.tree.get(f"{partial}/{journal.NAME}") or b"").lines
        claimed += len(lines)
        for (folder, name), digest in claimed_tensors(lines).items():
            if _digest(held, folder, name, whole) != digest and not published:
                yield f"{folder}/{name} is claimed and not there"
    if claimed < moment.promised and not published:
        yield f"{moment.promised - claimed} claims are lost"


def _under(tree: Tree, folder: str) -> Iterator[tuple[str, bytes]]:
    for path, data in tree.items():
        if path.startswith(f"{folder}/") and data is not None:
            yield path, data


def _relative(tree: Tree, folder: str) -> Case:
    return {path[len(folder) + 1 :]: data for path, data in _under(tree, folder)}


def _digest(held: Case, folder: str, tensor: str, whole: Case) -> str | None:
    """SHA-256 of a tensor in what is held, where the whole result says that it is."""
    for path, data in whole.items():
        if not path.endswith(".safetensors") or Path(path).parent != Path(folder):
            continue
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        if tensor in header:
            start, stop = (8 + length + at for at in header[tensor]["data_offsets"])
            return hashlib.sha256(held.get(path, b"")[start:stop]).hexdigest()
    return None


def lay_out(tree: Tree) -> None:
    """Put what a power failure left onto the real disk, in place of what is there."""
    clear()
    for path, data in tree.items():
        if data is None:
            Path(path).mkdir(mode=0o700 if path.startswith(PARTIAL) else 0o777)
        else:
            Path(path).write_bytes(data)


def clear() -> None:
    """Remove what runs made at the output and beside it."""
    for path in Path().glob(f"{OUT}*"):
        shutil.rmtree(path)


def output() -> Case | None:
    """The files of the output; None if there is none."""
    return files_of(Path(OUT)) if Path(OUT).exists() else None
