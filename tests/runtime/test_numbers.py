"""NaN, infinities and small numbers: every pattern of 16 bits through every policy and cast."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mergec.backends import Backend, get_backend
from mergec.catalog import Dtype
from mergec.diagnostics import MergecError
from mergec.execute.numbers import FromBase, Numbers, OddCounter, OneNan, any_not_finite, not_finite
from mergec.execute.sweep import sweep_step
from mergec.plan import schedule
from mergec.plan.nonfinite import NumericPolicy
from mergec.plan.steps import row_step
from tests.ops.stage_runner import NUMPY_DTYPES, installed_backends
from tests.plan.step_cases import added, entry, row
from tests.runtime.test_joint_steps import HeldInput

EVERY = np.arange(65536, dtype=np.uint16)
EXPONENT = {Dtype.BF16: 0x7F80, Dtype.F16: 0x7C00}
NAN = {Dtype.BF16: 0x7FC0, Dtype.F16: 0x7E00}
ONE = {Dtype.BF16: 0x3F80, Dtype.F16: 0x3C00}
LEAST = {Dtype.BF16: 2.0**-126, Dtype.F16: 2.0**-14, Dtype.F32: 2.0**-126, Dtype.F64: 2.0**-1022}


def stored(dtype: Dtype, bits: NDArray[Any] = EVERY) -> HeldInput:
    return HeldInput(entry("w", len(bits), dtype), bits.astype(np.uint16).tobytes())


def bits_of(raw: memoryview) -> NDArray[Any]:
    return np.frombuffer(raw, np.uint16)


@pytest.mark.parametrize("dtype", EXPONENT)
def test_every_nan_becomes_one_and_all_else_stays(dtype: Dtype) -> None:
    counts: dict[str, int] = {}
    source = OneNan(stored(dtype), OddCounter(counts, "a"))
    found = bits_of(source.block(0, len(EVERY)))
    nan = np.greater(EVERY & 0x7FFF, EXPONENT[dtype])
    assert np.array_equal(found, np.where(nan, NAN[dtype], EVERY))
    source.block(0, len(EVERY))  # as a second sweep does
    assert counts == {"a": 2 * (0x8000 - EXPONENT[dtype])}


@pytest.mark.parametrize("of", EXPONENT)
@pytest.mark.parametrize("base", EXPONENT)
def test_what_is_not_finite_is_the_base_and_all_else_stays(of: Dtype, base: Dtype) -> None:
    counts: dict[str, int] = {}
    theirs = np.full(len(EVERY), ONE[base], np.uint16)
    source = FromBase(stored(of), stored(base, theirs), Dtype.F32, OddCounter(counts, "a"))
    numpy = get_backend("reference")
    block = source.block(0, len(EVERY))
    found = numpy.load(block, source.entry.dtype, Dtype.F32)
    values = numpy.load(memoryview(EVERY.tobytes()), of, Dtype.F32)
    odd = not_finite(memoryview(EVERY.tobytes()), of)
    assert np.array_equal(odd, ~np.isfinite(values))
    assert np.array_equal(found, np.where(odd, np.float32(1), values))
    assert np.array_equal(np.signbit(found), np.where(odd, False, np.signbit(values)))
    assert counts == {"a": int(odd.sum())}


@pytest.mark.parametrize("backend", installed_backends())
@pytest.mark.parametrize("of", EXPONENT)
def test_all_backends_count_what_a_cast_loses(backend: Backend, of: Dtype) -> None:
    """Every pattern, as it is and as small as it gets, to every dtype that is written."""
    for work in (Dtype.F32, Dtype.F64):
        for factor in (1.0, 2.0**-12):
            raw = memoryview(EVERY.tobytes())
            with np.errstate(all="ignore"), backend.xp.untrapped():
                values = get_backend("reference").load(raw, of, work) * factor
            for dtype, least in LEAST.items():
                if dtype is Dtype.F64 and work is not Dtype.F64:
                    continue  # a plan widens first
                with backend.xp.untrapped():
                    encoded = backend.encode(backend.load(raw, of, work) * factor, dtype)
                data, lost, underflow = bytes(encoded.data), encoded.lost, encoded.underflow
                backend.finish()
                with np.errstate(all="ignore"):
                    kept = np.frombuffer(data, NUMPY_DTYPES[dtype]).astype(np.float64)
                faint = (values != 0) & (np.abs(kept) < least)
                if not backend.subnormals:  # it has lost them before
                    faint &= np.abs(values) >= np.finfo(values.dtype).tiny
                assert lost == int((~np.isfinite(kept)).sum())
                assert underflow == int(faint.sum()), (work, factor, dtype)


@pytest.mark.parametrize("backend", installed_backends())
@pytest.mark.parametrize("dtype", EXPONENT)
def test_what_propagates_is_the_same_everywhere(backend: Backend, dtype: Dtype) -> None:
    """Half of every pattern and a half; the sum of infinity and its opposite is that one NaN."""
    opposite = EVERY ^ 0x8000
    found, told = propagated(backend, dtype, opposite)
    values = get_backend("reference").load(memoryview(EVERY.tobytes()), dtype, Dtype.F32)
    odd = ~np.isfinite(values)
    assert np.array_equal(found[odd], np.full(int(odd.sum()), NAN[dtype]))
    assert not found[~odd].any()
    assert (told.sources, told.not_finite) == ((("a", odd.sum()), ("b", odd.sum())), odd.sum())


@pytest.mark.parametrize("dtype", [Dtype.BF16, Dtype.F16, Dtype.F32, Dtype.F64])
def test_whether_any_is_not_finite_is_seen_without_counting(dtype: Dtype) -> None:
    """One odd element among all others; the largest and the smallest finite ones are not odd."""
    kind = {16: np.uint16, 32: np.uint32, 64: np.uint64}[dtype.bits]
    most = (1 << dtype.bits) - 1
    words = {n << s & most for s in range(dtype.bits) for n in (1, 3, 255, most, ~1)}
    every = np.array([*sorted(words), most, most >> 1, 0], kind)
    odd = not_finite(every.view(np.uint8).data, dtype)
    assert 0 < np.count_nonzero(odd) < len(every)
    sound = every[~odd]
    assert not any_not_finite(sound.view(np.uint8).data, dtype)
    assert not any_not_finite(memoryview(b""), dtype)
    for word in every[odd]:
        assert any_not_finite(np.append(sound, word).view(np.uint8).data, dtype)


def test_a_cast_that_overflows_is_no_propagation() -> None:
    with pytest.raises(MergecError) as caught:
        propagated(get_backend("reference"), Dtype.F16, EVERY)
    (found,) = caught.value.diagnostics
    assert (found.code, found.notes) == ("E806", ("found in the block from element 0",))


def test_finite_sources_must_give_finite_results() -> None:
    largest = np.where(EVERY == 5, 0x7F7F, 0)
    with pytest.raises(MergecError) as caught:
        propagated(get_backend("reference"), Dtype.BF16, largest, largest)
    (found,) = caught.value.diagnostics
    assert (found.code, found.notes) == ("E806", ("all of its sources are finite",))


def propagated(
    backend: Backend, dtype: Dtype, second: NDArray[Any], first: NDArray[Any] = EVERY
) -> tuple[NDArray[Any], Any]:
    """`a + b`, where `a` has every pattern by default; its bits and what is told of it."""
    of = entry("w", len(EVERY), dtype)
    step = row_step(row("w", [("a", of), ("b", of)], [added(0, 1)]))
    numbers = Numbers(NumericPolicy("propagate"))
    counts = numbers.of(step)
    inputs = counts.inputs([stored(dtype, first), stored(dtype, second)], [], frozenset())
    made: list[bytes] = []
    with backend.xp.untrapped():
        sweep_step(
            step,
            schedule(step.program, step.work, step.meetings),
            backend,
            inputs,
            1 << 16,
            lambda _, __, data: made.append(bytes(data)),
            lambda: None,
            numbers=counts,
        )
    (told,) = numbers.found([""])
    return np.frombuffer(b"".join(made), np.uint16), told
