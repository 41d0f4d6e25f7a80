"""The interpolation ratio of Model Stock: published values, what it depends on, its guards."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mergec.backends import Backend, get_backend
from mergec.catalog.dtypes import Dtype
from mergec.diagnostics import MergecError
from mergec.ir import Value
from mergec.ops.gram import Gram
from mergec.ops.shrunk_mean import STAGE, shrinkage
from mergec.ops.shrunk_rows import STAGE as ROWS
from tests.ops.fixture_f6 import A, B, C
from tests.ops.stage_runner import installed_backends, run_stage

Floats = NDArray[Any]
REFERENCE = get_backend("reference")
E1, E2, ONES = np.eye(3)[0], np.eye(3)[1], np.ones(3)


@pytest.mark.parametrize(
    ("deltas", "estimator", "expected"),
    [
        ((A, B), "cosine", 0.0966653192562),
        ((A, B), "gram", 0.0958904109589),
        ((A, B, C), "cosine", -3.83719395556),
        (([3, 4], [4, 3]), "cosine", 0.979591836735),
        (([3, 4], [4, 3]), "gram", 0.979591836735),
        (([1, 0], [1, 1]), "cosine", 0.828427124746),
        (([1, 0], [1, 1]), "gram", 0.8),
        ((E1, E2, ONES), "cosine", 0.652446776022),
        ((E1, E2, ONES), "angle", 0.665649322616),
        ((E1, E2, ONES), "gram", 0.666666666667),
    ],
    ids=[
        *("G10a", "G10c", "G10d", "G10e", "G10e gram", "G10f", "G10f gram"),
        *("G10g cosine", "G10g angle", "G10g gram"),
    ],
)
def test_golden_ratio(deltas: Sequence[Any], estimator: str, expected: float) -> None:
    assert shrinkage(gram(deltas), estimator) == pytest.approx(expected, rel=5e-12)


@given(
    seed=st.integers(0, 2**32 - 1),
    power=st.integers(-60, 60),
    estimator=st.sampled_from(["cosine", "angle", "gram"]),
)
def test_the_ratio_does_not_know_the_size_of_the_deltas(
    seed: int, power: int, estimator: str
) -> None:
    deltas = np.random.default_rng(seed).standard_normal((3, 8))
    scaled = shrinkage(gram(deltas * 2.0**power), estimator)
    assert scaled == shrinkage(gram(deltas), estimator)


@given(seed=st.integers(0, 2**32 - 1))
def test_the_ratio_does_not_know_the_order(seed: int) -> None:
    deltas = np.random.default_rng(seed).standard_normal((4, 8))
    for estimator in ("cosine", "angle", "gram"):
        assert shrinkage(gram(deltas), estimator) == shrinkage(gram(deltas[::-1]), estimator)


def test_zero_deltas_have_no_angle() -> None:
    zero = np.zeros(2)
    assert shrinkage(gram((zero, zero)), "cosine") == 0.0
    assert shrinkage(gram((zero, zero)), "gram") == 0.0
    assert shrinkage(gram((np.array([1.0, 2.0]), zero)), "angle") == 0.0
    pair = (np.array([3.0, 4.0]), np.array([4.0, 3.0]))
    known = shrinkage(gram((*pair, zero)), "cosine")
    assert known == pytest.approx(3 * 0.96 / (1 + 2 * 0.96))


def test_opposite_deltas_are_at_the_pole() -> None:
    opposite = gram((np.array([3.0, 4.0]), np.array([-3.0, -4.0])))
    assert shrinkage(opposite, "cosine") is None
    assert shrinkage(opposite, "gram") is None


@pytest.mark.parametrize("guard", ["none", "error"])
def test_a_pole_is_refused(guard: str) -> None:
    with pytest.raises(MergecError) as caught:
        run(guard, A, -A)
    (found,) = caught.value.diagnostics
    assert found.code == "E817"
    assert found.message == "the interpolation ratio of `w` has a pole"


def test_a_ratio_outside_is_refused_used_or_clipped() -> None:
    with pytest.raises(MergecError) as caught:
        run("error", A, B, C)
    (found,) = caught.value.diagnostics
    assert found.message == "the interpolation ratio of `w` is -3.84 and not between 0 and 1"
    mean = (A + B + C) / 3
    np.testing.assert_allclose(run("none", A, B, C), -3.83719395556 * mean, rtol=1e-11, atol=1e-15)
    assert not np.any(run("clip", A, B, C))


def gram(deltas: Iterable[Any]) -> Gram:
    rows = [np.asarray(delta, np.float64) for delta in deltas]
    return Gram(tuple(tuple(float(x @ y) for y in rows) for x in rows))


def run(guard: str, *deltas: Floats) -> Floats:
    return run_stage(STAGE, REFERENCE, deltas, {"estimator": "cosine", "guard": guard})


@pytest.mark.parametrize("backend", installed_backends())
@pytest.mark.parametrize("estimator", ["cosine", "gram"])
def test_each_row_has_the_ratio_of_a_tensor_of_its_own(backend: Backend, estimator: str) -> None:
    deltas = np.random.default_rng(5).standard_normal((3, 7, 9)) + 0.5
    deltas[1, 4] = 0.0
    deltas[:, 6] = 0.0
    params: dict[str, Value] = {"estimator": estimator, "guard": "clip"}
    found = run_stage(ROWS, backend, [x.ravel() for x in deltas], params, shape=(7, 9))
    rows = [run_stage(STAGE, REFERENCE, [*deltas[:, i]], params) for i in range(7)]
    np.testing.assert_allclose(found.reshape(7, 9), rows, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("guard", ["none", "error"])
def test_a_row_at_the_pole_is_refused(guard: str) -> None:
    x = np.array([3.0, 4.0, 1.0, 0.0])
    params: dict[str, Value] = {"estimator": "gram", "guard": guard}
    with pytest.raises(MergecError) as caught:
        run_stage(ROWS, REFERENCE, [x, x * [-1, -1, 1, 1]], params, shape=(2, 2))
    (found,) = caught.value.diagnostics
    assert found.code == "E817"
    assert found.message == "the interpolation ratio of a row of `w` is not between 0 and 1"


def test_the_factor_is_rounded_once() -> None:
    found = run_stage(
        STAGE,
        REFERENCE,
        [np.array([1.0, 1.0]), np.array([1.0, 1.0]), np.array([1.0, 1.0])],
        {"estimator": "gram", "guard": "clip"},
        work=Dtype.F32,
    )
    assert found.tolist() == [1.0, 1.0]
    assert Fraction(float(found[0])) == 1
