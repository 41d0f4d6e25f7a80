"""From a reference in a spec to the checkpoint it names, wherever that is."""

from pathlib import Path

from mergec.catalog.checkpoint import Checkpoint
from mergec.catalog.open_adapter import open_adapter, read_adapter
from mergec.catalog.open_checkpoint import open_checkpoint, read_folder
from mergec.catalog.reference import HubReference, locate
from mergec.diagnostics import Diagnostic


def open_source(
    ref: str, rev: str | None, root: Path, pinned: str | None = None, *, adapter: bool = False
) -> tuple[Checkpoint, tuple[Diagnostic, ...]]:
    """The checkpoint of a reference, relative paths from `root`, and the warnings about it.

    `pinned` is the commit that a plan states for a model on a hub. Reads headers and small files,
    never a weight. An `adapter` is read as such. Raises E716, and what `open_checkpoint`,
    `open_adapter` and `open_on_hub` raise.
    """
    where = locate(ref, rev, root)
    if isinstance(where, HubReference):
        from mergec.catalog.hub_folder import open_on_hub  # here alone: most specs name folders

        return open_on_hub(where, pinned, read_adapter if adapter else read_folder)
    return open_adapter(where) if adapter else open_checkpoint(where)
