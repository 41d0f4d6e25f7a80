"""Statistics where rounding, overflow or a block's edge would give another answer."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mergec.backends import Backend, get_backend
from mergec.catalog import Dtype
from mergec.ops.measures import MEASURES

REFERENCE: Backend = get_backend("reference")
Floats = NDArray[Any]


def measured(kind: str, *operands: Sequence[float], block: int = 1 << 16) -> float | bool:
    measure = MEASURES[kind]
    tally = measure.begin()
    arrays = [np.array(values, np.float64) for values in operands]
    for start in range(0, len(arrays[0]), block):
        pieces = [memoryview(x[start : start + block].tobytes()) for x in arrays]
        blocks = [REFERENCE.load(piece, Dtype.F64, Dtype.F64) for piece in pieces]
        measure.observe(REFERENCE.xp, tally, blocks)
    return measure.value([measure.partial(tally)])


def test_an_early_block_is_not_forgotten() -> None:
    assert measured("finite", [math.inf, 1, 2, 3], block=2) is False
    assert measured("sparsity", [0, 1, 2, 3], block=2) == 1 / 4
    assert measured("sign_conflict", [1, 1, 1, 1], [-1, 1, 1, 1], block=2) == 1 / 4


def test_zero_has_no_sign_to_conflict_with() -> None:
    assert measured("sign_conflict", [0.0, 2, -0.0, 0], [1.0, 0, 1, -1]) == 0


def test_cosines_of_unit_vectors() -> None:
    assert measured("cosine", [1, 0], [1, 0]) == 1
    assert measured("cosine", [1, 0], [0.6, 0.8]) == 0.6
    assert measured("cosine", [0.6, 0.8], [0, -1]) == -0.8
    assert measured("cosine", [3, 4], [0, 0]) == 0


@pytest.mark.parametrize("sign", [1, -1])
def test_rounding_makes_no_cosine_larger_than_one(sign: int) -> None:
    draws = np.random.default_rng(5).standard_normal((300, 3))
    found = [measured("cosine", x.tolist(), (sign * 3 * x).tolist()) for x in draws]
    assert max(map(abs, found)) == 1
    assert min(map(abs, found)) > 1 - 1e-15


def test_a_cosine_is_unknown_if_one_square_overflows() -> None:
    assert math.isnan(measured("cosine", [1e200, 0], [0, 1]))
    assert math.isnan(measured("cosine", [0, 1], [1e200, 0]))
