"""Spherical interpolation: its geometry, its end points, and what it refuses."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mergec.backends import get_backend
from mergec.catalog.dtypes import Dtype
from mergec.diagnostics import MergecError
from mergec.ops.slerp import STAGE, angle
from tests.ops.array_strategies import several
from tests.ops.stage_runner import askable, bits, other_backends, run_stage

Floats = NDArray[Any]
REFERENCE = get_backend("reference")

inside = st.fractions(Fraction(1, 50), Fraction(49, 50), max_denominator=50)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Floats, Floats]:
    """Two vectors at an angle from 0.1 to 3 radians, with lengths from 1/8 to 8."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(2, 40))
    u, w = rng.standard_normal((2, n))
    u /= np.linalg.norm(u)
    w -= (w @ u) * u
    w /= np.linalg.norm(w)
    theta = draw(st.floats(0.1, 3.0))
    lengths = [2.0 ** draw(st.integers(-3, 3)) for _ in range(2)]
    return lengths[0] * u, lengths[1] * (math.cos(theta) * u + math.sin(theta) * w)


@given(pair=pairs(), t=inside)
def test_the_polar_norm_is_interpolated(pair: tuple[Floats, Floats], t: Fraction) -> None:
    a, b = pair
    expected = float(1 - t) * np.linalg.norm(a) + float(t) * np.linalg.norm(b)
    assert np.linalg.norm(_slerp(a, b, t, norm="polar")) == pytest.approx(expected, rel=1e-12)


@given(pair=pairs(), t=inside)
def test_the_arc_is_divided_in_the_ratio_t(pair: tuple[Floats, Floats], t: Fraction) -> None:
    a, b = pair
    middle = _slerp(a, b, t, norm="polar")
    whole, part = _angle(a, b), _angle(a, middle)
    assert part == pytest.approx(float(t) * whole, rel=1e-9)


@given(pair=pairs(), t=inside)
def test_swapping_the_operands_swaps_the_ends(pair: tuple[Floats, Floats], t: Fraction) -> None:
    a, b = pair
    np.testing.assert_allclose(_slerp(a, b, t), _slerp(b, a, 1 - t), rtol=1e-12, atol=1e-13)


@given(pair=pairs(), t=inside, power=st.integers(-20, 20))
def test_a_common_power_of_two_passes_through(
    pair: tuple[Floats, Floats], t: Fraction, power: int
) -> None:
    a, b = pair
    for scale in (2.0**power, -(2.0**power)):
        found = _slerp(a * scale, b * scale, t)
        np.testing.assert_allclose(found, _slerp(a, b, t) * scale, rtol=1e-13, atol=0)


@given(pair=pairs(), t=inside, semi=inside)
def test_the_polar_arc_is_a_semigroup(
    pair: tuple[Floats, Floats], t: Fraction, semi: Fraction
) -> None:
    a, b = pair
    nested = _slerp(a, _slerp(a, b, t, norm="polar"), semi, norm="polar")
    assume(_angle(a, b) * float(t) > 1e-3)
    direct = _slerp(a, b, t * semi, norm="polar")
    np.testing.assert_allclose(nested, direct, rtol=1e-8, atol=1e-9)


def test_a_translation_does_not_pass_through() -> None:
    a, b, shift = np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([1.0, 1.0])
    moved = _slerp(a + shift, b + shift, Fraction(1, 2))
    assert np.abs(moved - shift - _slerp(a, b, Fraction(1, 2))).max() > 0.1


@pytest.mark.parametrize("work", [Dtype.F32, Dtype.F64])
@pytest.mark.parametrize("norm", ["raw", "polar"])
@given(arrays=several(2, least=1))
def test_the_end_points_are_copies_without_a_sweep(
    work: Dtype, norm: str, arrays: list[Floats]
) -> None:
    kind = np.float32 if work is Dtype.F32 else np.float64
    for t, end in ((Fraction(0), arrays[0]), (Fraction(1), arrays[1])):
        assert STAGE.sweeps({"t": t}, work) == 0
        found = _slerp(arrays[0], arrays[1], t, norm=norm, work=work)
        assert bits(found) == bits(end.astype(kind))


@pytest.mark.parametrize("theta", [0.0, 1e-8])
def test_parallel_operands_are_interpolated_linearly(theta: float) -> None:
    a = np.array([2.0, 0.0])
    b = 3 * np.array([math.cos(theta), math.sin(theta)])
    found = _slerp(a, b, Fraction(1, 4))
    assert found.tolist() == (0.75 * a + 0.25 * b).tolist()


def test_a_zero_operand_is_interpolated_linearly() -> None:
    a, zero = np.array([2.0, -4.0]), np.zeros(2)
    assert _slerp(a, zero, Fraction(1, 2)).tolist() == [1.0, -2.0]
    assert _slerp(zero, zero, Fraction(1, 2)).tolist() == [0.0, 0.0]
    assert _slerp(np.array([]), np.array([]), Fraction(1, 2)).tolist() == []


