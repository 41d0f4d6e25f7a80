"""A spec evaluated on tensors in memory, by the same binding, sweeps and backends as a run.

This is what laws are phrased in: text and tensors in, tensors out, without a file. A spec is
compiled once however many tensors it is tried on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import final

from mergec.backends import Backend
from mergec.catalog import Checkpoint, Dtype, TensorEntry, TensorName
from mergec.diagnostics import Diagnostic, MergecError, SourceText
from mergec.elaborate import Elaborated
from mergec.execute.sweep import sweep_tensor
from mergec.ops.tree_sum import LEAF
from mergec.passes import normal_form
from mergec.plan import Program, Row, check_text
from mergec.plan.bind import bind
from mergec.plan.program import build_program, recoding


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
    """The tensors that the spec `text` writes, given those of each source by its label.

    `block` is a multiple of 2^16 elements. MergecError with what a run would report.
    """
    checked, program = _compile(text)
    found: list[Diagnostic] = []
    checkpoints = {label: _checkpoint(tensors) for label, tensors in sources.items()}
    _, rows = bind(checked, program, checkpoints, found.append)
    if any(diagnostic.severity == "error" for diagnostic in found):
        raise MergecError(found)
    return {row.tensor: _compute(row, program, sources, backend, block) for row in rows}


@lru_cache(maxsize=4096)
def _compile(text: str) -> tuple[Elaborated, Program]:
    checked, _ = check_text(SourceText("law.merge", text))
    graph = normal_form(checked.graph)
    return checked, build_program(graph, graph.outputs[checked.export.name])


def _checkpoint(tensors: Tensors) -> Checkpoint:
    """Headers for tensors that lie nowhere."""
    entries = {
        TensorName(name): TensorEntry(
            TensorName(name), tensor.dtype, tensor.shape, "", 0, len(tensor.data)
        )
        for name, tensor in tensors.items()
    }
    return Checkpoint(Path(), (), entries, None, (), None)


def _compute(
    row: Row,
    program: Program,
    sources: Mapping[str, Tensors],
    backend: Backend,
    block: int,
) -> StoredTensor:
    inputs = [
        _HeldInput(entry, sources[label][entry.name].data)
        for label, entry in zip(row.labels, row.entries, strict=True)
    ]
    if row.action == "copy":
        return StoredTensor(row.dtype, row.shape, bytes(inputs[0].data))
    result = bytearray(prod(row.shape) * row.dtype.bits // 8)

    def emit(offset: int, data: memoryview) -> None:
        result[offset : offset + data.nbytes] = data

    does = program if row.action == "merge" else recoding(row.labels[0])
    sweep_tensor(row, does, backend, inputs, block, emit, lambda: None)
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
