"""Try a spec: its optimised plan on small random checkpoints, against two oracles."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import partial
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Literal

from mergec.backends import Backend
from mergec.catalog import Checkpoint, open_checkpoint
from mergec.diagnostics import MergecError
from mergec.elaborate import Elaborated
from mergec.execute import Origin, run_plan
from mergec.frozen import frozen
from mergec.ir import Graph
from mergec.plan import Plan, Row, fit_budget
from mergec.verify.evaluate import StoredTensor
from mergec.verify.exact.meaning import NotStatedError
from mergec.verify.exact_value import Exact, Noise
from mergec.verify.tensor_graphs import TensorGraph
from mergec.verify.trial.alone import alone
from mergec.verify.trial.compare import Difference, differs, differs_from_exact
from mergec.verify.trial.contents import KINDS, filled
from mergec.verify.trial.expected import Expectations, Refused, copied
from mergec.verify.trial.findings import Case, difference_found, refusal_found
from mergec.verify.trial.folder import Contents
from mergec.verify.trial.outline import Outline, Output, outline
from mergec.verify.trial.rationals import Rationals, stored_dtypes
from mergec.verify.trial.report import Compared, Report

Effort = Literal["fast", "ci", "thorough"]
_MEMORY = 4 << 30
_THREADS = 2
# How often tensors that the merge refuses are filled anew, with ordinary numbers.
_REFILLS = 3
# How many tensors that differ are told in full; the others are counted.
_SHOWN = 3

# What a tensor must be, why it cannot be, or None where one tensor alone does not tell.
_Wanted = StoredTensor | Refused | None


@frozen
class Size:
    """How much an effort tries: elements of a tensor, draws of each kind, tensors on rationals."""

    elements: int
    draws: int
    rational: int


SIZES: Mapping[Effort, Size] = {
    "fast": Size(48, 1, 32),
    "ci": Size(128, 2, 200),
    "thorough": Size(1024, 5, 1_000_000),
}


def try_plan(
    checked: Elaborated,
    sources: Mapping[str, Checkpoint],
    backends: Sequence[Backend],
    effort: Effort,
    report: Report,
    progress: Callable[[int], None] = lambda _: None,
    root: Path = Path(),
) -> None:
    """Compare what `backends` make of a spec with both oracles; findings go into `report`.

    `sources` are the spec's own, of which headers, configs and tokenizers are used and no weight.
    `progress` is called with 1 after every comparison of whole checkpoints. Paths start at `root`.
    """
    size = SIZES[effort]
    with TemporaryDirectory(prefix="mergec-test-") as scratch:
        spec = outline(checked, sources, Path(scratch), size.elements, size.rational, root)
        report.sources, report.tensors = len(sources), len(spec.rows)
        report.kinds = tuple(KINDS)
        trial = _Trial(spec, backends, report)
        for draw in range(size.draws):
            for kind in KINDS:
                trial.attempt(kind, report.seed + draw)
                progress(1)


@frozen
class _Trial:
    spec: Outline
    backends: Sequence[Backend]
    report: Report
    expectations: Expectations = field(default_factory=Expectations)

    def attempt(self, kind: str, seed: int) -> None:
        """Fill the checkpoints with one kind of numbers, merge them, and compare."""
        contents, wanted = self._filled(kind, seed)
        self.spec.folder.fill(contents)
        self._settle(wanted)
        for backend in self.backends:
            self._compare(backend, Case(self.report, self.spec.plan, kind, backend.name), wanted)
        case = Case(self.report, self.spec.plan, kind, "reference")
        rationals = Rationals(contents)
        for output in self.spec.rational:
            tensor = wanted[output]
            if isinstance(tensor, StoredTensor):
                self._compare_exactly(output, tensor, rationals, case)

    def _settle(self, wanted: dict[Output, _Wanted]) -> None:
        """What hangs on other tensors too is compared with each tensor computed by itself."""
        left = [output for output, tensor in wanted.items() if tensor is None]
        if not left:
            return
        note = "where statistics of the whole model count, runs are compared with single tensors"
        if all(output not in self.spec.graphs for output in left):
            note = "the factors of an adapter that is written are compared with single tensors"
        if note not in self.report.notes:
            self.report.notes.append(note)
        rows = [self.spec.rows[output] for output in left]
        budget = fit_budget(self.spec.plan, _MEMORY, 1, "reference")
        try:
            found: Sequence[_Wanted] = alone(self.spec.plan, rows, budget)
        except MergecError as error:
            found = [Refused(error.diagnostics[0].code)] * len(left)
        wanted.update(zip(left, found, strict=True))

    def _compare(self, backend: Backend, case: Case, wanted: dict[Output, _Wanted]) -> None:
        found = self._run(backend)
        if isinstance(found, MergecError):
            refused = {each.code for each in wanted.values() if isinstance(each, Refused)}
            if found.diagnostics[0].code not in refused:
                self.report.findings.append(refusal_found(case, found))
            return
        compared = self.report.compared.setdefault(backend.name, Compared())
        for output, tensor in found.items():
            expected = wanted[output]
            row = self.spec.rows[output]
            if not isinstance(expected, StoredTensor):
                assert expected is not None
                self.report.left_out[f"refused by one oracle with {expected.code}"] += 1
                continue
            difference = differs(tensor, expected, row.exactness, row.work, backend.name)
            self._count(compared, case, output, tensor, difference, "reference")

    def _compare_exactly(
        self, output: Output, tensor: StoredTensor, rationals: Rationals, case: Case
    ) -> None:
        each, row = self.spec.graphs[output], self.spec.rows[output]
        graph, note = self.expectations.stated(each.graph)
        if graph is None:
            self.report.left_out[f"with exact: {note}"] += 1
            return
        exact = rationals.of(graph, each)
        if isinstance(exact, NotStatedError):
            self.report.left_out[f"with exact: no exact meaning is stated of {exact}"] += 1
            return
        if note and note not in self.report.notes:
            self.report.notes.append(note)
        again = partial(_with_noise, rationals, graph, each)
        difference, turned = differs_from_exact(tensor, exact, stored_dtypes(each), row.work, again)
        compared = self.report.compared.setdefault("exact", Compared())
        compared.open += turned
        self._count(compared, case, output, tensor, difference, "exact")

    def _filled(
        self, kind: str, seed: int
    ) -> tuple[dict[str, dict[str, StoredTensor]], dict[Output, _Wanted]]:
        """Contents, and what they merge to; where that is nothing, ordinary numbers instead."""
        ordinary: set[tuple[str, str]] = set()
        contents = self._contents(kind, seed, ordinary)
        wanted = self._all_wanted(contents)
        for _ in range(_REFILLS):
            refused = {o: each for o, each in wanted.items() if isinstance(each, Refused)}
            for each in refused.values():
                self.report.refused[each.code] += 1
            read = {
                (label, str(entry.name))
                for output in refused
                for label, entry in self.spec.graphs[output].reads.values()
            }
            if read <= ordinary:
                break
            ordinary |= read
            contents = self._contents(kind, seed, ordinary)
            wanted = self._all_wanted(contents)
        return contents, wanted

    def _contents(
        self, kind: str, seed: int, ordinary: set[tuple[str, str]]
    ) -> dict[str, dict[str, StoredTensor]]:
        subnormals = all(backend.subnormals for backend in self.backends)
        return {
            label: {
                place.name: filled(
                    "normal" if (label, place.name) in ordinary else kind,
                    (seed, label, place.name),
                    place.dtype,
                    place.shape,
                    subnormals=subnormals,
                    statistic=self.spec.statistics.get((label, place.name), ""),
                )
                for place in layout.tensors
            }
            for label, layout in self.spec.folder.layouts.items()
        }

    def _all_wanted(self, contents: Contents) -> dict[Output, _Wanted]:
        return {
            output: self._wanted(output, row, contents) for output, row in self.spec.rows.items()
        }

    def _wanted(self, output: Output, row: Row, contents: Contents) -> _Wanted:
        if row.action == "copy":
            return copied(row, contents)
        if output not in self.spec.graphs:
            return None  # the factors of an adapter, which are a graph of no tensor
        return self.expectations.of(self.spec.graphs[output], row, contents)

    def _run(self, backend: Backend) -> dict[Output, StoredTensor] | MergecError:
        """All tensors that a run writes, by the way that `mergec run` goes; or why it refuses."""
        target = self.spec.folder.root / "out"
        origin = Origin("test.merge", "", backend.name, "cpu")
        budget = fit_budget(self.spec.plan, _MEMORY, _THREADS, "reference")
        try:
            run_plan(self.spec.plan, target, backend, budget, origin, left_out=("read_back",))
        except MergecError as error:
            return error
        found = dict(_written(self.spec.plan, target))
        rmtree(target)
        return found

    def _count(
        self,
        compared: Compared,
        case: Case,
        output: Output,
        tensor: StoredTensor,
        difference: Difference | None,
        against: str,
    ) -> None:
        compared.tensors += 1
        compared.elements += len(tensor.data) * 8 // tensor.dtype.bits
        if difference is not None:
            compared.differing += 1
            if compared.differing <= _SHOWN:
                row = self.spec.rows[output]
                found = difference_found(case, row, output, difference, against)
                self.report.findings.append(found)


def _with_noise(
    rationals: Rationals, graph: Graph, each: TensorGraph, noise: Noise
) -> Exact | None:
    """None where the noise leads to where nothing is stated."""
    moved = rationals.of(graph, each, noise)
    return moved if isinstance(moved, Exact) else None


def _written(plan: Plan, target: Path) -> Iterator[tuple[Output, StoredTensor]]:
    """The tensors of every checkpoint that a run wrote."""
    for export in plan.exports:
        folder = target / export.folder
        if not export.rows:
            continue
        checkpoint, _ = open_checkpoint(folder)
        for name, entry in checkpoint.tensors.items():
            with (folder / entry.file).open("rb") as file:
                file.seek(entry.start)
                data = file.read(entry.nbytes)
            yield (export.decl.name, str(name)), StoredTensor(entry.dtype, entry.shape, data)
