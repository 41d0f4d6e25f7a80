"""What is particular to JAX: its dtypes, its shapes, its compiler and its subnormals."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mergec.backends import get_backend
from mergec.backends.jax_block import capacity
from mergec.catalog.dtypes import Dtype
from mergec.diagnostics import MergecError
from mergec.ops import STAGES
from tests.ops.stage_runner import run_stage

jax: Any = pytest.importorskip("jax")
BACKEND: Any = get_backend("jax")
WEIGHTS = (Fraction(3, 5), Fraction(1, 5), Fraction(1, 5))
STAGES_AND_SETTINGS: tuple[tuple[str, int, dict[str, Any]], ...] = (
    ("trim", 1, {"density": Fraction(3, 10), "rescale": "l2"}),
    ("drop", 1, {"density": Fraction(1, 3), "seed": 5, "label": "A"}),
    ("agreeing_mean", 3, {"weights": WEIGHTS, "elected": True}),
    ("slerp", 2, {"t": Fraction(3, 10)}),
)
# A length for each capacity up to 2¹⁶, one whose half has another, and then many others.
SEEN = (700, 5000, 50000)
UNSEEN = (1, 2, 17, 513, 1024, 2049, 4095, 4096, 4097, 7777, 8191, 8192, 8193, 30001, 65535, 65536)


def test_it_compiles_once_whatever_the_shapes() -> None:
    """XLA compiles for each shape, and tensors' last blocks come in all lengths."""
    with compilations() as made:
        for n in SEEN:
            run_stages(n)
        first = len(made)
        for n in UNSEEN:
            run_stages(n)
    assert len(made) == first, f"{len(made) - first} programs more than the {first} of first use"
    assert first < 50 * len(SEEN)


def test_lengths_have_few_capacities() -> None:
    lengths = [*range(2**13 + 2), *range(2**16 - 2, 2**20, 4093)]
    capacities = sorted({capacity(n) for n in lengths})
    assert capacities == [2**12, 2**16, 2**17, 2**18, 2**19, 2**20]
    assert all(n <= capacity(n) <= max(16 * n, 2**12) for n in lengths)
    assert [capacity(c) for c in capacities] == capacities


def test_the_listener_hears_a_compilation() -> None:
    with compilations() as made:
        jax.jit(_thrice)(np.ones(3))
    assert made


@pytest.mark.parametrize("dtype", [Dtype.F32, Dtype.F64])
def test_a_quotient_by_a_number_is_rounded_once(dtype: Dtype) -> None:
    """By a number known to be one for all elements, XLA would multiply by its reciprocal."""
    x = np.random.default_rng(0).standard_normal(1000)
    x = x.astype(np.float32 if dtype is Dtype.F32 else np.float64)
    found = BACKEND.load(memoryview(x.tobytes()), dtype, dtype) / 3.0
    assert np.asarray(found).tobytes() == (x / x.dtype.type(3)).tobytes()


def test_what_lies_behind_a_block_counts_nowhere() -> None:
    x = BACKEND.load(memoryview(np.full(3, -2.0).tobytes()), Dtype.F64, Dtype.F64) + 5.0
    assert len(x) == 3
    assert BACKEND.xp.count(x > 0) == 3
    assert BACKEND.xp.leaf_sums(x) == [9.0]
    assert BACKEND.xp.host(x[1:9]) == [3.0, 3.0]
    assert bytes(BACKEND.store(x, Dtype.F64)) == np.full(3, 3.0).tobytes()
    assert BACKEND.count_non_finite(x / 0.0) == 3


@pytest.mark.parametrize("dtype", [Dtype.F32, Dtype.F64])
def test_it_says_whether_it_keeps_subnormals(dtype: Dtype) -> None:
    kind: Any = np.float32 if dtype is Dtype.F32 else np.float64
    tiny = np.array([np.finfo(kind).tiny], kind)
    least = np.array([np.finfo(kind).smallest_subnormal], kind)
    halved = BACKEND.load(memoryview(tiny.tobytes()), dtype, dtype) * 0.5
    assert (np.asarray(halved) > 0).all() == BACKEND.subnormals
    moved = BACKEND.load(memoryview(least.tobytes()), dtype, dtype)
    for x in (moved, BACKEND.xp.where(BACKEND.xp.iota(1) == 0, moved, 0.0), BACKEND.xp.abs(moved)):
        assert bytes(BACKEND.store(x, dtype)) == least.tobytes()


def test_a_program_that_relies_on_32_bit_types_keeps_them() -> None:
    code = (
        "import jax.numpy as jnp\n"
        "from mergec.backends import get_backend\n"
        "from mergec.diagnostics import MergecError\n"
        "mine = jnp.ones(3)\n"
        "try:\n"
        "    get_backend('jax')\n"
        "except MergecError as error:\n"
        "    (found,) = error.diagnostics\n"
        "    print(found.code, *found.help)\n"
        "assert (mine * 2.5).dtype == 'float32' and jnp.ones(3).dtype == 'float32'\n"
        "del mine\n"
        "assert get_backend('jax').xp.floats([0.5]).dtype == 'float64'\n"
    )
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    said = subprocess.run(
        [sys.executable, "-c", code], check=True, env=environment, capture_output=True, text=True
    )
    assert said.stdout == "E603 set `JAX_ENABLE_X64=1` before this program starts\n"


@pytest.mark.parametrize("device", ["cpu:99", "cuda:99", "cpu:first"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(MergecError, match=f"`{device}` is not available to JAX") as caught:
        get_backend("jax", device)
    assert [found.code for found in caught.value.diagnostics] == ["E603"]


def _thrice(x: Any) -> Any:
    return x * 3


@contextmanager
def compilations() -> Generator[list[str]]:
    """The names of programs that XLA compiles meanwhile."""
    made: list[str] = []

    def listen(event: str, seconds: float, **labels: object) -> None:
        if event.endswith("backend_compile_duration"):
            made.append(str(labels))

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield made
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def run_stages(n: int) -> None:
    rng = np.random.default_rng(n)
    for name, count, params in STAGES_AND_SETTINGS:
        operands = list(rng.random((count, n)))
        if name == "agreeing_mean":
            operands.insert(0, np.ones(n))
        run_stage(STAGES[name], BACKEND, operands, params, work=Dtype.F32, block=1 << 16)
