"""Magnitude pruning: exactly k entries, found by histograms, lowest index first among equals."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mergec.backends import get_backend
from mergec.catalog.dtypes import Dtype
from mergec.ops.select_top import kept_count
from mergec.ops.trim import STAGE
from tests.ops.array_strategies import adversarial, several
from tests.ops.stage_runner import askable, bits, other_backends, run_stage

Floats = NDArray[Any]
REFERENCE = get_backend("reference")

densities = st.fractions(Fraction(1, 100), 1, max_denominator=100)
works = st.sampled_from([Dtype.F32, Dtype.F64])
one_array = several(1, least=1).map(lambda arrays: arrays[0])


@pytest.mark.parametrize(
    ("density", "n", "k"),
    [("0.29", 100, 29), ("0.57", 100, 57), ("0.58", 50, 29), ("0.3", 1, 1), ("0.01", 7, 1)],
)
def test_k_is_an_exact_floor_and_at_least_one(density: str, n: int, k: int) -> None:
    assert kept_count(Fraction(density), n) == k
    x = np.random.default_rng(n).standard_normal(n)
    assert np.count_nonzero(_trim(x, Fraction(density))) == k


@given(density=densities, n=st.integers(0, 10**12))
def test_k_by_its_definition(density: Fraction, n: int) -> None:
    k = kept_count(density, n)
    assert k == (0 if n == 0 else max(1, int(density * n)))


def test_nothing_is_kept_of_nothing() -> None:
    assert kept_count(Fraction(0), 5) == 0
    assert _trim(np.array([]), Fraction(1, 2)).tolist() == []


@given(x=one_array, density=densities, work=works)
def test_it_keeps_what_a_stable_sort_keeps(x: Floats, density: Fraction, work: Dtype) -> None:
    k = kept_count(density, len(x))
    order = np.argsort(-np.abs(x), kind="stable")
    expected = np.zeros_like(x)
    expected[order[:k]] = x[order[:k]]
    found = _trim(x, density, work)
    assert found.tolist() == expected.tolist()
    assert not np.signbit(found[order[k:]]).any()


@given(x=one_array, density=densities, work=works)
def test_all_ties_keeps_the_whole_class(x: Floats, density: Fraction, work: Dtype) -> None:
    threshold = np.sort(np.abs(x))[-kept_count(density, len(x))]
    expected = np.where(np.abs(x) >= threshold, x, 0.0)
    assert _trim(x, density, work, ties="all").tolist() == expected.tolist()


@given(x=one_array, density=densities, work=works)
def test_idempotent(x: Floats, density: Fraction, work: Dtype) -> None:
    once = _trim(x, density, work)
    assert bits(_trim(once, density, work)) == bits(once)


@given(x=one_array, first=densities, second=densities, work=works)
def test_supports_are_nested_and_trims_compose(
    x: Floats, first: Fraction, second: Fraction, work: Dtype
) -> None:
    low, high = sorted((first, second))
    fewer = _trim(x, low, work)
    assert _trim(_trim(x, high, work), low, work).tolist() == fewer.tolist()
    assert _trim(_trim(x, low, work), high, work).tolist() == fewer.tolist()


@given(x=one_array, density=densities, work=works)
def test_odd(x: Floats, density: Fraction, work: Dtype) -> None:
    assert _trim(-x, density, work).tolist() == (-_trim(x, density, work)).tolist()


@given(x=one_array, density=densities, power=st.integers(-20, 20))
def test_powers_of_two_pass_through(x: Floats, density: Fraction, power: int) -> None:
    scale = 2.0**power
    assert bits(_trim(x * scale, density)) == bits(_trim(x, density) * scale)


@given(x=one_array, work=works)
def test_density_one_is_the_identity_without_a_sweep(x: Floats, work: Dtype) -> None:
    assert STAGE.sweeps({"density": Fraction(1), "rescale": "l2"}, work) == 0
    given_bits = bits(x.astype(np.float32 if work is Dtype.F32 else np.float64))
    assert bits(_trim(x, Fraction(1), work)) == given_bits


@pytest.mark.parametrize(("work", "sweeps"), [(Dtype.F32, 2), (Dtype.F64, 4)])
def test_sweeps(work: Dtype, sweeps: int) -> None:
    assert STAGE.sweeps({"density": Fraction(1, 2), "rescale": "inv"}, work) == sweeps
    assert STAGE.sweeps({"density": Fraction(1, 2), "rescale": "l1"}, work) == sweeps + 1


@given(x=one_array, density=densities, work=works)
@example(x=np.array([-0.0, 0.0]), density=Fraction(1, 2), work=Dtype.F32)
def test_norms_are_restored(x: Floats, density: Fraction, work: Dtype) -> None:
    tolerance = 1e-6 if work is Dtype.F32 else 1e-13
    kept = _trim(x, density, work)
    for order, rescale in ((1, "l1"), (2, "l2")):
        found = _trim(x, density, work, rescale=rescale)
        scale = 2.0 ** -round(np.log2(np.abs(x).max())) if x.any() else 1.0
        norm, original = (np.linalg.norm(y * scale, order) for y in (found, x))
        assert norm == pytest.approx(original, rel=tolerance, abs=1e-12)
        assert (found != 0).tolist() == (kept != 0).tolist()


def test_inverse_rescaling_divides() -> None:
    x = np.array([5.0, 1.0, 0.5], np.float32)
    found = _trim(x, Fraction(1, 3), Dtype.F32, rescale="inv")
    assert found.tolist() == [float(np.float32(5) / np.float32(1 / 3)), 0, 0]


@pytest.mark.parametrize("backend", other_backends())
@given(x=one_array, density=densities, work=works)
def test_backends_agree_bit_for_bit(
    backend: Any, x: Floats, density: Fraction, work: Dtype
) -> None:
    (x,) = askable(backend, [x])
    for rescale in ("none", "inv", "l1", "l2"):
        params: dict[str, Any] = {"density": density, "ties": "index", "rescale": rescale}
        expected = run_stage(STAGE, REFERENCE, [x], params, work=work)
        assert bits(run_stage(STAGE, backend, [x], params, work=work)) == bits(expected)


@given(x=adversarial(9), density=densities, cuts=st.integers(1, 9))
def test_small_blocks_rank_the_class_alike(x: Floats, density: Fraction, cuts: int) -> None:
    params: dict[str, Any] = {"density": density, "ties": "index", "rescale": "none"}
    whole = run_stage(STAGE, REFERENCE, [x], params)
    assert bits(run_stage(STAGE, REFERENCE, [x], params, block=cuts)) == bits(whole)


def test_the_largest_class_is_shared_over_blocks() -> None:
    x = np.tile(np.array([1.0, -1.0, 0.5]), 40000)
    found = _trim(x, Fraction(1, 2), Dtype.F32, block=1 << 16)
    kept = np.flatnonzero(found)
    assert kept.tolist() == [i for i in range(len(x)) if i % 3 != 2][:60000]


def _trim(
    x: Floats,
    density: Fraction,
    work: Dtype = Dtype.F64,
    *,
    ties: str = "index",
    rescale: str = "none",
    block: int = 1 << 17,
) -> Floats:
    params: dict[str, Any] = {"density": density, "ties": ties, "rescale": rescale}
    operands: Sequence[Floats] = [x]
    return run_stage(STAGE, REFERENCE, operands, params, work=work, block=block)
