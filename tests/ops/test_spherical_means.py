"""Means on a sphere: where they point, how long they are, and what they have to do with slerp."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mergec.backends import get_backend
from mergec.ir import Value
from mergec.ops.karcher import STAGE as KARCHER
from mergec.ops.nlerp import STAGE as NLERP
from mergec.ops.slerp import STAGE as SLERP
from tests.ops.stage_runner import run_stage

Floats = NDArray[Any]
REFERENCE = get_backend("reference")
SETTLED: dict[str, Value] = {"tol": Fraction(1, 10**12), "max_iter": 100}


@st.composite
def bundles(draw: st.DrawFn) -> tuple[list[Floats], tuple[Fraction, ...]]:
    """Two to five vectors around a common one, of lengths 1/8 to 8, and weights."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count, n = draw(st.integers(2, 5)), draw(st.integers(3, 30))
    middle = rng.standard_normal(n)
    spread = draw(st.sampled_from([1e-6, 1e-2, 0.3]))
    found = [
        (middle + spread * np.linalg.norm(middle) * rng.standard_normal(n) / np.sqrt(n))
        * 2.0 ** draw(st.integers(-3, 3))
        for _ in range(count)
    ]
    return found, tuple(Fraction(draw(st.integers(1, 9))) for _ in found)


@given(bundle=bundles())
def test_karcher_is_where_no_operand_pulls(
    bundle: tuple[list[Floats], tuple[Fraction, ...]],
) -> None:
    operands, weights = bundle
    found = karcher(operands, weights)
    u = found / np.linalg.norm(found)
    pull = np.zeros_like(u)
    for x, weight in zip(operands, weights, strict=True):
        v = x / np.linalg.norm(x)
        across = v - (v @ u) * u
        sine = float(np.linalg.norm(across))
        angle = np.arctan2(sine, v @ u)
        pull += float(weight / sum(weights)) * (across * (angle / sine) if sine else 0.0)
    assert np.linalg.norm(pull) < 1e-11


@given(bundle=bundles())
def test_both_means_are_as_long_as_the_operands(
    bundle: tuple[list[Floats], tuple[Fraction, ...]],
) -> None:
    operands, weights = bundle
    lengths = [float(w) * np.linalg.norm(x) for x, w in zip(operands, weights, strict=True)]
    expected = sum(lengths) / float(sum(weights))
    for found in (karcher(operands, weights), nlerp(operands, weights)):
        assert np.linalg.norm(found) == pytest.approx(expected, rel=1e-12)


@given(bundle=bundles(), t=st.fractions(Fraction(1, 20), Fraction(19, 20), max_denominator=20))
def test_karcher_of_two_is_polar_slerp(
    bundle: tuple[list[Floats], tuple[Fraction, ...]], t: Fraction
) -> None:
    pair = bundle[0][:2]
    assume(apart(*pair) > 1e-5)
    arc = run_stage(SLERP, REFERENCE, pair, {"t": t, "norm": "polar"})
    size = float(np.max(np.abs(arc)))
    np.testing.assert_allclose(karcher(pair, (1 - t, t)), arc, rtol=0, atol=1e-12 * size)


@given(bundle=bundles(), power=st.integers(-20, 20))
def test_the_direction_does_not_know_the_lengths(
    bundle: tuple[list[Floats], tuple[Fraction, ...]], power: int
) -> None:
    (first, *others), weights = bundle
    longer = [first * 2.0**power, *others]
    for mean in (karcher, nlerp):
        u, v = mean([first, *others], weights), mean(longer, weights)
        u, v = u / np.linalg.norm(u), v / np.linalg.norm(v)
        np.testing.assert_allclose(u, v, rtol=0, atol=1e-12)


@given(bundle=bundles())
def test_means_turn_with_the_operands(
    bundle: tuple[list[Floats], tuple[Fraction, ...]],
) -> None:
    operands, weights = bundle
    n = len(operands[0])
    turn, _ = np.linalg.qr(np.random.default_rng(n).standard_normal((n, n)))
    for mean in (karcher, nlerp):
        turned = mean([turn @ x for x in operands], weights)
        plain = turn @ mean(operands, weights)
        np.testing.assert_allclose(turned, plain, rtol=0, atol=1e-11 * float(np.max(abs(plain))))


@pytest.mark.parametrize("stage", [NLERP, KARCHER], ids=lambda stage: stage.name)
def test_a_zero_tensor_counts_for_the_length_alone(stage: Any) -> None:
    x, y = np.array([3.0, 4.0]), np.zeros(2)
    found = run_stage(stage, REFERENCE, [x, y], {"weights": Fraction(1), **SETTLED})
    np.testing.assert_allclose(found, x / 2, rtol=1e-15)
    nothing = run_stage(stage, REFERENCE, [y, -y], {"weights": Fraction(1), **SETTLED})
    assert nothing.tolist() == [0.0, 0.0]


def apart(a: Floats, b: Floats) -> float:
    """The distance of the directions."""
    return float(np.linalg.norm(a / np.linalg.norm(a) - b / np.linalg.norm(b)))


def karcher(operands: Sequence[Floats], weights: tuple[Fraction, ...]) -> Floats:
    return run_stage(KARCHER, REFERENCE, operands, {"weights": weights, **SETTLED})


def nlerp(operands: Sequence[Floats], weights: tuple[Fraction, ...]) -> Floats:
    return run_stage(NLERP, REFERENCE, operands, {"weights": weights})
