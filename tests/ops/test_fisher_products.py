"""When fisher says that its products are exact, the largest of them is."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import pytest

from mergec.catalog.dtypes import Dtype
from mergec.ir import STATISTICS, Value
from mergec.ops.fisher import STAGE

BF16, F32, F64 = Dtype.BF16, Dtype.F32, Dtype.F64


def contractible(weights: Sequence[int], stored: Sequence[Dtype | None], work: Dtype) -> bool:
    exact = tuple(map(Fraction, weights))
    floor = Fraction(1, 10**6)
    params: Mapping[str, Value] = {
        "weights": exact,
        "floor": floor,
        "floor_on": "all",
        STATISTICS: len(weights),
    }
    return STAGE.contractible(params, stored, work)


@pytest.mark.parametrize("weight", range(1, 130))
def test_weight_times_information_times_value(weight: int) -> None:
    largest = weight * (2**24 - 1) * (2**24 - 1)
    is_exact = int(float(largest)) == largest
    assert contractible([weight, 1], [F32] * 4, F32) is not is_exact


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ([BF16, BF16, BF16, BF16], False),
        ([F32, F32, BF16, BF16], False),
        ([BF16, BF16, BF16, F64], True),
        ([BF16, BF16, F64, BF16], True),
        ([BF16, F64, BF16, BF16], True),
    ],
)
def test_every_operand_and_its_information_count(
    stored: Sequence[Dtype | None], expected: bool
) -> None:
    assert contractible([1, 1], stored, F64 if F64 in stored else F32) is expected
