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
from mergec.ops.stage import Cursor, Site, Stage, StatisticStage, statistics_passes

Floats = NDArray[Any]

NUMPY_DTYPES: dict[Dtype, np.dtype[Any]] = {
    Dtype.BF16: np.dtype(ml_dtypes.bfloat16),
    Dtype.F16: np.dtype(np.float16),
    Dtype.F32: np.dtype(np.float32),
    Dtype.F64: np.dtype(np.float64),
}


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
) -> Floats:
    """The stage's result as numpy in `out` (default: `work`).

    `stored` gives the operands' storage dtypes; by default all are computed, in `work`.
    """
    kinds = tuple(stored or (None,) * len(operands))
    n = len(operands[0])
    site = Site(tensor, n, work, kinds)
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


def bits(x: Floats) -> list[int]:
    """Bit patterns, to tell -0 from +0."""
    patterns: list[int] = x.view(f"u{x.dtype.itemsize}").tolist()
    return patterns


def installed_backends() -> list[Any]:
    """Parameters for `pytest.mark.parametrize("backend", ...)`: torch is skipped where absent."""
    return [pytest.param(get_backend("reference"), id="reference"), *other_backends()]


def other_backends() -> list[Any]:
    """Those that are to be compared with the reference."""
    absent = find_spec("torch") is None
    skip = [pytest.mark.skip(reason="PyTorch is not installed")] if absent else []
    return [pytest.param(None if absent else get_backend("torch"), id="torch", marks=skip)]
