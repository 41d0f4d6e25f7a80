"""A spec evaluated on tensors in memory, by the same binding, sweeps and backends as a run.

This is what laws are phrased in: text and tensors in, tensors out, without a file. A spec is
compiled once however many tensors it is tried on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import final

from mergec.backends import Backend
from mergec.catalog import Checkpoint, Dtype, TensorEntry, TensorName
from mergec.catalog.adapter import Adapter, Factors
from mergec.catalog.describe import describe
from mergec.diagnostics import Diagnostic, MergecError, SourceText
from mergec.elaborate import Bundle, Elaborated
from mergec.execute.barriers import in_turn, settle
from mergec.execute.sweep import Emit, Observer, Settled, sweep_step
from mergec.frozen import frozen
from mergec.ops.tree_sum import LEAF
from mergec.plan import Program, Row, check_bundle, check_text, schedule
from mergec.plan.barriers import needed
from mergec.plan.bind import Bound, bind
from mergec.plan.steps import Output, Step, row_step
from mergec.plan.svd_export import reduced_model
from mergec.resolve import KeySets


@frozen
class StoredTensor:
    """A tensor as it lies in a file: `data` are little-endian elements of `dtype`, row-major."""

    dtype: Dtype
    shape: tuple[int, ...]
    data: bytes


Tensors = Mapping[str, StoredTensor]


def evaluate(
    text: str,
    sources: Mapping[str, Tensors],
    backend: Backend,
    *,
    block: int = LEAF,
    scales: Mapping[str, Fraction] = MappingProxyType({}),
) -> dict[str, StoredTensor]:
    """The tensors that the spec `text` exports first, given those of each source by its label.

    `block` is a multiple of 2^16 elements. Sources with a scale are adapters, of which `A` and `B`
    are the factors for `w`. A delta of models is its tensors, also where a run writes an adapter.
    MergecError with what a run would report.
    """
    bound = _bound(text, sources, tuple(scales.items()))
    memory = _Memory(sources, backend, block)
    settled = settle(needed(bound.barriers, _programs(bound.rows[0])), in_turn, memory.observe)
    return {row.tensor: memory.compute(row, settled) for row in bound.rows[0]}


def bound_rows(text: str, sources: Mapping[str, Tensors]) -> tuple[Row, ...]:
    """What is computed for each tensor that the spec `text` exports first."""
    return _bound(text, sources).rows[0]


def evaluate_bundle(
    bundle: Bundle, sources: Mapping[str, Tensors], backend: Backend, *, block: int = LEAF
) -> dict[str, dict[str, StoredTensor]]:
    """The tensors of every export of a spec by its name; each is computed by itself."""
    checked = check_bundle(bundle)
    bound = _bind(checked, [(label, _headers(tensors)) for label, tensors in sources.items()])
    memory = _Memory(sources, backend, block)
    settled = settle(bound.barriers, in_turn, memory.observe)
    return {
        export.name: {row.tensor: memory.compute(row, settled) for row in rows}
        for export, rows in zip(checked.exports, bound.rows, strict=True)
    }


def exports_a_delta(text: str) -> bool:
    """Whether `result`, which the spec `text` binds, is a delta."""
    try:
        _check(f"{text}export result\n")
    except MergecError as error:
        errors = [found.code for found in error.diagnostics if found.severity == "error"]
        if errors != ["E308"]:
            raise
        return True
    return False


_Headers = tuple[TensorEntry, ...]
_Scales = tuple[tuple[str, Fraction], ...]


def _headers(tensors: Tensors) -> _Headers:
    """Of tensors that lie nowhere."""
    return tuple(
        TensorEntry(TensorName(name), tensor.dtype, tensor.shape, "", 0, len(tensor.data))
        for name, tensor in tensors.items()
    )


def _bound(text: str, sources: Mapping[str, Tensors], scales: _Scales = ()) -> Bound:
    headers = tuple((label, _headers(each)) for label, each in sources.items())
    return _bind_text(text, headers, scales)


@lru_cache(maxsize=4096)
def _bind_text(text: str, headers: tuple[tuple[str, _Headers], ...], scales: _Scales) -> Bound:
    """What is to be computed; made once for all values that such tensors may have."""
    checked = _check(text)
    exports = tuple(
        it if reduced_model(checked, it) is None else replace(it, is_adapter=False)
        for it in checked.exports
    )
    return _bind(replace(checked, exports=exports), headers, scales)


def _programs(rows: Sequence[Row]) -> list[Program]:
    return [row.program for row in rows]


def _bind(
    checked: Elaborated, headers: Sequence[tuple[str, _Headers]], scales: _Scales = ()
) -> Bound:
    adapters = {
        label: Adapter({"w": Factors("A", "B", scale, turned=False)}, None)
        for label, scale in scales
    }
    checkpoints = {
        label: Checkpoint(
            Path(), (), {entry.name: entry for entry in entries}, None, (), None,
            adapter=adapters.get(label),
        )
        for label, entries in headers
    }  # fmt: skip
    architectures = {k: describe([*c.tensors], c.config) for k, c in checkpoints.items()}
    found: list[Diagnostic] = []
    keys = KeySets(checked, checkpoints, architectures)
    bound = bind(checked, checkpoints, architectures, keys, found.append)
    if bound is None or any(diagnostic.severity == "error" for diagnostic in found):
        raise MergecError(found)
    return bound


@lru_cache(maxsize=4096)
def _check(text: str) -> Elaborated:
    return check_text(SourceText("law.merge", text))


@frozen
class _Memory:
    """Computes on tensors in memory, each row by itself."""

    sources: Mapping[str, Tensors]
    backend: Backend
    block: int

    def compute(self, row: Row, settled: Settled) -> StoredTensor:
        """One tensor of an export."""
        if row.action == "copy":
            data = self.sources[row.labels[0]][row.entries[0].name].data
            return StoredTensor(row.dtype, row.shape, data)
        result = bytearray(prod(row.shape) * row.dtype.bits // 8)

        def emit(_output: Output, offset: int, data: memoryview) -> None:
            result[offset : offset + data.nbytes] = data

        self._sweep(row_step(row), emit, (), settled)
        return StoredTensor(row.dtype, row.shape, bytes(result))

    def observe(self, step: Step, settled: Settled, observers: Sequence[Observer]) -> None:
        """One step of a barrier, which emits nothing."""
        self._sweep(step, lambda _output, _offset, _data: None, observers, settled)

    def _sweep(
        self, step: Step, emit: Emit, observers: Sequence[Observer], settled: Settled
    ) -> None:
        inputs = [
            _HeldInput(entry, self.sources[label][entry.name].data)
            for label, entry in zip(step.program.inputs, step.entries, strict=True)
        ]
        plan = schedule(step.program, step.work, step.meetings)
        sweep_step(
            step, plan, self.backend, inputs, self.block, emit, lambda: None, observers, settled
        )


@final
class _HeldInput:
    """The bytes of one tensor, as the sweeps ask for them."""

    def __init__(self, entry: TensorEntry, data: bytes) -> None:
        self.entry = entry
        self.data = memoryview(data)

    def block(self, start: int, count: int) -> memoryview:
        width = self.entry.dtype.bits // 8
        return self.data[start * width : (start + count) * width]
