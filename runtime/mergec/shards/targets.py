"""What a writer has to write: shards by their path in the output, tensors by folder and name."""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from threading import Lock

from mergec.frozen import frozen
from mergec.plan.layout import Placement, ShardLayout, index_json, index_name
from mergec.shards.digest import TensorDigest

Layouts = Mapping[str, Sequence[ShardLayout]]
"""The shards of each folder in the output; the empty name is the output itself."""


@frozen
class Target:
    """A tensor to be written: its shard, its place, how far it is; one writer at a time."""

    shard: str
    place: Placement
    digest: TensorDigest
    lock: Lock = field(default_factory=Lock)


def shards_of(layouts: Layouts) -> dict[str, tuple[str, ShardLayout]]:
    """The folder and layout of every shard, by its path, which is its name there."""
    return {
        path_in(folder, layout.name): (folder, replace(layout, name=path_in(folder, layout.name)))
        for folder, group in layouts.items()
        for layout in group
    }


def targets_of(
    shards: Mapping[str, tuple[str, ShardLayout]], *, hashed: bool
) -> dict[tuple[str, str], Target]:
    """Every tensor of the shards, none of it written."""
    return {
        (folder, place.name): Target(
            name, place, TensorDigest(place.name, place.nbytes, hashed=hashed)
        )
        for name, (folder, layout) in shards.items()
        for place in layout.tensors
    }


def path_in(folder: str, name: str) -> str:
    """A name relative to the output."""
    return f"{folder}/{name}" if folder else name


def index_of(layouts: Sequence[ShardLayout]) -> tuple[str, bytes] | None:
    """Name and bytes of the index file, or None where there is none."""
    data = index_json(layouts)
    return None if data is None else (index_name(layouts), data)
