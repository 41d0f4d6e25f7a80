"""From a reference in a spec to the checkpoint it names, wherever that is."""

from pathlib import Path

from mergec.catalog.checkpoint import Checkpoint
from mergec.catalog.open_adapter import no_folder, open_adapter, read_adapter
from mergec.catalog.open_checkpoint import open_checkpoint, read_folder
from mergec.catalog.reference import HubReference, locate
from mergec.catalog.store_reference import StoreReference
from mergec.diagnostics import Diagnostic


def open_source(
    ref: str, rev: str | None, root: Path, pinned: str | None = None, *, adapter: bool = False
) -> tuple[Checkpoint, tuple[Diagnostic, ...]]:
    """The checkpoint of a reference, relative paths from `root`, and the warnings about it.

    `pinned` is the commit that a plan states for a model on a hub. Reads headers and small files,
    never a weight. An `adapter` is read as such. Raises E716 and E741, and what `open_checkpoint`,
    `open_adapter`, `open_on_hub` and `open_in_store` raise.
    """
    where = locate(ref, rev, root)
    if isinstance(where, HubReference):
        from mergec.catalog.hub_folder import open_on_hub  # here alone: most specs name folders

        return open_on_hub(where, pinned, read_adapter if adapter else read_folder)
    if isinstance(where, StoreReference):
        from mergec.catalog.store_folder import open_in_store

        if adapter and where.file is not None:
            raise no_folder(where.path)
        return open_in_store(where, read_adapter if adapter else read_folder)
    return open_adapter(where) if adapter else open_checkpoint(where)
