"""Putting a result in the place of an older one."""

import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mergec.catalog.lineage_file import FILE_NAME, LineageProblem, Statement, read_lineage
from mergec.catalog.quoted import quoted, several
from mergec.diagnostics import MergecError, fail
from mergec.shards.files import Files
from mergec.shards.partials import stale_partials
from mergec.shards.staging import OLD_NAME
from mergec.shards.system_errors import output_failed


def replaceable_files(target: Path, files: Files) -> tuple[str, ...] | None:
    """The files of the result at `target`, relative to it; None if nothing is there.

    E854 unless mergec wrote all of it, as far as names tell.
    """
    try:
        try:
            mode = files.stat(target, follow=False).st_mode
        except FileNotFoundError:
            return None
        if not stat.S_ISDIR(mode):
            raise _refused(target, "it is no folder")
        found = [*_files_below(target, files)]
    except OSError as error:
        raise output_failed(error, target) from error
    written = {name for folder in _folders(target) for name in _written(target, folder)}
    others = sorted({*found} - written)
    if others:
        raise _refused(target, f"it holds {several([quoted(name) for name in others])}")
    return tuple(found)


def put_back(target: Path, files: Files) -> None:
    """Where a run died between moving an older result away and bringing the new one, undo that.

    Only a file system that cannot swap two folders leaves this to be done.
    """
    for partial in stale_partials(target, files):
        put_back_from(partial, target, files)


def put_back_from(partial: Path, target: Path, files: Files) -> None:
    """The same for one of the folders that runs left."""
    with suppress(OSError):  # there is none, or the name is taken
        files.publish_folder(partial / OLD_NAME, target)


def _files_below(target: Path, files: Files) -> Iterator[str]:
    """Every file and link, and every folder below those of exports, as no run makes one."""
    for name in files.names(target):
        if not _is_folder(target / name, files):
            yield name
            continue
        yield from (f"{name}/{inner}" for inner in files.names(target / name))


def _is_folder(path: Path, files: Files) -> bool:
    return stat.S_ISDIR(files.stat(path, follow=False).st_mode)


def _folders(target: Path) -> tuple[str, ...]:
    """The folders of the exports that were published together."""
    try:
        return read_lineage(target / FILE_NAME).statement.folders
    except LineageProblem as problem:
        if not problem.absent:
            raise _refused(target, f"its `{FILE_NAME}` {problem}") from None
    for inner in sorted(target.glob(f"*/{FILE_NAME}")):
        try:
            return read_lineage(inner).statement.folders
        except LineageProblem:
            continue
    raise _refused(target, f"it has no `{FILE_NAME}`")


def _written(target: Path, folder: str) -> Iterator[str]:
    """What a run wrote into one of its folders, as its lineage says."""
    try:
        known: Statement = read_lineage(target / folder / FILE_NAME).statement
    except LineageProblem as problem:
        raise _refused(target, f"`{FILE_NAME}` in {quoted(folder)} {problem}") from None
    for name in (FILE_NAME, *known.shards, *known.files):
        yield f"{folder}/{name}" if folder else name


def _refused(target: Path, why: str) -> MergecError:
    return fail(
        "E854",
        f"{quoted(target)} cannot be replaced: {why}",
        notes=("what mergec did not write, it does not remove",),
        help="move away what is yours, or name another output",
    )
