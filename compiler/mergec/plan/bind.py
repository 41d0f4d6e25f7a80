"""Bind the graph to checkpoint headers: one row for each output tensor, or all mistakes."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mergec.catalog import Checkpoint, TensorEntry
from mergec.catalog.architecture import Architecture
from mergec.diagnostics import Diagnostic
from mergec.elaborate import Elaborated, ExportDecl
from mergec.elaborate.facts import FACTS
from mergec.elaborate.parameters import Report
from mergec.frozen import frozen
from mergec.ir import Fact, NodeKey, facts
from mergec.plan.adapter_export import adapter_rows
from mergec.plan.barriers import needed
from mergec.plan.bind_barriers import BarrierStages, bind_barriers, differing_setting
from mergec.plan.bind_programs import BoundPrograms, Watch
from mergec.plan.bind_readings import (
    Asked,
    ReadingBinder,
    as_row,
    beside_rows,
    origins_of,
    work_dtype,
)
from mergec.plan.check_rows import Expected, check_rows
from mergec.plan.find_tensors import FoundTensors, find_tensors
from mergec.plan.model import Barrier, FactorOf, Place, PlanSource, Reading, Row
from mergec.plan.naming import Naming, naming_of, two_namings
from mergec.plan.program import recoding
from mergec.plan.svd_export import FACTOR_DTYPE, Factor, SvdExports, reduced_model
from mergec.resolve import Findings, KeySets, Leaf, ResolvedTensor, Resolver
from mergec.resolve.left_out import warn_of_left_out
from mergec.resolve.usage import ResolvedSetting

# Integer tensors that count or index and carry no skill: taken from the donor without a check.
_BOOKKEEPING = ("position_ids", "num_batches_tracked", "token_type_ids", "mask", "masked_bias")


Judge = Callable[[ExportDecl, Sequence[Row]], frozenset[str]]
"""Names those of an export's rows that do not belong together, which it has reported."""


@frozen
class Bound:
    """What the headers add to the graph: rows in the order of `Elaborated.exports`.

    `dropped` names what an exported adapter leaves out, by the node that is exported.
    """

    sources: tuple[PlanSource, ...]
    rows: tuple[tuple[Row, ...], ...]
    measures: tuple[Fact, ...]
    readings: tuple[Reading, ...]
    settings: tuple[ResolvedSetting, ...]
    barriers: tuple[Barrier, ...]
    dropped: Mapping[NodeKey, tuple[str, ...]]


def bind(
    elaborated: Elaborated,
    checkpoints: Mapping[str, Checkpoint],
    architectures: Mapping[str, Architecture],
    keys: KeySets,
    report: Report,
    watch: Watch | None = None,
    judge: Judge | None = None,
) -> Bound | None:
    """The rows in the donors' file order; None after reporting errors of single tensors.

    Reports what `Resolver` finds, E401 (missing tensors), E404 (ambiguous prefix), what
    `check_rows` finds, and W202, W203 and W402. The result is of use only if no error was reported.
    """
    return _Binder(elaborated, checkpoints, architectures, keys, report, watch, judge).bind()


@frozen
class _Wanted:
    """An output tensor: what it takes its shape from, and what it comes to.

    `origin` is the tensor that it takes its dtype from; `resolved` is None for bookkeeping.
    `factor` says which factor of a tensor it is, if it is one.
    """

    name: str
    shape_of: Leaf
    origin: Leaf
    resolved: ResolvedTensor | None
    factor: Factor | None = None


