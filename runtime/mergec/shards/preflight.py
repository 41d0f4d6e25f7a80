"""What can be known about an output's place before anything is made there."""

import shlex
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mergec.diagnostics import MergecError, fail
from mergec.shards.files import Files
from mergec.shards.system_errors import output_failed, source_failed


def check_target(
    target: Path,
    sources: Sequence[Path],
    needed_bytes: int,
    needed_files: int,
    files: Files,
    *,
    replace: bool = False,
) -> None:
    """Refuse a place where a checkpoint cannot or must not be written; makes nothing.

    With `replace` something may have the name.
    E813 without a parent folder, E802 if it is, holds or lies inside one of `sources` (folders or
    single files), E801 if anything, a dangling link included, has the name, E880 if the folder may
    not be written to, E602 if `needed_bytes` or `needed_files` exceed what is free there.
    """
    checks = target_checks(target, sources, needed_bytes, needed_files, files, replace=replace)
    for _, check in checks:
        try:
            check()
        except OSError as error:
            raise output_failed(error, target) from error


def target_checks(
    target: Path,
    sources: Sequence[Path],
    needed_bytes: int,
    needed_files: int,
    files: Files,
    *,
    replace: bool = False,
) -> Iterator[tuple[str, Callable[[], None]]]:
    """The same one by one, with what each looks at; they raise OSError too."""

    def overlap() -> None:
        for source in sources:
            _check_overlap(target, source, files)

    yield "folder", lambda: _check_parent(target, files)
    yield "sources", overlap
    if not replace:
        yield "name", lambda: _check_absent(target, files)
    yield "permission", lambda: _check_permission(target, files)
    yield "space", lambda: _check_space(target, needed_bytes, needed_files, files)


def _check_permission(target: Path, files: Files) -> None:
    if not files.writable(target.absolute().parent):
        raise fail(
            "E880",
            f"`{target}` cannot be made: `{target.parent}` may not be written to",
            help="choose an output in a folder you may write to",
        )


def output_exists(target: Path, finding: str = "exists") -> MergecError:
    """E801: something has the output's name; `finding` is what, as a predicate."""
    old = shlex.quote(str(target))
    away = shlex.quote(f"{target}.old")
    return fail(
        "E801",
        f"the output `{target}` {finding}",
        notes=("a run replaces only a result of mergec's, and only with `--replace`",),
        help=f"choose another name, or move it away: `mv {old} {away}`",
    )


def _check_parent(target: Path, files: Files) -> None:
    parent = target.absolute().parent
    try:
        if stat.S_ISDIR(files.stat(parent).st_mode):
            return
        finding, hint = "is not a folder", "choose an output in a folder"
    except (FileNotFoundError, NotADirectoryError):
        finding = "does not exist"
        hint = f"make it first: `mkdir -p {shlex.quote(str(target.parent))}`"
    except OSError as error:
        raise output_failed(error, target) from error
    raise fail(
        "E813",
        f"the folder `{target.parent}` for the output `{target.name}` {finding}",
        help=hint,
    )


def _check_overlap(target: Path, source: Path, files: Files) -> None:
    """By device and inode of the real paths, so that links and bind mounts hide nothing."""
    try:
        real_source = files.real(source)
        source_chain = list(_identities(real_source, files))
        source_is_folder = stat.S_ISDIR(files.stat(real_source).st_mode)
    except FileNotFoundError:
        return  # reading it will say so, and nothing that is not there can be overwritten
    except OSError as error:
        raise source_failed(error, source) from error
    try:
        parent_chain = list(_identities(files.real(target.absolute().parent), files))
        own = _existing_identity(target, files)
    except OSError as error:
        raise output_failed(error, target) from error
    if own == source_chain[0]:
        relation = "is"
    elif source_is_folder and source_chain[0] in parent_chain:
        relation = "lies inside"
    elif own in source_chain:
        relation = "holds"
    else:
        return
    raise fail(
        "E802",
        f"the output `{target}` {relation} the source `{source}`",
        notes=("a source is never written to",),
        help="choose an output outside every source",
    )


def _identities(path: Path, files: Files) -> Iterator[tuple[int, int]]:
    """Device and inode of a real path and of each folder above it."""
    for step in (path, *path.parents):
        status = files.stat(step)
        yield (status.st_dev, status.st_ino)


def _existing_identity(target: Path, files: Files) -> tuple[int, int] | None:
    try:
        status = files.stat(target)
    except FileNotFoundError:
        return None
    return (status.st_dev, status.st_ino)


def _check_absent(target: Path, files: Files) -> None:
    try:
        status = files.stat(target, follow=False)
    except FileNotFoundError:
        return
    raise output_exists(target, "is a link" if stat.S_ISLNK(status.st_mode) else "exists")


def _check_space(target: Path, needed_bytes: int, needed_files: int, files: Files) -> None:
    space = files.free_space(target.absolute().parent)
    free = space.f_bavail * space.f_frsize
    if needed_bytes > free:
        raise fail(
            "E602",
            f"the output `{target}` needs {needed_bytes:,} bytes, and {free:,} are free there",
            help="free some space there, or write to another disk",
        )
    # A file system without a fixed number of inodes reports none at all.
    if space.f_files and needed_files > space.f_favail:
        raise fail(
            "E602",
            f"the output `{target}` needs {needed_files:,} files, and the file system there "
            f"has inodes for {space.f_favail:,}",
            help="remove some files there, or write to another disk",
        )
