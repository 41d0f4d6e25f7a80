"""What mergec knows of a checkpoint before it reads a weight."""

from collections.abc import Mapping
from dataclasses import field, replace
from math import prod
from pathlib import Path
from typing import Any, NewType

from mergec.catalog.adapter import Adapter
from mergec.catalog.dtypes import Dtype
from mergec.catalog.folder import LateFile
from mergec.catalog.licence import Licence
from mergec.catalog.row_view import RowView
from mergec.frozen import frozen

TensorName = NewType("TensorName", str)
Sha256 = NewType("Sha256", str)


@frozen
class TensorEntry:
    """One tensor in a file: `start` is the absolute byte offset in the file named `file`.

    With a `view`, `shape` and `nbytes` are those of what is seen, and `rows` is how many rows the
    tensor has in the file.
    """

    name: TensorName
    dtype: Dtype
    shape: tuple[int, ...]
    file: str
    start: int
    nbytes: int
    view: RowView | None = None
    rows: int = 0

    def seen_by(self, view: RowView | None) -> "TensorEntry":
        """The same tensor, its first axis seen by `view`; itself without one."""
        if view is None:
            return self
        rows, shape = self.shape[0], (view.total, *self.shape[1:])
        nbytes = self.nbytes // rows * view.total if rows else 0
        return replace(self, shape=shape, nbytes=nbytes, view=view, rows=rows)

    @property
    def stored(self) -> "TensorEntry":
        """The tensor as the file has it."""
        if self.view is None:
            return self
        shape = (self.rows, *self.shape[1:])
        return replace(self, shape=shape, nbytes=self.row_bytes * self.rows, view=None, rows=0)

    @property
    def key(self) -> str:
        """What tells it from the other tensors of its source, and from other views of it."""
        return self.name if self.view is None else f"{self.name}\x1f{self.view.digest}"

    @property
    def row_bytes(self) -> int:
        """Bytes of one row, which is an entry of the first axis."""
        return self.nbytes // self.shape[0]

    @property
    def nbytes_read(self) -> int:
        """Bytes that are read of the file for all of it, once."""
        return self.nbytes if self.view is None else self.view.taken * self.row_bytes

    @property
    def numel(self) -> int:
        """Number of elements; 1 for a scalar."""
        return prod(self.shape)

    def describe(self) -> str:
        """The notation of plans and messages: `bf16[4096,4096]`."""
        return f"{self.dtype.word}[{','.join(map(str, self.shape))}]"


@frozen
class ShardFile:
    """One safetensors file: its basename, size in bytes, header digest and free metadata.

    `header_digest` is the SHA-256 of the raw header bytes, the length word included.
    """

    name: str
    size: int
    header_digest: Sha256
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


@frozen
class HubCommit:
    """A commit of a model on a hub."""

    repo: str
    commit: str


@frozen
class ObjectState:
    """One state of an object in a store: bytes, strong ETag if it has one, time of change."""

    size: int
    etag: str | None
    modified: str


@frozen
class StoredObjects:
    """The folder in a store that holds a checkpoint's weights, and the state of each file there."""

    location: str
    states: Mapping[str, ObjectState]


@frozen
class Checkpoint:
    """A checkpoint's headers and small files.

    `root` is the folder that holds the files; those of a model on a hub, `hub`, that hold weights
    may not be there before a run, and those of one in a store, `stored`, never are. `tensors` is in
    file order: by shard name, then by offset. `config` is the parsed config.json, or None where
    there is none. `small_files` are the basenames of further files that belong to a complete
    checkpoint (tokenizer, generation config, chat template, licence ...), sorted. `licence` is what
    the model card or config.json states. `other_files` are names in the folder that no child gets:
    code, pickles, folders and the like. An `adapter` is no model: its tensors are what it changes a
    model by. `late` are those of `small_files` that may not be in `root` yet (`small_file` brings
    them).
    """

    root: Path
    shards: tuple[ShardFile, ...]
    tensors: Mapping[TensorName, TensorEntry]
    config: Mapping[str, Any] | None
    small_files: tuple[str, ...]
    licence: Licence | None
    hub: HubCommit | None = None
    other_files: tuple[str, ...] = ()
    stored: StoredObjects | None = None
    adapter: Adapter | None = None
    late: Mapping[str, LateFile] = field(default_factory=dict[str, LateFile])