@dataclass(slots=True)
class _Binder:
    elaborated: Elaborated
    checkpoints: Mapping[str, Checkpoint]
    architectures: Mapping[str, Architecture]
    keys: KeySets
    report: Report
    watch: Watch | None = None
    judge: Judge | None = None
    findings: Findings = field(default_factory=Findings)
    resolver: Resolver = field(init=False)
    svds: SvdExports = field(init=False)
    programs: BoundPrograms = field(init=False)
    fits: bool = True

    def __post_init__(self) -> None:
        self.resolver = Resolver(self.elaborated, self.keys, self.findings)
        self.programs = BoundPrograms(self.resolver, self.elaborated.without, self.watch)
        self.svds = SvdExports(self.resolver, self.checkpoints, self.architectures)

    def bind(self) -> Bound | None:
        wanted = [self._wanted(export) for export in self.elaborated.exports]
        measures = self._measures()
        asked = [self._asked(fact.operands) for fact in measures]
        settings = self.resolver.usage.settings()
        global_ = self._asked_by_barriers()
        self.findings.report(self.report)
        if self.findings.first:
            return None
        self.resolver.usage.warn(self.elaborated.places.arms, self.report)
        warn_of_left_out(self.elaborated, self.keys, self.report)
        found = find_tensors(
            self.elaborated,
            self.checkpoints,
            self._demands(wanted, [*asked, *global_.values()]),
            self.report,
        )
        rows = tuple(
            tuple(self._rows(export, tensors, found))
            for export, tensors in zip(self.elaborated.exports, wanted, strict=True)
        )
        readings = beside_rows(
            [
                reading
                for number, tensors in enumerate(asked)
                for reading in self._readings(number, tensors, found)
            ],
            [row for each in rows for row in each],
        )
        if self.fits:  # else the same would be said twice
            self._check_readings(readings, asked)
        items: list[Row | Reading] = [*(row for each in rows for row in each), *readings]
        barriers = self._barriers(global_, found, items)
        items += (reading for barrier in barriers for reading in barrier.readings)
        confused = two_namings(self.elaborated, barriers, items)
        if confused is not None:
            self.report(confused)
        sources = self._sources(found, items)
        return Bound(sources, rows, measures, readings, settings, barriers, self.svds.dropped)

    def _wanted(self, export: ExportDecl) -> list[_Wanted]:
        found: list[_Wanted] = []
        if export.is_adapter:
            factors = self.svds.factors(export)
            return [_Wanted(it.name, it.leaf, it.leaf, it.resolved, it) for it in factors]
        for name, leaf in self.keys.of(export.node).origins.items():
            if _is_bookkeeping(self.keys.entry(leaf)):
                found.append(_Wanted(name, leaf, leaf, None))
                continue
            resolved = self.resolver.tensor((export.node,), name)
            if resolved is not None:
                origin = self.resolver.origin(export.node, name)
                found.append(_Wanted(name, leaf, origin, resolved))
        return found

    def _measures(self) -> tuple[Fact, ...]:
        named = [fact for c in self.elaborated.contracts for fact in facts(c.condition)]
        return tuple(dict.fromkeys(fact for fact in named if FACTS[fact.kind].statistic))

    def _asked(self, operands: tuple[NodeKey, ...], naming: Naming | None = None) -> list[Asked]:
        """The tensors that a statistic is taken of: those of its first operand, integers aside."""
        found: list[Asked] = []
        for own, leaf in self.keys.of(operands[0]).origins.items():
            if not self.keys.entry(leaf).dtype.is_integer:
                name = naming.of(own) if naming else own
                resolved = self.resolver.tensor(operands, name)
                if resolved is not None:
                    donor = naming.donor if naming else leaf.label
                    found.append(Asked(name, leaf, resolved, donor))
        return found

    def _asked_by_barriers(self) -> dict[NodeKey, list[Asked]]:
        """All tensors of each global operator, those included that are met on the way."""
        found: dict[NodeKey, list[Asked]] = {}
        while fresh := [key for key in self.resolver.barriers if key not in found]:
            for key in fresh:
                asked = self.resolver.barriers[key]
                naming = naming_of(self.elaborated, self.keys, key, asked)
                found[key] = self._asked((key,), naming)
        return found

    def _demands(
        self,
        wanted: Sequence[Sequence[_Wanted]],
        asked: Sequence[Sequence[Asked]],
    ) -> list[tuple[Leaf, str]]:
        """Every tensor asked of a source, with the label of the source whose names are used."""
        demands: list[tuple[Leaf, str]] = []
        for export, tensors in zip(self.elaborated.exports, wanted, strict=True):
            for each in tensors:
                if each.resolved is not None:
                    leaves = each.resolved.leaves.values()
                    demands += [(leaf, export.donor) for leaf in leaves]
        for tensors_asked in asked:
            for one in tensors_asked:
                demands += [(leaf, one.donor) for leaf in one.resolved.leaves.values()]
        return demands

    def _rows(
        self, export: ExportDecl, wanted: Sequence[_Wanted], found: FoundTensors
    ) -> list[Row]:
        place = self._place(export.node)
        if export.is_adapter and reduced_model(self.elaborated, export) is None:
            return adapter_rows(self.elaborated, export, self.checkpoints, place)
        rows: list[Row] = []
        expected: list[Expected] = []
        for each in wanted:
            row = self._row(export, each, found, place)
            if row is not None:
                rows.append(row)
                expected.append(Expected(each.shape_of.label, self.keys.entry(each.shape_of)))
        wrong = self.judge(export, rows) if self.judge is not None else frozenset[str]()
        self.fits = self.fits and not wrong
        pairs = [pair for pair in zip(rows, expected, strict=True) if pair[0].tensor not in wrong]
        self._check([row for row, _ in pairs], [wanted for _, wanted in pairs])
        return rows

    def _check(self, rows: Sequence[Row], expected: Sequence[Expected]) -> None:
        found: list[Diagnostic] = []
        check_rows(rows, expected, self.elaborated.sources, found.append)
        self.fits = self.fits and not found
        for each in found:
            self.report(each)

    def _check_readings(
        self, readings: Sequence[Reading], asked: Sequence[Sequence[Asked]]
    ) -> None:
        """What contracts read must fit as what is written does."""
        leaves = [{one.name: one.leaf for one in tensors} for tensors in asked]
        named = [leaves[each.measure][each.tensor] for each in readings]
        expected = [Expected(leaf.label, self.keys.entry(leaf)) for leaf in named]
        pairs = zip(readings, expected, strict=True)
        self._check([as_row(each, wanted.entry.dtype) for each, wanted in pairs], expected)

    def _place(self, node: NodeKey) -> Place:
        spans = {decl.label: decl.span for decl in self.elaborated.sources}
        export = next((e for e in self.elaborated.exports if e.node == node), None)
        result = export.span if export is not None else self.elaborated.places.nodes[node]
        return Place(spans, result)

    def _row(
        self, export: ExportDecl, wanted: _Wanted, found: FoundTensors, place: Place
    ) -> Row | None:
        """The row of one tensor; None where a source lacks it (reported)."""
        shape_of = self.keys.entry(wanted.shape_of)
        if wanted.resolved is None:
            return _copied(wanted.name, wanted.shape_of.label, shape_of, shape_of, (), place)
        leaves = wanted.resolved.leaves.values()
        if not all(leaf in found for leaf in leaves):
            return None
        origin = found[wanted.origin]
        if origin.dtype.is_integer:
            others = [leaf for leaf in dict.fromkeys(leaves) if leaf != wanted.origin]
            equal = tuple((leaf.label, found[leaf]) for leaf in others)
            return _copied(wanted.name, wanted.origin.label, shape_of, origin, equal, place)
        program, sources = self.programs.of(wanted.name, wanted.resolved.roots)
        inputs = [wanted.resolved.leaves[key] for key in sources]
        entries = tuple(found[leaf] for leaf in inputs)
        factor = wanted.factor
        of = FactorOf(factor.of, shape_of.shape) if factor is not None else None
        dtype = export.dtype or (FACTOR_DTYPE if factor is not None else origin.dtype)
        if not program.calls and entries[0].dtype == dtype:
            return _copied(wanted.name, inputs[0].label, shape_of, entries[0], (), place)
        dtypes = tuple(entry.dtype for entry in entries)
        work = work_dtype(program, (*dtypes, dtype))
        exactness, sweeps = self.programs.costs(program, dtypes, work)
        return Row(
            wanted.name,
            factor.shape if factor is not None else shape_of.shape,
            dtype,
            "merge" if program.calls else "cast",
            program,
            program.inputs,
            entries,
            (),
            origins_of(program, wanted.resolved),
            work,
            exactness,
            sweeps,
            place,
            of,
        )

    def _readings(self, measure: int, asked: Sequence[Asked], found: FoundTensors) -> list[Reading]:
        place = self._place(self._measures()[measure].operands[0]) if asked else None
        reader = ReadingBinder(self.keys, found, place)
        return [
            reader.reading(measure, one, *self.programs.of(one.name, one.resolved.roots))
            for one in asked
            if reader.has(one)
        ]

    def _barriers(
        self,
        asked: Mapping[NodeKey, Sequence[Asked]],
        found: FoundTensors,
        items: Sequence[Row | Reading],
    ) -> tuple[Barrier, ...]:
        """The statistics over all tensors that `items` need; what these read must fit too."""
        stages = BarrierStages(self.resolver, self.elaborated.without)
        every: list[Barrier] = []
        for node, tensors in asked.items():
            differing = differing_setting(self.elaborated, stages, node, tensors)
            if differing is not None:
                self.report(differing)
            else:
                reader = ReadingBinder(self.keys, found, self._place(node))
                every += bind_barriers(stages, node, tensors, reader)
        barriers = needed(every, {item.program.key: item.program for item in items}.values())
        seen = {(label, e) for i in items for label, e in zip(i.labels, i.entries, strict=True)}
        for barrier in barriers:
            rows, expected = self._unseen(barrier, asked[barrier.node], seen)
            check_rows(rows, expected, self.elaborated.sources, self.report)
        return barriers

    def _unseen(
        self, barrier: Barrier, asked: Sequence[Asked], seen: set[tuple[str, TensorEntry]]
    ) -> tuple[list[Row], list[Expected]]:
        """As rows, the readings of tensors that were not seen yet, which then are."""
        leaves = {one.name: one.leaf for one in asked}
        rows: list[Row] = []
        expected: list[Expected] = []
        for each in barrier.readings:
            pairs = [*zip(each.labels, each.entries, strict=True)]
            if not seen.issuperset(pairs):
                seen.update(pairs)
                leaf = leaves[each.tensor]
                expected.append(Expected(leaf.label, self.keys.entry(leaf)))
                rows.append(as_row(each, self.keys.entry(leaf).dtype))
        return rows, expected

    def _sources(
        self, found: FoundTensors, items: Sequence[Row | Reading]
    ) -> tuple[PlanSource, ...]:
        used: set[tuple[str, str]] = set()
        for item in items:
            used |= {(lbl, e.name) for lbl, e in zip(item.labels, item.entries, strict=True)}
            if isinstance(item, Row):
                used |= {(label, entry.name) for label, entry in item.equal}
        count = Counter(label for label, _ in used)
        return tuple(
            PlanSource(
                decl,
                self.checkpoints[decl.label],
                self.architectures[decl.label],
                found.rules.get(decl.label),
                len(self.checkpoints[decl.label].tensors) - count[decl.label],
            )
            for decl in self.elaborated.sources
        )


def _copied(
    tensor: str,
    label: str,
    shape_of: TensorEntry,
    entry: TensorEntry,
    equal: tuple[tuple[str, TensorEntry], ...],
    place: Place,
) -> Row:
    """The row of an output tensor that takes its bytes from `label`'s `entry`."""
    program, dtype = recoding(label), entry.dtype
    return Row(
        tensor, shape_of.shape, dtype, "copy", program, (label,), (entry,), equal, (), dtype, "P",
        1, place,
    )  # fmt: skip


def _is_bookkeeping(tensor: TensorEntry) -> bool:
    return tensor.dtype.is_integer and tensor.name.rsplit(".", 1)[-1] in _BOOKKEEPING
