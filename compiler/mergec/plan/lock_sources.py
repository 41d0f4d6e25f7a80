"""What a plan's sources are now, in the words of a lock: all but the digests of their weights."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from mergec.catalog.adapter import CONFIG
from mergec.catalog.checkpoint import Checkpoint, ShardFile
from mergec.catalog.index import INDEX_SUFFIX
from mergec.catalog.lineage_file import FILE_NAME
from mergec.catalog.reference import HubReference, locate
from mergec.catalog.regular_file import open_regular
from mergec.catalog.store_reference import StoreReference
from mergec.plan.lock import LockedFile, LockedSource
from mergec.plan.model import Plan, PlanSource

_READ = ("config.json", CONFIG, "README.md", FILE_NAME)
_STEP = 1 << 20


def sources_now(plan: Plan, root: Path) -> dict[str, LockedSource]:
    """Every source by its label; small files are hashed, of weights only headers were.

    Relative references start at `root`. Raises what opening and reading a small file raises.
    """
    return {source.decl.label: _source(source, root) for source in plan.sources}


def _source(source: PlanSource, root: Path) -> LockedSource:
    decl, checkpoint = source.decl, source.checkpoint
    files = {shard.name: _weights(checkpoint, shard) for shard in checkpoint.shards}
    if _is_folder(source, root):
        files |= {name: _small(checkpoint.root / name) for name in _small_names(checkpoint)}
    return LockedSource(
        decl.ref,
        decl.rev,
        "adapter" if decl.is_adapter else "model",
        checkpoint.hub.commit if checkpoint.hub is not None else None,
        dict(sorted(files.items())),
    )


def _is_folder(source: PlanSource, root: Path) -> bool:
    """Whether small files beside the weights belong to them."""
    where = locate(source.decl.ref, source.decl.rev, root)
    if isinstance(where, HubReference):
        return True
    if isinstance(where, StoreReference):
        return where.file is None
    return os.path.isdir(where)


def _small_names(checkpoint: Checkpoint) -> Iterator[str]:
    """All that mergec reads of the folder of a checkpoint but weights."""
    try:
        present = os.listdir(checkpoint.root)
    except OSError:  # of a model elsewhere that has no small files
        return
    known = {*checkpoint.small_files, *_READ}
    for name in sorted(present):
        if (name in known or name.endswith(INDEX_SUFFIX)) and os.path.isfile(
            checkpoint.root / name
        ):
            yield name


def _weights(checkpoint: Checkpoint, shard: ShardFile) -> LockedFile:
    if checkpoint.stored is None:
        return LockedFile(shard.size, None, shard.header_digest)
    state = checkpoint.stored.states[shard.name]
    if state.etag is not None:
        return LockedFile(shard.size, None, shard.header_digest, ("etag", state.etag))
    return LockedFile(shard.size, None, shard.header_digest, ("modified", state.modified))


def _small(path: Path) -> LockedFile:
    digest = hashlib.sha256()
    with open_regular(path) as file:
        for start in range(0, file.size, _STEP):
            digest.update(file.read(start, min(_STEP, file.size - start)))
        return LockedFile(file.size, digest.hexdigest())
