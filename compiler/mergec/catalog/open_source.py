"""From a reference in a spec to the checkpoint it names, wherever that is."""

from pathlib import Path

from mergec.catalog.checkpoint import Checkpoint
from mergec.catalog.open_checkpoint import open_checkpoint
from mergec.catalog.reference import HubReference, locate
from mergec.catalog.store_reference import StoreReference
from mergec.diagnostics import Diagnostic


def open_source(
    ref: str, rev: str | None, root: Path, pinned: str | None = None
) -> tuple[Checkpoint, tuple[Diagnostic, ...]]:
    """The checkpoint of a reference, relative paths from `root`, and the warnings about it.

    `pinned` is the commit that a plan states for a model on a hub. Reads headers and small files,
    never a weight. Raises E716 and E741, and what `open_checkpoint`, `open_on_hub`
    and `open_in_store` raise.
    """
    where = locate(ref, rev, root)
    if isinstance(where, HubReference):
        from mergec.catalog.hub_folder import open_on_hub  # here alone: most specs name folders

        return open_on_hub(where, pinned)
    if isinstance(where, StoreReference):
        from mergec.catalog.store_folder import open_in_store

        return open_in_store(where)
    return open_checkpoint(where)
