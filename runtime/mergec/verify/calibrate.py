"""Measures what this machine does in a second, for estimates: a few seconds of made-up work."""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from statistics import median
from typing import final

import numpy as np

from mergec.backends import Backend
from mergec.catalog import Dtype, TensorEntry
from mergec.execute.sweep import sweep_step
from mergec.ops.tree_sum import LEAF
from mergec.plan import schedule
from mergec.plan.costs import MATRIX, step_efforts
from mergec.plan.projection import Rates
from mergec.plan.steps import Output, row_step
from mergec.verify.evaluate import StoredTensor, bound_rows

_PIECE = 1 << 20
_PIECES = 64
_TIMES = 7
_ENOUGH = 0.2
_BLOCK = 8 * LEAF
_WIDE = (1024, 1024)
# Shorter than any clock tells: no figure is 0.
_LEAST = 1e-6
_LEAST_EACH = 1e-12

# Expressions whose stages are measured, each after those that it shares stages with: what a program
# takes beyond its known stages is what its new ones cost. Others need whole matrices.
_EXPRESSIONS = (
    "linear(a, b)",
    "base + trim(a - base; density=1/3)",
    "base + dare(a - base; density=1/3)",
    "base + della(a - base; density=1/2)",
    "base + breadcrumbs(a - base; density=1/3, gamma=1/100)",
    "ties(base, a, b, c; density=1/3)",
    "slerp(a, b; t=1/3)",
    "nlerp(a, b)",
    "karcher(a, b)",
    "nearswap(a, b; limit=1/100)",
    "median(a, b, c)",
    "model_stock(base, a, b, c)",
    "sce(base, a, b, c)",
    "consensus(base, a, b, c)",
    "widen(base, a, b)",
    "arcee_fusion(base, a)",
)
_ON_MATRICES = (
    "iso_c(base, a, b)",
    "tsvm(base, a, b)",
)
# As a run does, which has imported what it needs before its clock starts.
_START = """
import sys, time
from mergec.backends import get_backend, self_test
backend = get_backend(sys.argv[1])
began = time.perf_counter()
self_test(backend)
print(time.perf_counter() - began)
"""
MEASUREMENTS = 1 + len(_EXPRESSIONS) + len(_ON_MATRICES)
"""How many things are measured."""


def calibrate(
    backend: Backend,
    folder: Path,
    progress: Callable[[int], None] = lambda _: None,
) -> Rates:
    """The figures of one thread of this machine, with a file of 64 MiB in `folder` for a moment.

    `progress` gets 1 for each of the `MEASUREMENTS`. OSError if `folder` cannot be written to.
    """
    start = _starting(backend.name)
    read, write, sync = _moving(folder)
    digest = _digesting()
    progress(1)
    stages: dict[str, float] = {}
    compiling: list[float] = []
    for expressions, shape in ((_EXPRESSIONS, _WIDE), (_ON_MATRICES, (MATRIX, MATRIX))):
        sources = _family(shape)
        for expression in expressions:
            trial = _Trial(expression, sources, backend)
            first = trial.seconds()
            warm = _settled(trial.seconds)
            compiling.append(max(first - warm, _LEAST))
            trial.attribute(warm, stages)
            progress(1)
    return Rates(read, write, digest, sync, start, median(compiling), stages)


