"""What of an interrupted run is to be kept, and what of it is still as its journal says."""

from collections.abc import Collection, Iterable, Mapping
from typing import cast

from mergec.catalog.checkpoint import Sha256
from mergec.diagnostics import MergecError
from mergec.plan.layout import ShardLayout
from mergec.shards.descriptors import Descriptors
from mergec.shards.files import Files
from mergec.shards.journal import Line
from mergec.shards.read_back import Part, differences

_TRY_AGAIN = 8
# The name was taken meanwhile, other bytes came back from the disk, memory ran out.
_WHILE_RUNNING = {"E801", "E812", "E814"}
# The digest, the quotes around it, and something for what was measured, for each tensor.
_LINE = 400

Tensor = tuple[str, str]
"""Folder and name."""


def may_pass(error: BaseException) -> bool:
    """Whether the same run could succeed later: a stop, a failing device, a full disk, no memory.

    What the disk changed is found when it is hashed again. A wrong result is no such thing, nor is
    a mistake of ours, which may have made one.
    """
    if isinstance(error, MergecError):
        found = error.diagnostics[0].code
        return error.exit == _TRY_AGAIN or found in _WHILE_RUNNING
    return isinstance(error, MemoryError | OSError) or not isinstance(error, Exception)


def claimed_tensors(lines: Iterable[Line]) -> dict[Tensor, Sha256]:
    """The digests that lines claim, the last for each tensor."""
    claimed: dict[Tensor, Sha256] = {}
    for line in lines:
        claimed |= tensors_of(line)
    return claimed


def tensors_of(line: Line) -> dict[Tensor, Sha256]:
    """The digests that one line claims; what has another form than a writer gives it is none."""
    told: object = line.get("tensors")
    found: dict[Tensor, Sha256] = {}
    for each in cast("list[object]", told) if isinstance(told, list) else ():
        match each:
            case [str(folder), str(name), str(digest)]:
                found[folder, name] = Sha256(digest)
            case _:
                continue
    return found


def unchanged_tensors(
    files: Files,
    opened: Descriptors[str],
    layouts: Iterable[tuple[str, str, ShardLayout]],
    claimed: Mapping[Tensor, Sha256],
    threads: int,
) -> dict[Tensor, Sha256]:
    """Those of the claimed tensors that the disk gives back so; the others were torn or changed.

    `layouts` are the shards with their path and folder.
    """
    parts: dict[Tensor, Part] = {}
    for path, folder, layout in layouts:
        for place in layout.tensors:
            digest = claimed.get((folder, place.name))
            if digest is not None:
                parts[folder, place.name] = Part(path, place.start, place.nbytes, digest, "")
    for path in dict.fromkeys(part.file for part in parts.values()):
        with opened.lease(path) as descriptor:
            # So that what is read is what the disk holds, and not what it was given.
            files.sync(descriptor)
    different = set(
        map(id, differences(files, opened, [*parts.values()], threads, unreadable=True))
    )
    return {key: part.digest for key, part in parts.items() if id(part) not in different}


def journal_size(tensors: Collection[Tensor]) -> int:
    """About how many bytes it takes to claim these: room that is taken while there is room."""
    return sum(_LINE + len(folder) + 2 * len(name) for folder, name in tensors)
