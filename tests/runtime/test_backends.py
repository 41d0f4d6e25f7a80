"""Backends: bytes in and out exactly, counts that policies rest on, and the start-up self-test."""

import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mergec.backends import BACKENDS, Backend, get_backend, self_test
from mergec.backends.native.engine import shared_engine
from mergec.backends.reference import ReferenceBackend
from mergec.backends.registry import device_model
from mergec.catalog.dtypes import Dtype
from mergec.diagnostics import MergecError
from mergec.ops.rounding import round_significand
from tests.ops.stage_runner import NUMPY_DTYPES, installed_backends

both = pytest.mark.parametrize("backend", installed_backends())
floats = [Dtype.BF16, Dtype.F16, Dtype.F32, Dtype.F64]
REFERENCE = get_backend("reference")


@both
@pytest.mark.parametrize("dtype", [Dtype.BF16, Dtype.F16])
@pytest.mark.parametrize("work", [Dtype.F32, Dtype.F64])
def test_every_16_bit_pattern_survives_a_round_trip(
    backend: Backend, dtype: Dtype, work: Dtype
) -> None:
    patterns = np.arange(65536, dtype=np.uint16)
    with np.errstate(invalid="ignore"):  # signalling NaN
        values = patterns.view(NUMPY_DTYPES[dtype]).astype(np.float64)
    everything = backend.load(memoryview(patterns.tobytes()), dtype, work)
    assert backend.count_non_finite(everything) == int(np.sum(~np.isfinite(values)))
    patterns = patterns[~np.isnan(values)]
    loaded = backend.load(memoryview(patterns.tobytes()), dtype, work)
    assert np.asarray(loaded).tolist() == values[~np.isnan(values)].tolist()
    assert bytes(backend.store(loaded, dtype)) == patterns.tobytes()


@both
@pytest.mark.parametrize("dtype", floats)
def test_loading_copies(backend: Backend, dtype: Dtype) -> None:
    buffer = bytearray(np.ones(4, NUMPY_DTYPES[dtype]).tobytes())
    loaded = backend.load(memoryview(buffer), dtype, Dtype.F64)
    buffer[:] = bytes(len(buffer))
    assert np.asarray(loaded).tolist() == [1.0] * 4


@both
@pytest.mark.parametrize("dtype", floats)
def test_nothing_loads_and_stores_as_nothing(backend: Backend, dtype: Dtype) -> None:
    empty = backend.load(memoryview(b""), dtype, Dtype.F64)
    assert bytes(backend.store(empty, dtype)) == b""
    assert backend.count_non_finite(empty) == 0
    assert backend.count_overflow(empty, dtype) == 0


@both
def test_loading_never_rounds(backend: Backend) -> None:
    with pytest.raises(ValueError, match="f64 does not fit f32"):
        backend.load(memoryview(bytes(8)), Dtype.F64, Dtype.F32)


@both
@pytest.mark.parametrize("dtype", [Dtype.BF16, Dtype.F16, Dtype.F32])
@given(values=st.lists(st.floats(allow_nan=False), min_size=1, max_size=8))
def test_storing_rounds_to_float32_and_then_to_the_target(
    backend: Backend, dtype: Dtype, values: list[float]
) -> None:
    block = _load(backend, values)
    found = np.frombuffer(backend.store(block, dtype), NUMPY_DTYPES[dtype])
    assert found.astype(np.float64).tolist() == [_cast(value, dtype) for value in values]


@both
def test_the_double_rounding_of_the_contract(backend: Backend) -> None:
    block = _load(backend, [1 + 2.0**-11 + 2.0**-40])
    stored = {dtype: bytes(backend.store(block, dtype)).hex() for dtype in floats}
    assert stored == {
        Dtype.BF16: "803f",
        Dtype.F16: "003c",
        Dtype.F32: "0010803f",
        Dtype.F64: "001000000002f03f",
    }


