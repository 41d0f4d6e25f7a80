"""Runs one stage as the executor does: sweep by sweep, block by block, from stored bytes."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

from mergec.backends import Backend, get_backend
from mergec.catalog.dtypes import Dtype
from mergec.ir import Value
from mergec.ops.stage import (
    Cursor,
    Site,
    Stage,
    StatisticStage,
    block_size,
    statistics_passes,
)

Floats = NDArray[Any]

NUMPY_DTYPES: dict[Dtype, np.dtype[Any]] = {
    Dtype.BF16: np.dtype(ml_dtypes.bfloat16),
    Dtype.F16: np.dtype(np.float16),
    Dtype.F32: np.dtype(np.float32),
    Dtype.F64: np.dtype(np.float64),
}

_LIBRARIES = {"native": "llvmlite", "torch": "torch", "jax": "jax"}


def run_stage(
    stage: Stage,
    backend: Backend,
    operands: Sequence[Floats],
    params: Mapping[str, Value],
    *,
    work: Dtype = Dtype.F64,
    stored: Sequence[Dtype | None] | None = None,
    out: Dtype | None = None,
    block: int = 1 << 17,
    tensor: str = "w",
    shape: tuple[int, ...] | None = None,
) -> Floats:
    """The stage's result as numpy in `out` (default: `work`).

    `stored` gives the operands' storage dtypes; by default all are computed, in `work`. `shape`
    is a vector's by default.
    """
    kinds = tuple(stored or (None,) * len(operands))
    n = len(operands[0])
    site = Site(tensor, shape or (n,), work, kinds)
    block = block_size(block, [stage.grain(params, site.shape)], n)
    loaded = [_load(backend, x, kind, work) for x, kind in zip(operands, kinds, strict=True)]
    starts = range(0, n, block)
    setting = stage.prepare(params, site)
    for _ in range(statistics_passes(stage, params, work)):
        assert isinstance(stage, StatisticStage)
        acc = None
        for start in starts:
            blocks = [x[start : start + block] for x in loaded]
            acc = stage.observe(backend.xp, acc, blocks, setting)
        setting = stage.combine(acc, setting)
    cursor = Cursor()
    results: list[bytes] = []
    for start in starts:
        cursor.start = start
        blocks = [x[start : start + block] for x in loaded]
        result = stage.apply(backend.xp, blocks, setting, cursor)
        results.append(bytes(backend.store(result, out or work)))
    return np.frombuffer(b"".join(results), NUMPY_DTYPES[out or work])


def _load(backend: Backend, x: Floats, kind: Dtype | None, work: Dtype) -> Any:
    data = x.astype(NUMPY_DTYPES[kind or work])
    return backend.load(memoryview(data.tobytes()), kind or work, work)


def askable(backend: Backend, arrays: Sequence[Floats]) -> list[Floats]:
    """The arrays; for a backend that flushes subnormals, zeros in place of what leads to them.

    Numbers from 2⁻⁹⁰ up have products with weights, and rounding errors of sums, that are normal.
    """
    if backend.subnormals:
        return list(arrays)
    return [np.where(np.abs(x) < 2.0**-90, np.copysign(0.0, x), x) for x in arrays]


def bits(x: Floats) -> list[int]:
    """Bit patterns, to tell -0 from +0."""
    patterns: list[int] = x.view(f"u{x.dtype.itemsize}").tolist()
    return patterns


def installed_backends() -> list[Any]:
    """Parameters for `pytest.mark.parametrize("backend", ...)`; what is absent is skipped."""
    return [pytest.param(get_backend("reference"), id="reference"), *other_backends()]


def other_backends() -> list[Any]:
    """Those that are to be compared with the reference."""
    return [*(_parameter(name, library) for name, library in _LIBRARIES.items()), _fused()]


def _parameter(name: str, library: str) -> Any:
    if find_spec(library) is None:
        skip = pytest.mark.skip(reason=f"{library} is not installed")
        return pytest.param(None, id=name, marks=skip)
    return pytest.param(get_backend(name), id=name)


def _fused() -> Any:
    """What `torch` is on CUDA: there where it is, else on the CPU, operation by operation."""
    if find_spec("torch") is None:
        return pytest.param(None, id="fused", marks=pytest.mark.skip(reason="torch is not there"))
    from mergec.backends.torch_fused import FusedTorchBackend

    return pytest.param(FusedTorchBackend("cpu", compiled=False), id="fused")