@pytest.mark.parametrize("gap", [0.0, 5e-7])
@pytest.mark.parametrize("factor", [-1.0, -2.0])
def test_antiparallel_operands_are_refused_by_name(gap: float, factor: float) -> None:
    a = np.array([1.0, 0.0])
    b = factor * np.array([math.cos(gap), math.sin(gap)])
    with pytest.raises(MergecError) as caught:
        _slerp(a, b, Fraction(1, 2))
    (found,) = caught.value.diagnostics
    assert found.code == "E808"
    assert "`w`" in found.message
    lerp = _slerp(a, b, Fraction(1, 2), antiparallel="lerp")
    assert lerp.tolist() == (0.5 * a + 0.5 * b).tolist()


def test_nearly_antiparallel_operands_are_not_refused() -> None:
    gap = 1e-5
    a, b = np.array([1.0, 0.0]), np.array([-math.cos(gap), math.sin(gap)])
    found = _slerp(a, b, Fraction(1, 2))
    assert float(np.linalg.norm(found)) == pytest.approx(1.0, rel=1e-6)


def test_one_element_is_linear_or_antiparallel() -> None:
    assert _slerp(np.array([1.0]), np.array([3.0]), Fraction(1, 2)).tolist() == [2.0]
    with pytest.raises(MergecError, match="opposite"):
        _slerp(np.array([1.0]), np.array([-3.0]), Fraction(1, 2))


@pytest.mark.parametrize("theta", [1e-5, 1e-4, 0.03, 1.0, math.pi / 2, 3.1, math.pi - 1e-5])
def test_the_angle_is_accurate_where_the_arc_cosine_is_not(theta: float) -> None:
    rng = np.random.default_rng(1)
    u, w = np.linalg.qr(rng.standard_normal((100, 2)))[0].T
    assert _angle(u, math.cos(theta) * u + math.sin(theta) * w) == pytest.approx(theta, rel=1e-9)


def test_no_angle_without_two_directions() -> None:
    assert angle(0.0, 1.0, 1.0, 1.0, 0.0) is None


@pytest.mark.parametrize("ratio", [1.0, 2.0**19, 2.0**30, 1e60])
@pytest.mark.parametrize("theta", [0.01, 0.7, 2.5])
def test_the_angle_does_not_depend_on_how_unequal_the_norms_are(ratio: float, theta: float) -> None:
    u, w = np.array([1.0, 0.0]), np.array([math.cos(theta), math.sin(theta)])
    assert _angle(ratio * u, w) == pytest.approx(theta, rel=1e-8)
    assert _angle(ratio * u, w) == _angle(w, ratio * u)


def test_polar_on_one_line_interpolates_the_length() -> None:
    u = np.array([0.6, 0.8])
    found = _slerp(u, 3 * u, Fraction(1, 4), norm="polar")
    np.testing.assert_allclose(found, 1.5 * u, rtol=1e-15)
    # One turned by less than the small angle: the direction of both, still of that length.
    turned = 3e6 * np.array([math.cos(1e-7), math.sin(1e-7)])
    found = _slerp(np.array([1.0, 0.0]), turned, Fraction(1, 2), norm="polar")
    assert float(np.hypot(*found)) == pytest.approx(0.5 + 1.5e6, rel=1e-13)


def test_norms_beyond_float64_are_an_overflow() -> None:
    with pytest.raises(MergecError) as caught:
        _slerp(np.array([1e200, 0.0]), np.array([0.0, 1e200]), Fraction(1, 2))
    assert [found.code for found in caught.value.diagnostics] == ["E806"]


def test_lengths_whose_ratio_exceeds_float64_are_an_overflow() -> None:
    with pytest.raises(MergecError) as caught:
        _slerp(np.array([1e-161, 0.0]), np.array([1e153, 1e153]), Fraction(1, 2), norm="polar")
    assert [found.code for found in caught.value.diagnostics] == ["E806"]


@pytest.mark.parametrize("backend", other_backends())
@given(pair=pairs(), t=inside)
def test_backends_agree_bit_for_bit(backend: Any, pair: tuple[Floats, Floats], t: Fraction) -> None:
    kinds, operands = (Dtype.BF16, None), askable(backend, pair)
    for work in (Dtype.F32, Dtype.F64):
        params: dict[str, Any] = {"t": t, "norm": "polar"}
        expected = run_stage(STAGE, REFERENCE, operands, params, work=work, stored=kinds)
        found = run_stage(STAGE, backend, operands, params, work=work, stored=kinds)
        assert bits(found) == bits(expected)


def _slerp(a: Floats, b: Floats, t: Fraction, *, work: Dtype = Dtype.F64, **params: Any) -> Floats:
    return run_stage(STAGE, REFERENCE, [a, b], {"t": t, **params}, work=work)


def _angle(a: Floats, b: Floats) -> float:
    aa, bb, dd, ss = (float((x * x).sum()) for x in (a, b, a - b, a + b))
    theta = angle(aa, bb, dd, ss, float((a * b).sum()))
    assert theta is not None
    return theta
