"""The plan as data: what is read, what is computed for each tensor, what is written where."""

from collections.abc import Mapping
from dataclasses import field
from math import prod
from typing import Literal

from mergec.catalog import Checkpoint, Dtype, Sha256, TensorEntry
from mergec.catalog.adapter import CONFIG
from mergec.catalog.architecture import Architecture
from mergec.diagnostics import Label, Span
from mergec.elaborate import Contract, ExportDecl, SourceDecl
from mergec.frozen import frozen
from mergec.ir import Fact, Graph, NodeKey, Value
from mergec.ops import STAGES, GlobalStage
from mergec.plan.layout import ShardLayout
from mergec.plan.nonfinite import REFUSE, NumericPolicy
from mergec.plan.program import BarrierKey, Exactness, Program
from mergec.resolve import ResolvedSetting
from mergec.resolve.child_vocabulary import RowCounts

Action = Literal["merge", "cast", "copy"]


@frozen
class SmallFile:
    """A file copied as it is from the source labelled `source`: basename, bytes and digest.

    `renamed` is what it is called beside the child, where that is not its `name`.
    """

    source: str
    name: str
    size: int
    digest: Sha256
    renamed: str = ""

    @property
    def target(self) -> str:
        """Its name beside the child."""
        return self.renamed or self.name


@frozen
class MadeFile:
    """A small file that the plan itself holds: basename and bytes."""

    name: str
    data: bytes


@frozen
class PlannedVocabulary:
    """The vocabulary that an export was given, for reviewers.

    `said` is the setting as written; `counts` says of each parent where its rows come from.
    """

    said: str
    tokens: int
    rows: int
    counts: Mapping[str, RowCounts]


@frozen
class PlanSource:
    """A source with the checkpoint found for it.

    `architecture` says which roles and layers its tensors have. `rule` says how its tensor names
    were matched to the output's, None for as they are. `unused` counts its tensors that no output
    needs.
    """

    decl: SourceDecl
    checkpoint: Checkpoint
    architecture: Architecture
    rule: str | None
    unused: int


@frozen
class Place:
    """Where the spec names what a row is about: each of its sources, and what is exported."""

    sources: Mapping[str, Span]
    result: Span


@frozen
class FactorOf:
    """The tensor that a factor is of, and the shape of the one block that it is computed over."""

    tensor: str
    shape: tuple[int, ...]


@frozen
class Row:
    """What happens to one output tensor.

    `program` has one result; `labels` and `entries` are the tensors read, one for each of its
    inputs. `equal` are tensors of other sources that must hold the same bytes as a copied buffer;
    the run checks it. `origins` says for which tensor name masks are drawn, by the key of a source
    node, and which tensor of its value a global stage is applied to, by its `member`, where that is
    not `tensor`. `work` is the dtype blocks are computed in. `sweeps` is 1 for
    a copy. `of` says what the program runs over where that is not the tensor written, but one of
    which it is a factor. `place` is for messages alone.
    """

    tensor: str
    shape: tuple[int, ...]
    dtype: Dtype
    action: Action
    program: Program
    labels: tuple[str, ...]
    entries: tuple[TensorEntry, ...]
    equal: tuple[tuple[str, TensorEntry], ...]
    origins: tuple[tuple[NodeKey, str], ...]
    work: Dtype
    exactness: Exactness
    sweeps: int
    place: Place | None = field(default=None, compare=False, repr=False)
    of: FactorOf | None = None

    @property
    def over(self) -> tuple[int, ...]:
        """The shape that the program runs over."""
        return self.shape if self.of is None else self.of.shape

    @property
    def site(self) -> str:
        """The tensor that it is about: for which masks are drawn, and figures are told."""
        return self.tensor if self.of is None else self.of.tensor

    @property
    def nbytes_read(self) -> int:
        """Bytes of all tensors read for this row, each once."""
        return sum(e.nbytes for e in self.entries) + sum(e.nbytes for _, e in self.equal)

    @property
    def nbytes(self) -> int:
        """Bytes written."""
        return prod(self.shape) * self.dtype.bits // 8


@frozen
class Reading:
    """One tensor's part in a measure or a barrier: the results of `program` are its operands.

    `measure` is an index into `Plan.measures`, or the number of the reading in its barrier; `own`
    are the parameters of the barrier's stage that are this tensor's alone. The other fields are as
    in a row.
    """

    measure: int
    tensor: str
    program: Program
    labels: tuple[str, ...]
    entries: tuple[TensorEntry, ...]
    origins: tuple[tuple[NodeKey, str], ...]
    work: Dtype
    shape: tuple[int, ...]
    place: Place | None = field(default=None, compare=False, repr=False)
    own: tuple[tuple[str, Value], ...] = ()

    @property
    def over(self) -> tuple[int, ...]:
        """The shape that the program runs over."""
        return self.shape

    @property
    def site(self) -> str:
        """The tensor that it is about."""
        return self.tensor


