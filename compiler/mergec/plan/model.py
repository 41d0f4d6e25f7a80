"""The plan as data: what is read, what is computed for each tensor, what is written where."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mergec.catalog import Checkpoint, Dtype, Sha256, TensorEntry
from mergec.diagnostics import Span
from mergec.elaborate import ExportDecl, SourceDecl
from mergec.ir import Graph, NodeKey
from mergec.plan.layout import ShardLayout
from mergec.plan.program import Exactness, Program

Action = Literal["merge", "cast", "copy"]


@dataclass(frozen=True, slots=True)
class SmallFile:
    """A file copied as it is from the donor: its basename, size in bytes and digest."""

    name: str
    size: int
    digest: Sha256


@dataclass(frozen=True, slots=True)
class PlanSource:
    """A source with the checkpoint found for it.

    `rule` says how its tensor names were matched to the output's, None for as they are. `unused`
    counts its tensors that the output does not need.
    """

    decl: SourceDecl
    checkpoint: Checkpoint
    rule: str | None
    unused: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where the spec names what a row is about: each of its sources, and what is exported."""

    sources: Mapping[str, Span]
    result: Span


@dataclass(frozen=True, slots=True)
class Row:
    """What happens to one output tensor.

    `entries` are the tensors read, one for each input of the program (one for a copy). `equal`
    are tensors of other sources that must hold the same bytes as a copied buffer; the run checks
    it. `work` is the dtype blocks are computed in. `sweeps` is 1 for a copy. `place` is for
    messages alone.
    """

    tensor: str
    shape: tuple[int, ...]
    dtype: Dtype
    action: Action
    labels: tuple[str, ...]
    entries: tuple[TensorEntry, ...]
    equal: tuple[tuple[str, TensorEntry], ...]
    work: Dtype
    exactness: Exactness
    sweeps: int
    place: Place | None = field(default=None, compare=False, repr=False)

    @property
    def nbytes_read(self) -> int:
        """Bytes of all tensors read for this row, each once."""
        return sum(e.nbytes for e in self.entries) + sum(e.nbytes for _, e in self.equal)

    @property
    def nbytes(self) -> int:
        """Bytes written."""
        numel = self.entries[0].numel
        return numel * self.dtype.bits // 8


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a run does, in order.

    `written` is the graph as the spec says it, `names` what the spec calls its nodes, `normal` the
    normal form. `program` computes every merged row. `config` are the bytes of the new config.json,
    `files` the small files that are copied from the donor.
    """

    edition: int
    export: ExportDecl
    sources: tuple[PlanSource, ...]
    names: Mapping[NodeKey, str]
    written: Graph
    normal: Graph
    program: Program
    rows: tuple[Row, ...]
    layouts: tuple[ShardLayout, ...]
    donor: str
    config: bytes | None
    files: tuple[SmallFile, ...]

    @property
    def checkpoints(self) -> Mapping[str, Checkpoint]:
        """The checkpoint of each source, by label."""
        return {source.decl.label: source.checkpoint for source in self.sources}

    @property
    def bytes_read(self) -> int:
        """Bytes of tensors read from the sources, each tensor once."""
        return sum(row.nbytes_read for row in self.rows)

    @property
    def bytes_written(self) -> int:
        """Bytes of the weight files."""
        return sum(layout.size for layout in self.layouts)