@final
class _Trial:
    """One expression on tensors in memory, as a run would compute it."""

    def __init__(self, expression: str, sources: Mapping[str, bytes], backend: Backend) -> None:
        used = [name for name in sources if re.search(rf"\b{name}\b", expression)]
        lines = [f'{name} = model("{name}")' for name in used]
        text = "\n".join([*lines, f"result = {expression}", "export result", ""])
        shape = _WIDE if len(sources[used[0]]) == 2 * prod(_WIDE) else (MATRIX, MATRIX)
        tensors = {name: {"w": StoredTensor(Dtype.BF16, shape, sources[name])} for name in used}
        (row,) = bound_rows(text, tensors)
        self._step = row_step(row)
        self._plan = schedule(row.program, row.work)
        self._sources, self._backend = sources, backend

    def seconds(self) -> float:
        """How long it takes, this time."""
        step = self._step
        labels = zip(step.program.inputs, step.entries, strict=True)
        inputs = [_Held(entry, self._sources[label]) for label, entry in labels]
        began = time.perf_counter()
        sweep_step(step, self._plan, self._backend, inputs, _BLOCK, _emit_nowhere, lambda: None)
        return time.perf_counter() - began

    def attribute(self, seconds: float, stages: dict[str, float]) -> None:
        """What the known stages do not explain is what the new ones take, each operation alike."""
        efforts = step_efforts(self._step)
        known = sum(effort * stages[stage] for stage, effort in efforts.items() if stage in stages)
        new = {stage: effort for stage, effort in efforts.items() if stage not in stages}
        each = max(seconds - known, 0.0) / max(1.0, sum(new.values()))
        stages.update(dict.fromkeys(new, max(each, _LEAST_EACH)))


@final
class _Held:
    """A tensor's bytes in memory."""

    def __init__(self, entry: TensorEntry, data: bytes) -> None:
        self.entry = entry
        self._data = memoryview(data)

    def block(self, start: int, count: int) -> memoryview:
        """The bytes of some elements."""
        width = self.entry.dtype.bits // 8
        return self._data[start * width : (start + count) * width]


def _emit_nowhere(_output: Output, _offset: int, _data: memoryview) -> None:
    return


def _settled(seconds: Callable[[], float]) -> float:
    """The least of several times, of fewer where they are long: others use the machine too."""
    found = [seconds()]
    while len(found) < 2 or (len(found) < _TIMES and sum(found) < _ENOUGH):
        found.append(seconds())
    return min(found)


def _family(shape: tuple[int, int]) -> Mapping[str, bytes]:
    """A base and three that were trained from it, in bf16; the same every time."""
    random = np.random.default_rng(0)
    base = random.standard_normal(shape, np.float32) * np.float32(0.02)
    found: dict[str, bytes] = {}
    for name in ("base", "a", "b", "c"):
        weights = base + random.standard_normal(shape, np.float32) * np.float32(0.002)
        found[name] = (weights.view(np.uint32) >> 16).astype(np.uint16).tobytes()
    return found


def _starting(name: str) -> float:
    """Seconds until a new process with the backend `name` is ready for the first block."""
    done = subprocess.run(
        [sys.executable, "-c", _START, name], stdout=subprocess.PIPE, text=True, check=True
    )
    return max(float(done.stdout), _LEAST)


def _moving(folder: Path) -> tuple[float, float, float]:
    """Bytes a second from the system's memory, into it, and from there to the device."""
    piece = memoryview(bytearray(os.urandom(_PIECE)))
    total = _PIECE * _PIECES
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        descriptor = file.fileno()
        write = _best(lambda: [os.pwrite(descriptor, piece, i * _PIECE) for i in range(_PIECES)])
        sync = _seconds(lambda: os.fsync(descriptor))
        read = _best(lambda: [os.preadv(descriptor, [piece], i * _PIECE) for i in range(_PIECES)])
    return total / read, total / write, total / sync


def _digesting() -> float:
    """Bytes a second through SHA-256."""
    piece = bytes(_PIECE)
    digest = hashlib.sha256()

    def feed() -> None:
        for _ in range(16):
            digest.update(piece)

    return _PIECE * 16 / _best(feed)


def _best(task: Callable[[], object]) -> float:
    """The first time costs what is made for later ones, and others may disturb."""
    return _settled(lambda: _seconds(task))


def _seconds(task: Callable[[], object]) -> float:
    began = time.perf_counter()
    task()
    return max(time.perf_counter() - began, _LEAST)
