"""Small files of a model on a hub that are brought here when they are read, and not before.

A tokenizer.json has up to tens of megabytes. Often it is enough to know that two of them are the
same file, or what stands at the beginning of each.
"""

from pathlib import Path

from mergec.catalog.checkpoint import Checkpoint
from mergec.catalog.reference import HubReference


def small_file(checkpoint: Checkpoint, name: str) -> Path:
    """Where one of the small files lies; it is there. Raises E602, E715 and E722 to E727."""
    path = checkpoint.root / name
    if name in checkpoint.late and checkpoint.hub is not None and not path.exists():
        from mergec.catalog.hub import Hub, quiet_library  # here alone: most specs name folders

        model = HubReference(checkpoint.hub.repo, checkpoint.hub.commit)
        with quiet_library():
            Hub(model).fetch(checkpoint.hub.commit, [name])
    return path


def beginning(checkpoint: Checkpoint, name: str, count: int) -> bytes:
    """The first `count` bytes of a late file, or all that there are. Raises E722 to E727."""
    from mergec.catalog.hub import Hub, quiet_library

    assert checkpoint.hub is not None
    model = HubReference(checkpoint.hub.repo, checkpoint.hub.commit)
    with quiet_library():
        return Hub(model).read(checkpoint.hub.commit, name, 0, count)[0]


def is_late(checkpoint: Checkpoint, name: str) -> bool:
    """Whether a small file is not here yet."""
    return name in checkpoint.late and not (checkpoint.root / name).exists()