@both
def test_non_finite_elements_are_counted(backend: Backend) -> None:
    nan, inf = float("nan"), float("inf")
    assert backend.count_non_finite(_load(backend, [1.0, nan, inf, -inf, -0.0, 1e308])) == 3


@both
@pytest.mark.parametrize(
    ("dtype", "last", "first"),
    [
        (Dtype.F16, 65519.99, 65520.0),
        (Dtype.BF16, (2 - 2.0**-7) * 2.0**127, (2 - 2.0**-8) * 2.0**127),
        (Dtype.F32, (2 - 2.0**-23) * 2.0**127, (2 - 2.0**-24) * 2.0**127),
    ],
)
def test_overflow_begins_half_a_unit_beyond_the_largest(
    backend: Backend, dtype: Dtype, last: float, first: float
) -> None:
    block = _load(backend, [last, -last, first, -first, float("inf"), float("nan"), 0.0])
    assert backend.count_overflow(block, dtype) == 2
    stored = np.frombuffer(backend.store(block, dtype), NUMPY_DTYPES[dtype]).astype(np.float64)
    assert np.isinf(stored).tolist() == [False, False, True, True, True, False, False]
    assert backend.count_overflow(block, Dtype.F64) == 0


@both
def test_overflow_is_what_storing_does(backend: Backend) -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate(
        [rng.uniform(60000, 70000, 200), rng.uniform(3.38e38, 3.42e38, 200)]
    ).tolist()
    block = _load(backend, values)
    for dtype in (Dtype.BF16, Dtype.F16, Dtype.F32):
        stored = np.frombuffer(backend.store(block, dtype), NUMPY_DTYPES[dtype])
        infinite = int(np.isinf(stored.astype(np.float64)).sum())
        assert backend.count_overflow(block, dtype) == infinite
        assert 0 < infinite < 400


@both
@given(
    mask=st.lists(st.booleans(), min_size=4, max_size=4),
    values=st.lists(st.floats(width=32), min_size=8, max_size=8),
)
def test_selection_moves_bits(backend: Backend, mask: list[bool], values: list[float]) -> None:
    x, y = np.array(values[:4], np.float32), np.array(values[4:], np.float32)
    chosen = backend.xp.where(
        backend.xp.iota(4) * 0 < _as_ints(backend, mask),
        *(_load32(backend, z) for z in (x, y)),
    )
    expected = np.where(mask, x.view(np.uint32), y.view(np.uint32))
    assert bytes(backend.store(chosen, Dtype.F32)) == expected.tobytes()


@both
def test_selection_takes_numbers_on_either_side(backend: Backend) -> None:
    x = _load32(backend, np.array([1.0, -2.0], np.float32))
    where: Callable[..., Any] = backend.xp.where
    assert np.asarray(where(x > 0, x, 0.0)).tolist() == [1.0, 0.0]
    assert np.asarray(where(x > 0, x, 5.0)).tolist() == [1.0, 5.0]
    assert np.asarray(where(x > 0, -1.0, x)).tolist() == [-1.0, -2.0]
    assert np.signbit(np.asarray(where(x > 0, x, -0.0))).tolist() == [False, True]


@both
def test_the_self_test_passes(backend: Backend) -> None:
    self_test(backend)


