"""What mergec knows of a checkpoint before it reads a weight."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, NewType

from mergec.catalog.dtypes import Dtype

TensorName = NewType("TensorName", str)
Sha256 = NewType("Sha256", str)


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One tensor in a file: `start` is the absolute byte offset in the file named `file`."""

    name: TensorName
    dtype: Dtype
    shape: tuple[int, ...]
    file: str
    start: int
    nbytes: int

    @property
    def numel(self) -> int:
        """Number of elements; 1 for a scalar."""
        return prod(self.shape)

    def describe(self) -> str:
        """The notation of plans and messages: `bf16[4096,4096]`."""
        return f"{self.dtype.word}[{','.join(map(str, self.shape))}]"


@dataclass(frozen=True, slots=True)
class ShardFile:
    """One safetensors file: its basename, size in bytes, header digest and free metadata.

    `header_digest` is the SHA-256 of the raw header bytes, the length word included.
    """

    name: str
    size: int
    header_digest: Sha256
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class HubCommit:
    """A commit of a model on a hub."""

    repo: str
    commit: str


@dataclass(frozen=True, slots=True)
class ObjectState:
    """One state of an object in a store: bytes, strong ETag if it has one, time of change."""

    size: int
    etag: str | None
    modified: str


@dataclass(frozen=True, slots=True)
class StoredObjects:
    """The folder in a store that holds a checkpoint's weights, and the state of each file there."""

    location: str
    states: Mapping[str, ObjectState]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint's headers and small files.

    `root` is the folder that holds the files; those of a model on a hub, `hub`, that hold weights
    may not be there before a run, and those of one in a store, `stored`, never are. `tensors` is in
    file order: by shard name, then by offset. `config` is the parsed config.json, or None where
    there is none. `small_files` are the basenames of further files that belong to a complete
    checkpoint (tokenizer, generation config, chat template, licence ...), sorted. `licence` is the
    hub identifier in the model card, if any.
    """

    root: Path
    shards: tuple[ShardFile, ...]
    tensors: Mapping[TensorName, TensorEntry]
    config: Mapping[str, Any] | None
    small_files: tuple[str, ...]
    licence: str | None
    hub: HubCommit | None = None
    stored: StoredObjects | None = None
