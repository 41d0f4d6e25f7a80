"""A spec evaluated on tensors in memory, by the same binding, sweeps and backends as a run.

This is what laws are phrased in: text and tensors in, tensors out, without a file. A spec is
compiled once however many tensors it is tried on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import final

from mergec.backends import Backend
from mergec.catalog import Checkpoint, Dtype, TensorEntry, TensorName
from mergec.catalog.describe import describe
from mergec.diagnostics import Diagnostic, MergecError, SourceText
from mergec.elaborate import Bundle, Elaborated
from mergec.execute.sweep import sweep_step
from mergec.ops.tree_sum import LEAF
from mergec.plan import Row, check_bundle, check_text, schedule
from mergec.plan.bind import bind
from mergec.plan.steps import Output, row_step
from mergec.resolve import KeySets


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor as it lies in a file: `data` are little-endian elements of `dtype`, row-major."""

    dtype: Dtype
    shape: tuple[int, ...]
    data: bytes


Tensors = Mapping[str, StoredTensor]


def evaluate(
    text: str, sources: Mapping[str, Tensors], backend: Backend, *, block: int = LEAF
) -> dict[str, StoredTensor]:
    """The tensors that the spec `text` exports first, given those of each source by its label.

    `block` is a multiple of 2^16 elements. MergecError with what a run would report.
    """
    headers = tuple((label, _headers(tensors)) for label, tensors in sources.items())
    rows = _bind_text(text, headers)
    return {row.tensor: _compute(row, sources, backend, block) for row in rows}


def evaluate_bundle(
    bundle: Bundle, sources: Mapping[str, Tensors], backend: Backend, *, block: int = LEAF
) -> dict[str, dict[str, StoredTensor]]:
    """The tensors of every export of a spec by its name; each is computed by itself."""
    checked = check_bundle(bundle)
    exports = _bind(checked, [(label, _headers(tensors)) for label, tensors in sources.items()])
    return {
        export.name: {row.tensor: _compute(row, sources, backend, block) for row in rows}
        for export, rows in zip(checked.exports, exports, strict=True)
    }


_Headers = tuple[TensorEntry, ...]


def _headers(tensors: Tensors) -> _Headers:
    """Of tensors that lie nowhere."""
    return tuple(
        TensorEntry(TensorName(name), tensor.dtype, tensor.shape, "", 0, len(tensor.data))
        for name, tensor in tensors.items()
    )


@lru_cache(maxsize=4096)
def _bind_text(text: str, headers: tuple[tuple[str, _Headers], ...]) -> tuple[Row, ...]:
    """The rows of a spec; made once for all values that such tensors may have."""
    return _bind(_check(text), headers)[0]


def _bind(
    checked: Elaborated, headers: Sequence[tuple[str, _Headers]]
) -> tuple[tuple[Row, ...], ...]:
    checkpoints = {
        label: Checkpoint(Path(), (), {entry.name: entry for entry in entries}, None, (), None)
        for label, entries in headers
    }
    architectures = {k: describe([*c.tensors], c.config) for k, c in checkpoints.items()}
    found: list[Diagnostic] = []
    keys = KeySets(checked, checkpoints, architectures)
    bound = bind(checked, checkpoints, architectures, keys, found.append)
    if bound is None or any(diagnostic.severity == "error" for diagnostic in found):
        raise MergecError(found)
    return bound.rows


@lru_cache(maxsize=4096)
def _check(text: str) -> Elaborated:
    return check_text(SourceText("law.merge", text))


def _compute(
    row: Row, sources: Mapping[str, Tensors], backend: Backend, block: int
) -> StoredTensor:
    inputs = [
        _HeldInput(entry, sources[label][entry.name].data)
        for label, entry in zip(row.labels, row.entries, strict=True)
    ]
    if row.action == "copy":
        return StoredTensor(row.dtype, row.shape, bytes(inputs[0].data))
    result = bytearray(prod(row.shape) * row.dtype.bits // 8)

    def emit(_output: Output, offset: int, data: memoryview) -> None:
        result[offset : offset + data.nbytes] = data

    step = row_step(row)
    plan = schedule(step.program, step.work)
    sweep_step(step, plan, backend, inputs, block, emit, lambda: None)
    return StoredTensor(row.dtype, row.shape, bytes(result))


@final
class _HeldInput:
    """The bytes of one tensor, as the sweeps ask for them."""

    def __init__(self, entry: TensorEntry, data: bytes) -> None:
        self.entry = entry
        self.data = memoryview(data)

    def block(self, start: int, count: int) -> memoryview:
        width = self.entry.dtype.bits // 8
        return self.data[start * width : (start + count) * width]