class _AddingNeighbours:
    """A namespace whose reductions add neighbours instead of halves."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def leaf_sums(self, x: Any) -> list[float]:
        return [float(np.add.reduce(x.reshape(-1, 2).sum(axis=1)))]


def test_the_self_test_names_what_breaks_the_contract() -> None:
    backend = ReferenceBackend()
    backend.xp = _AddingNeighbours(backend.xp)
    with pytest.raises(MergecError) as caught:
        self_test(backend)
    (found,) = caught.value.diagnostics
    assert (found.code, found.exit) == ("E605", 13)
    assert found.message == ("backend `reference` does not reduce as the numeric contract asks")


def test_an_accelerator_is_known_by_its_model(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "get_device_name", {"cuda:1": "Maker X1"}.get)
    assert device_model("torch", "cuda:1") == "Maker X1"
    assert device_model("torch", "cpu") is None


def test_the_self_test_notices_flushed_subnormals() -> None:
    torch = pytest.importorskip("torch")
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush subnormals")
    try:
        with pytest.raises(MergecError, match="subnormals"):
            self_test(get_backend("torch"))
    finally:
        torch.set_flush_denormal(False)


@pytest.mark.parametrize(
    ("name", "device", "quoted"),
    [
        ("cupy", "cpu", "`cupy`"),
        ("reference", "cuda", "`cuda`"),
        ("native", "cuda", "`cuda`"),
        ("torch", "tpu", "`tpu`"),
        ("jax", "tpu", "`tpu`"),
    ],
)
def test_what_is_not_there_is_refused(name: str, device: str, quoted: str) -> None:
    if name in ("torch", "jax"):
        pytest.importorskip(name)
    with pytest.raises(MergecError) as caught:
        get_backend(name, device)
    (found,) = caught.value.diagnostics
    assert found.code == "E603"
    assert quoted in found.message
    assert found.help


def test_an_absent_cuda_device_is_refused() -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(MergecError, match="`cuda` is not available"):
        get_backend("torch", "cuda")


@pytest.mark.parametrize(
    ("name", "library"), [("native", "llvmlite.binding"), ("torch", "torch"), ("jax", "jax")]
)
def test_a_missing_library_says_how_to_install_it(
    name: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared_engine.cache_clear()
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MergecError) as caught:
        get_backend(name)
    (found,) = caught.value.diagnostics
    assert (found.code, found.exit) == ("E603", 6)
    assert found.help == (f'run `pip install "mergec[{name}]"`',)


def test_torch_computes_on_one_thread() -> None:
    torch = pytest.importorskip("torch")
    get_backend("torch")
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("name", ["reference", "native"])
def test_asking_for_numpy_or_compiled_loops_loads_no_framework(name: str) -> None:
    code = (
        "import sys\n"
        "import mergec.backends\n"
        "assert not {'numpy', 'llvmlite'} & {*sys.modules}\n"
        f"mergec.backends.get_backend('{name}')\n"
        "assert not {'torch', 'jax', 'numba'} & {*sys.modules}\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=_environment())


def test_the_names_of_backends() -> None:
    assert BACKENDS == ("reference", "native", "torch", "jax")
    assert [parameter.id for parameter in installed_backends()] == [*BACKENDS, "fused"]
    with pytest.raises(MergecError) as caught:
        get_backend("cupy")
    (found,) = caught.value.diagnostics
    assert found.help == ("choose among `reference`, `native`, `torch` and `jax`",)


def _environment() -> dict[str, str]:
    return {"PYTHONPATH": ":".join(path for path in sys.path if path)}


def _load(backend: Backend, values: list[float]) -> Any:
    data = np.array(values, np.float64).tobytes()
    return backend.load(memoryview(data), Dtype.F64, Dtype.F64)


def _load32(backend: Backend, x: NDArray[np.float32]) -> Any:
    return backend.load(memoryview(x.tobytes()), Dtype.F32, Dtype.F32)


def _as_ints(backend: Backend, mask: list[bool]) -> Any:
    x = _load32(backend, np.array(mask, np.float32))
    return backend.xp.count(x > 2) + x


def _cast(value: float, dtype: Dtype) -> float:
    """float64 to float32 to the target, each to nearest even, in exact arithmetic."""
    for step in (Dtype.F32, dtype):
        if not np.isfinite(value):
            return value
        kept, least, largest = {
            Dtype.F32: (24, -149, (2 - 2.0**-23) * 2.0**127),
            Dtype.F16: (11, -24, 65504.0),
            Dtype.BF16: (8, -133, (2 - 2.0**-7) * 2.0**127),
        }[step]
        rounded = round_significand(Fraction(value), kept, least)
        rounded = float(np.copysign(rounded, value))
        value = rounded if abs(rounded) <= largest else float(np.copysign(np.inf, value))
    return value
