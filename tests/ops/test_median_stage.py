"""The median against sorting, down to the sign of zeros."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mergec.backends import Backend, get_backend
from mergec.ops.median import STAGE
from tests.ops.array_strategies import several
from tests.ops.stage_runner import bits, installed_backends, run_stage

Floats = NDArray[Any]
REFERENCE = get_backend("reference")


@given(data=st.data(), count=st.integers(1, 6), even=st.sampled_from(["mean", "lower", "upper"]))
def test_the_median_is_the_middle_of_the_sorted_values(
    data: st.DataObject, count: int, even: str
) -> None:
    operands = data.draw(several(count, least=1))
    found = run_stage(STAGE, REFERENCE, operands, {"even": even})
    expected = [middle([float(x[j]) for x in operands], even) for j in range(len(operands[0]))]
    assert bits(found) == bits(np.array(expected))


@given(data=st.data(), count=st.integers(2, 5))
def test_the_order_of_the_operands_says_nothing(data: st.DataObject, count: int) -> None:
    operands = data.draw(several(count, least=1))
    turned = data.draw(st.permutations(operands))
    first, second = (run_stage(STAGE, REFERENCE, each, {}) for each in (operands, turned))
    assert bits(first) == bits(second)


@pytest.mark.parametrize("backend", installed_backends())
@pytest.mark.parametrize(
    ("values", "negative"),
    [
        ((-0.0, 0.0, 0.0), False),
        ((-0.0, -0.0, 0.0), True),
        ((-0.0, 0.0, -1.0), True),
        ((-0.0, 0.0, 1.0), False),
        ((-0.0, 0.0), False),
        ((-0.0, -0.0), True),
        ((-1.0, 1.0), False),
    ],
)
def test_minus_zero_is_below_zero(
    values: Sequence[float], negative: bool, backend: Backend
) -> None:
    found = run_stage(STAGE, backend, [np.array([x]) for x in values], {})
    assert (float(found[0]), math.copysign(1.0, found[0]) < 0) == (0.0, negative)


def middle(values: Sequence[float], even: str) -> float:
    """By sorting numbers and signs of zeros."""
    order = sorted(values, key=lambda x: (x, math.copysign(1.0, x)))
    low, high = order[(len(order) - 1) // 2], order[len(order) // 2]
    if len(order) % 2 or even == "lower":
        return low
    return high if even == "upper" else (low + high) * 0.5
