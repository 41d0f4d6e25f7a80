"""Dropping both ends of the order of magnitudes: how many stay, and which."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mergec.backends import Backend, get_backend
from mergec.catalog.dtypes import Dtype
from mergec.ops.breadcrumbs import STAGE, crumb_counts
from tests.ops.array_strategies import adversarial, dyadic
from tests.ops.stage_runner import bits, installed_backends, run_stage

Floats = NDArray[Any]
REFERENCE = get_backend("reference")


@pytest.mark.parametrize("backend", installed_backends())
def test_fifty_elements_are_not_all_dropped(backend: Backend) -> None:
    params = {"density": Fraction(9, 10), "gamma": Fraction(1, 100)}
    found = run_stage(STAGE, backend, [np.arange(1.0, 51.0)], params)
    assert np.count_nonzero(found) == 45


@pytest.mark.parametrize(
    ("density", "gamma", "n", "kept"),
    [
        ("1/2", "1/5", 6, (3, 1)),
        ("9/10", "1/100", 50, (45, 0)),
        ("9/10", "1/5", 10, (9, 1)),
        ("1/100", "1/2", 1, (1, 0)),
        ("0.29", "0.57", 100, (29, 57)),
        ("1/2", "0", 7, (3, 0)),
        ("1/2", "1/5", 0, (0, 0)),
    ],
)
def test_counts(density: str, gamma: str, n: int, kept: tuple[int, int]) -> None:
    assert crumb_counts(Fraction(density), Fraction(gamma), n) == kept


@given(
    x=st.integers(1, 30).flatmap(lambda n: dyadic(n) | adversarial(n)),
    density=st.fractions(Fraction(1, 20), Fraction(19, 20), max_denominator=20),
    gamma=st.fractions(Fraction(0), Fraction(19, 20), max_denominator=20),
    work=st.sampled_from([Dtype.F32, Dtype.F64]),
)
def test_what_stays_is_the_middle_of_a_stable_sort(
    x: Floats, density: Fraction, gamma: Fraction, work: Dtype
) -> None:
    found = run_stage(STAGE, REFERENCE, [x], {"density": density, "gamma": gamma}, work=work)
    k, t = crumb_counts(density, gamma, len(x))
    order = np.argsort(-np.abs(x), kind="stable")[t : t + k]
    expected = np.zeros(len(x))
    expected[order] = x[order]
    assert bits(found.astype(np.float64)) == bits(expected)


@pytest.mark.parametrize("backend", installed_backends())
def test_classes_of_equals_run_over_many_blocks(backend: Backend) -> None:
    x = np.tile([1.0, -1.0, 0.5, 2.0], 3 * 2**15)
    params = {"density": Fraction(3, 10), "gamma": Fraction(1, 4) + Fraction(1, 10)}
    small, large = (run_stage(STAGE, backend, [x], params, block=b) for b in (2**16, 2**19))
    assert bits(small) == bits(large)
    k, t = crumb_counts(params["density"], params["gamma"], len(x))
    order = np.argsort(-np.abs(x), kind="stable")[t : t + k]
    assert np.flatnonzero(small).tolist() == sorted(order.tolist())
