"""Random dropping: unbiased over its masks, and a function of key and index alone."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mergec.backends import get_backend
from mergec.catalog.dtypes import Dtype
from mergec.diagnostics import MergecError
from mergec.ops.drop import STAGE, DropSetting, keep_rescaled
from mergec.ops.stage import Site
from mergec.ops.threefry import keep_mask, keep_threshold, mask_key
from tests.ops.array_strategies import several
from tests.ops.stage_runner import askable, bits, other_backends, run_stage

Floats = NDArray[Any]
REFERENCE = get_backend("reference")
SITE = Site("w", (4,), Dtype.F64, (None,))

densities = st.fractions(Fraction(1, 20), 1, max_denominator=20)
works = st.sampled_from([Dtype.F32, Dtype.F64])


@pytest.mark.parametrize(
    ("density", "variances"),
    [(Fraction(1, 2), (1, 4, 9, 16)), (Fraction(1, 4), (3, 12, 27, 48))],
)
def test_mean_and_variance_over_all_masks(density: Fraction, variances: Sequence[int]) -> None:
    delta = [Fraction(x) for x in (1, 2, 3, 4)]
    mean, square = _moments(delta, density, DropSetting((0, 0), 0, float(density), SITE))
    assert mean == delta
    assert [s - m * m for s, m in zip(square, mean, strict=True)] == list(variances)


@pytest.mark.parametrize(
    ("density", "expected"),
    [
        (Fraction(1, 2), ("649/448", "271/126", "3601/1344", "3121/1008")),
        (Fraction(1, 4), ("9927/7168", "1111/672", "13141/7168", "10561/5376")),
    ],
)
def test_restoring_the_l1_norm_is_biased_by_a_known_amount(
    density: Fraction, expected: Sequence[str]
) -> None:
    delta = [Fraction(x) for x in (1, 2, 3, 4)]
    mean, _ = _moments(delta, density, None)
    assert [float(m) for m in mean] == pytest.approx([float(Fraction(e)) for e in expected])


@given(arrays=several(1, least=1), density=densities, work=works, seed=st.integers(0, 2**64 - 1))
def test_entries_are_zero_or_the_quotient(
    arrays: list[Floats], density: Fraction, work: Dtype, seed: int
) -> None:
    kind: Any = np.float32 if work is Dtype.F32 else np.float64
    x: Any = arrays[0].astype(kind)
    found = _drop(x, density, work, seed=seed)
    mask = keep_mask(
        REFERENCE.xp, mask_key(seed, "dare", "A", "w"), 0, len(x), keep_threshold(density)
    )
    with np.errstate(over="ignore"):
        quotient = x / kind(density)
    expected = np.zeros_like(found)
    expected[mask] = (x if density == 1 else quotient)[mask]
    assert bits(found) == bits(expected)


def test_another_divisor_replaces_the_density() -> None:
    x = np.ones(64)
    found = _drop(x, Fraction(1, 2), Dtype.F64, q=Fraction(1, 3))
    assert set(found.tolist()) == {0.0, 3.0}
    assert set(_drop(x, Fraction(1, 2), Dtype.F64, rescale="none").tolist()) == {0.0, 1.0}


@given(arrays=several(1, least=1), work=works)
def test_density_one_is_the_identity_whatever_the_rescaling(
    arrays: list[Floats], work: Dtype
) -> None:
    x = arrays[0].astype(np.float32 if work is Dtype.F32 else np.float64)
    for rescale in ("inv", "l1", "none"):
        assert bits(_drop(x, Fraction(1), work, rescale=rescale)) == bits(x)
    assert STAGE.sweeps({"density": Fraction(1), "rescale": "l1"}, work) == 0


@given(arrays=several(1, least=1), density=densities, work=works)
def test_the_l1_norm_is_restored(arrays: list[Floats], density: Fraction, work: Dtype) -> None:
    x = arrays[0].astype(np.float32)
    kept = _drop(x, density, work, rescale="none").astype(np.float64)
    found = _drop(x, density, work, rescale="l1").astype(np.float64)
    norm = np.abs(x.astype(np.float64)).sum() if kept.any() else 0.0
    factor_is_finite = np.isfinite(found).all()
    assert not factor_is_finite or np.abs(found).sum() == pytest.approx(norm, rel=1e-6)
    assert STAGE.sweeps({"density": Fraction(1, 2), "rescale": "l1"}, work) == 1


@given(arrays=several(1, least=1), density=densities, power=st.integers(-8, 8))
def test_negation_and_powers_of_two_pass_through(
    arrays: list[Floats], density: Fraction, power: int
) -> None:
    x = arrays[0]
    scaled = _drop(x * -(2.0**power), density, Dtype.F64)
    assert scaled.tolist() == (_drop(x, density, Dtype.F64) * -(2.0**power)).tolist()


def test_a_norm_that_cannot_be_restored_is_an_overflow() -> None:
    x = np.array([1e-200, 1e200])
    masks = (_drop(x, Fraction(1, 2), Dtype.F64, rescale="none", seed=s) for s in range(64))
    small = next(s for s, kept in enumerate(masks) if kept.tolist() == [1e-200, 0.0])
    with pytest.raises(MergecError) as caught:
        _drop(x, Fraction(1, 2), Dtype.F64, rescale="l1", seed=small)
    assert [found.code for found in caught.value.diagnostics] == ["E806"]


def test_a_dropped_infinity_does_not_leak() -> None:
    found = _drop(np.full(64, np.inf), Fraction(1, 2), Dtype.F64)
    assert set(found.tolist()) == {0.0, float("inf")}


def test_masks_of_two_sources_are_uncorrelated_at_a_fixed_seed() -> None:
    n = 1 << 16
    x = np.ones(n)
    a = _drop(x, Fraction(1, 2), Dtype.F64, label="A") - 1
    b = _drop(x, Fraction(1, 2), Dtype.F64, label="B") - 1
    assert abs(float((a * b).sum()) / n) < 5 / n**0.5


@pytest.mark.parametrize("backend", other_backends())
@given(arrays=several(1, least=1), density=densities, work=works)
def test_backends_agree_bit_for_bit(
    backend: Any, arrays: list[Floats], density: Fraction, work: Dtype
) -> None:
    arrays = askable(backend, arrays)
    for rescale in ("inv", "l1", "none"):
        params = _params(density, rescale)
        expected = run_stage(STAGE, REFERENCE, arrays, params, work=work)
        assert bits(run_stage(STAGE, backend, arrays, params, work=work)) == bits(expected)


def _moments(
    delta: Sequence[Fraction], density: Fraction, setting: DropSetting | None
) -> tuple[list[Fraction], list[Fraction]]:
    """E[y] and E[y²] over all masks with their probabilities; L1-rescaled without a setting."""
    x = np.array([float(d) for d in delta])
    mean, square = [Fraction(0)] * len(x), [Fraction(0)] * len(x)
    for choice in product([False, True], repeat=len(x)):
        mask = np.array(choice)
        kept = float(x[mask].sum())
        factor = float(x.sum()) / kept if kept else 1.0
        result = keep_rescaled(
            REFERENCE.xp, x, mask, setting or DropSetting((0, 0), 0, 1.0, SITE, factor)
        )
        chance = density ** sum(choice) * (1 - density) ** (len(x) - sum(choice))
        values = [Fraction(float(y)) for y in result]
        mean = [m + chance * y for m, y in zip(mean, values, strict=True)]
        square = [s + chance * y * y for s, y in zip(square, values, strict=True)]
    return mean, square


def _params(density: Fraction, rescale: str = "inv", **others: Any) -> dict[str, Any]:
    drawn = {"seed": 0, "role": "dare", "label": "A", "q": None}
    return {"density": density, "rescale": rescale, **drawn, **others}


def _drop(
    x: Floats, density: Fraction, work: Dtype, *, rescale: str = "inv", **others: Any
) -> Floats:
    return run_stage(STAGE, REFERENCE, [x], _params(density, rescale, **others), work=work)