@frozen
class Barrier:
    """Statistics over all tensors of a value, which must be there before a stage can be computed.

    `node` is the operator as written, `part` the number of the global `stage` among those that it
    lowers to, `params` the exact ones of that stage. `readings` stand in canonical order, one for
    each floating-point tensor of the value, whether or not it is exported.
    """

    node: NodeKey
    part: int
    stage: str
    revision: int
    params: tuple[tuple[str, Value], ...]
    readings: tuple[Reading, ...]

    @property
    def key(self) -> BarrierKey:
        """What stage calls know it by."""
        return self.node, self.part

    @property
    def needs(self) -> frozenset[BarrierKey]:
        """The barriers that must come before it."""
        programs = {reading.program.key: reading.program for reading in self.readings}
        return frozenset(key for program in programs.values() for key in program.barriers)

    @property
    def passes(self) -> int:
        """How often all tensors are streamed, as a rule."""
        return self.definition().passes(dict(self.params))

    def params_of(self, reading: Reading) -> Mapping[str, Value]:
        """The parameters of one of its tensors."""
        return {**dict(self.params), **dict(reading.own)}

    @property
    def held(self) -> int:
        """Bytes of tensors that are held whole while it is passed, 0 as a rule."""
        each = [(self.params_of(reading), reading.shape) for reading in self.readings]
        return self.definition().held_bytes(each)

    def definition(self) -> GlobalStage:
        """The stage's code."""
        stage = STAGES[self.stage]
        assert isinstance(stage, GlobalStage)
        return stage


@frozen
class PlannedExport:
    """One checkpoint that the run writes.

    `folder` is empty for the only export of a spec, else the name of its folder in the output.
    `donor` labels the source whose names, dtypes and config it has. `config` are the bytes of the
    new config.json, `files` the small files that are copied, `made` those that were made for it.
    `vocabulary` is what its tokenizer setting came to. `dropped` names tensors whose changes an
    adapter leaves out.
    """

    decl: ExportDecl
    folder: str
    donor: str
    rows: tuple[Row, ...]
    layouts: tuple[ShardLayout, ...]
    config: bytes | None
    files: tuple[SmallFile, ...]
    made: tuple[MadeFile, ...] = ()
    vocabulary: PlannedVocabulary | None = None
    dropped: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """What it is: `model`, `delta` or `adapter`."""
        if self.decl.is_adapter:
            return "adapter"
        return "delta" if self.decl.delta else "model"

    @property
    def config_name(self) -> str:
        """The file that `config` is written to."""
        return CONFIG if self.decl.is_adapter else "config.json"

    @property
    def bytes_written(self) -> int:
        """Bytes of the weight files."""
        return sum(layout.size for layout in self.layouts)


@frozen
class Kin:
    """Two models that are merged: the run refuses them if `pairs` of their tensors are unrelated.

    `labels` are those of their sources; `span` and `marks` say where the spec names them.
    """

    labels: tuple[str, str]
    pairs: tuple[tuple[TensorEntry, TensorEntry], ...]
    span: Span | None
    marks: tuple[Label, ...]


@frozen
class TiedCopy:
    """A stored head of the source `label` that must have the bytes of its embedding."""

    label: str
    head: TensorEntry
    table: TensorEntry


@frozen
class Plan:
    """Everything a run does, in order.

    `parameters` are the values of the spec's parameters, as text. `written` is the graph as the
    spec says it, `names` what the spec calls its nodes. `contracts` are those that need statistics
    of the run, `measures` these statistics and `readings` what they are collected from.
    `settings` are the numbers that differ from tensor to tensor, for reviewers; the programs of the
    rows say the same. `barriers` come before all else, each after those that it needs. `kin` and
    `copies` are what the run looks at before it merges anything. `policy` says what becomes of NaN
    and infinities in the sources.
    """

    edition: int
    parameters: Mapping[str, str]
    sources: tuple[PlanSource, ...]
    names: Mapping[NodeKey, str]
    written: Graph
    exports: tuple[PlannedExport, ...]
    contracts: tuple[Contract, ...]
    measures: tuple[Fact, ...]
    readings: tuple[Reading, ...]
    settings: tuple[ResolvedSetting, ...]
    barriers: tuple[Barrier, ...] = ()
    kin: tuple[Kin, ...] = ()
    copies: tuple[TiedCopy, ...] = ()
    policy: NumericPolicy = REFUSE

    @property
    def rows(self) -> tuple[Row, ...]:
        """The output tensors of all exports, in order."""
        return tuple(row for export in self.exports for row in export.rows)

    @property
    def checkpoints(self) -> Mapping[str, Checkpoint]:
        """The checkpoint of each source, by label."""
        return {source.decl.label: source.checkpoint for source in self.sources}

    @property
    def bytes_read(self) -> int:
        """Bytes of tensors read from the sources, each tensor once."""
        read = {
            (label, entry.key): entry.nbytes_read
            for item in self._items
            for label, entry in zip(item.labels, item.entries, strict=True)
        }
        equal = {(label, e.key): e.nbytes for row in self.rows for label, e in row.equal}
        return sum((equal | read).values())

    @property
    def files_read(self) -> Mapping[str, tuple[str, ...]]:
        """The files of weights that are read of each source, by label; sorted."""
        found: dict[str, set[str]] = {label: set() for label in self.checkpoints}
        for item in self._items:
            for label, entry in zip(item.labels, item.entries, strict=True):
                found[label].add(entry.file)
        for row in self.rows:
            for label, entry in row.equal:
                found[label].add(entry.file)
        for copy in self.copies:
            found[copy.label] |= {copy.head.file, copy.table.file}
        return {label: tuple(sorted(names)) for label, names in found.items()}

    @property
    def _items(self) -> tuple[Row | Reading, ...]:
        statistics = (reading for barrier in self.barriers for reading in barrier.readings)
        return (*self.rows, *self.readings, *statistics)

    @property
    def bytes_written(self) -> int:
        """Bytes of the weight files."""
        return sum(export.bytes_written for export in self.exports)
