"""Going on with what a dead run left."""

from collections.abc import Sequence
from pathlib import Path

from mergec.shards.files import Files
from mergec.shards.partials import Partial
from mergec.shards.preflight import check_target
from mergec.shards.replacing import put_back, replaceable_files
from mergec.shards.targets import Layouts
from mergec.shards.writer import FILES_BESIDE_SHARDS, CheckpointWriter


def resume_writer(
    partial: Partial,
    target: Path,
    layouts: Layouts,
    sources: Sequence[Path],
    files: Files | None = None,
    *,
    other_bytes: int = 0,
    replace: bool = False,
) -> CheckpointWriter:
    """A writer that goes on with a folder whose header fits; otherwise as `create`.

    Nothing is taken over yet. E850 if the run lives; on any error all that was there stays.
    """
    files = files or Files()
    put_back(target, files)
    count = len(layouts) * FILES_BESIDE_SHARDS
    check_target(target, sources, other_bytes, count, files, replace=replace)
    old = replaceable_files(target, files) if replace else None
    writer = CheckpointWriter(target, layouts, files, hashed=True, path=partial.path, replaces=old)
    try:
        writer.adopt(partial)
    except BaseException:
        writer.keep()
        raise
    return writer
