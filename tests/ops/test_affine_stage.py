"""Affine sums: coefficients rounded once, products with stored data exact, zeros untouched."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mergec.backends import get_backend
from mergec.catalog.dtypes import SIGNIFICAND_BITS, Dtype
from mergec.ops.affine import STAGE
from mergec.ops.rounding import (
    coefficient,
    even_precision,
    proportional,
    round_significand,
    significant_bits,
)
from mergec.ops.stage import Cursor, Site
from tests.ops.array_strategies import dyadic, several
from tests.ops.stage_runner import NUMPY_DTYPES, askable, bits, other_backends, run_stage

Floats = NDArray[Any]
REFERENCE = get_backend("reference")

rationals = st.fractions(-8, 8, max_denominator=1000)
storage = st.sampled_from([(Dtype.BF16, Dtype.F32), (Dtype.F16, Dtype.F32), (Dtype.F32, Dtype.F64)])


@pytest.mark.parametrize(
    ("work", "stored", "expected_bits"),
    [
        (Dtype.F32, Dtype.BF16, 16),
        (Dtype.F32, Dtype.F16, 13),
        (Dtype.F64, Dtype.BF16, 45),
        (Dtype.F64, Dtype.F16, 42),
        (Dtype.F64, Dtype.F32, 29),
        (Dtype.F64, Dtype.F64, 53),
        (Dtype.F32, None, 24),
        (Dtype.F64, None, 53),
    ],
)
def test_coefficients_have_the_bits_their_data_leave_free(
    work: Dtype, stored: Dtype | None, expected_bits: int
) -> None:
    rounded = coefficient(Fraction(1, 3), work, stored)
    assert rounded == _nearest(Fraction(1, 3), expected_bits)
    # The expansion of 1/3 alternates, so its last kept bit is set after rounding up.
    assert significant_bits(rounded) in (expected_bits, expected_bits - 1)


def test_equal_coefficients_of_narrow_operands_are_rounded_equally() -> None:
    bf16, f16, f32, f64 = Dtype.BF16, Dtype.F16, Dtype.F32, Dtype.F64
    assert even_precision((bf16, f16, None, f32), f32) == (f16, f16, None, f32)
    assert even_precision((f16, bf16, bf16), f32) == (f16, f16, f16)
    assert even_precision((bf16, f32, f64), f64) == (f32, f32, f64)
    assert even_precision((None, f32), f32) == (None, f32)
    assert significant_bits(0.0) == 0


@given(value=st.fractions(), kept=st.integers(1, 53))
def test_rounding_is_to_nearest_even(value: Fraction, kept: int) -> None:
    assert Fraction(round_significand(value, kept)) == _nearest(value, kept)


@given(x=st.floats(allow_nan=False, allow_infinity=False))
def test_rounding_to_53_bits_is_what_python_does(x: float) -> None:
    assert round_significand(Fraction(x), 53) == x
    third = Fraction(x) / 3
    assert round_significand(third, 53) == third.numerator / third.denominator


def test_rounding_keeps_the_range_of_the_work_dtype() -> None:
    assert coefficient(Fraction(3, 2**151), Dtype.F32, None) == 2.0**-149
    assert coefficient(Fraction(10) ** 400, Dtype.F64, None) == float("inf")
    assert coefficient(-(Fraction(10) ** 400), Dtype.F64, None) == float("-inf")


@given(
    weights=st.lists(rationals.filter(bool), min_size=1, max_size=5),
    scale=st.fractions(Fraction(1, 99), 99),
)
def test_proportional_weights_depend_on_the_ratios_alone(
    weights: list[Fraction], scale: Fraction
) -> None:
    short = proportional(weights)
    assert short == proportional([w * scale for w in weights])
    assert 1 <= max(abs(w) for w in short) < 2
    assert all(a * weights[0] == b * short[0] for a, b in zip(short, weights, strict=True))


def test_equal_weights_are_ones() -> None:
    assert proportional([Fraction("0.7")] * 3) == (Fraction(1),) * 3
    assert proportional([Fraction(0)] * 2) == (Fraction(0),) * 2


@given(data=st.data(), kinds=storage)
def test_stored_terms_are_one_rounded_sum_of_exact_products(
    data: st.DataObject, kinds: tuple[Dtype, Dtype]
) -> None:
    stored, work = kinds
    drawn = [np.clip(x, -60000, 60000) for x in data.draw(several(3))]
    operands = [x.astype(NUMPY_DTYPES[stored]) for x in drawn]
    exact = tuple(data.draw(st.tuples(rationals, rationals, rationals)))
    found = run_stage(
        STAGE, REFERENCE, operands, {"coefficients": exact}, work=work, stored=(stored,) * 3
    )
    rounded = [Fraction(coefficient(c, work, stored)) for c in exact]
    kept = SIGNIFICAND_BITS[work]
    for i, value in enumerate(found.tolist()):
        total = Fraction(0)
        for c, x in zip(rounded, operands, strict=True):
            product = c * Fraction(float(x[i]))
            assert _nearest(product, kept) == product or abs(product) < Fraction(2) ** -120
            total = _nearest(total + product, kept, -149 if work is Dtype.F32 else -1074)
        assert Fraction(value) == total


@given(several(2), st.sampled_from([Dtype.F32, Dtype.F64]))
def test_untouched_coordinates_keep_the_base_bits(arrays: list[Floats], work: Dtype) -> None:
    base, delta = (x.astype(np.float32) for x in arrays)
    delta[::2] = np.copysign(0.0, delta[::2])
    found = run_stage(
        STAGE,
        REFERENCE,
        [base.astype(NUMPY_DTYPES[Dtype.BF16]), delta],
        {"coefficients": (Fraction(1), Fraction(3, 10))},
        work=work,
        stored=(Dtype.BF16, None),
        out=Dtype.BF16,
    )
    assert bits(found)[::2] == bits(base.astype(NUMPY_DTYPES[Dtype.BF16]))[::2]


def test_a_coefficient_of_one_passes_and_minus_one_negates() -> None:
    x = np.array([-0.0, 0.0, 2.0**-149, -1.5], np.float32)
    one: dict[str, Any] = {"coefficients": (Fraction(1),)}
    minus: dict[str, Any] = {"coefficients": (Fraction(-1),)}
    assert bits(run_stage(STAGE, REFERENCE, [x], one, work=Dtype.F32)) == bits(x)
    assert bits(run_stage(STAGE, REFERENCE, [x], minus, work=Dtype.F32)) == bits(-x)
    site = Site("w", (4,), Dtype.F32, (None,))
    block = REFERENCE.load(memoryview(x.tobytes()), Dtype.F32, Dtype.F32)
    assert STAGE.apply(REFERENCE.xp, [block], STAGE.prepare(one, site), Cursor()) is block


def test_zero_coefficients_add_nothing() -> None:
    x, y = np.array([-0.0, -1.0]), np.array([3.0, 4.0])
    copied = run_stage(STAGE, REFERENCE, [x, y], {"coefficients": (Fraction(1), Fraction(0))})
    assert bits(copied) == bits(x)
    nothing = run_stage(STAGE, REFERENCE, [x, y], {"coefficients": (Fraction(0), Fraction(0))})
    assert bits(nothing) == [0, 0]


@pytest.mark.parametrize(
    ("stored", "work"), [(Dtype.BF16, Dtype.F32), (Dtype.F16, Dtype.F32), (Dtype.F32, Dtype.F64)]
)
@pytest.mark.parametrize("n", range(2, 9))
def test_the_mean_of_equal_copies_is_the_copy(stored: Dtype, work: Dtype, n: int) -> None:
    values = np.random.default_rng(n).standard_normal(4096) * 0.02
    x = values.astype(NUMPY_DTYPES[stored])
    params: dict[str, Any] = {"coefficients": (Fraction(1, n),) * n}
    found = run_stage(
        STAGE, REFERENCE, [x] * n, params, work=work, stored=(stored,) * n, out=stored
    )
    assert bits(found) == bits(x)


@pytest.mark.parametrize("backend", other_backends())
@given(arrays=several(3), exact=st.tuples(rationals, rationals, rationals))
def test_backends_agree_bit_for_bit(
    backend: Any, arrays: list[Floats], exact: Sequence[Fraction]
) -> None:
    params: dict[str, Any] = {"coefficients": tuple(exact)}
    arrays = askable(backend, arrays)
    kinds = (Dtype.BF16, None, Dtype.BF16)
    for work in (Dtype.F32, Dtype.F64):
        expected = run_stage(STAGE, REFERENCE, arrays, params, work=work, stored=kinds)
        found = run_stage(STAGE, backend, arrays, params, work=work, stored=kinds)
        assert bits(found) == bits(expected)


@given(arrays=st.lists(dyadic(5), min_size=3, max_size=3))
def test_permuting_dyadic_operands_changes_nothing(arrays: list[Floats]) -> None:
    weights = (Fraction(1, 2), Fraction(1, 4), Fraction(3, 4))
    forward = run_stage(STAGE, REFERENCE, arrays, {"coefficients": weights})
    backward = run_stage(STAGE, REFERENCE, arrays[::-1], {"coefficients": weights[::-1]})
    assert forward.tolist() == backward.tolist()


def test_overflow_gives_infinity_and_no_warning() -> None:
    x = np.array([3e38], np.float32)
    params: dict[str, Any] = {"coefficients": (Fraction(2),)}
    assert run_stage(STAGE, REFERENCE, [x], params, work=Dtype.F32).tolist() == [float("inf")]


def _nearest(value: Fraction, kept: int, least_exponent: int = -(10**6)) -> Fraction:
    """The definition, by counting up from the leading bit."""
    if not value:
        return Fraction(0)
    exponent = 0
    while Fraction(2) ** exponent > abs(value):
        exponent -= 1
    while Fraction(2) ** (exponent + 1) <= abs(value):
        exponent += 1
    unit = Fraction(2) ** max(exponent - kept + 1, least_exponent)
    return round(value / unit) * unit
