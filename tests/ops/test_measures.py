"""Statistics of whole values against numpy, at the edges of float64, and exactly added."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mergec.backends import Backend
from mergec.catalog import Dtype
from mergec.ops.measures import MEASURES, Partial
from mergec.ops.tree_sum import LEAF
from tests.ops.stage_runner import installed_backends

Floats = NDArray[Any]
BACKENDS = installed_backends()
REFERENCE: Backend = BACKENDS[0].values[0]


def measured(
    kind: str,
    *tensors: Sequence[Floats],
    backend: Backend = REFERENCE,
    block: int = LEAF,
    work: Dtype = Dtype.F32,
) -> float | bool:
    """The statistic of values with several tensors; each of `tensors` holds its operands."""
    measure = MEASURES[kind]
    partials: list[Partial] = []
    for operands in tensors:
        tally = measure.begin()
        for start in range(0, len(operands[0]), block):
            pieces = [x[start : start + block].tobytes() for x in operands]
            blocks = [backend.load(memoryview(piece), work, work) for piece in pieces]
            measure.observe(backend.xp, tally, blocks)
        partials.append(measure.partial(tally))
    return measure.value(partials)


def f32(*values: float) -> Floats:
    return np.array(values, np.float32)


def f64(*values: float) -> Floats:
    return np.array(values, np.float64)


def draws(seed: int, n: int = LEAF + 77) -> Floats:
    x = np.random.default_rng(seed).normal(0, 0.02, n).astype(np.float32)
    x[::7] = 0
    return x


def expected(kind: str, x: Floats, y: Floats) -> float:
    """What numpy says of two whole values."""
    match kind:
        case "norm":
            return float(np.linalg.norm(x))
        case "cosine":
            return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))
        case "sparsity":
            return np.count_nonzero(x == 0) / len(x)
        case "sign_conflict":
            return np.count_nonzero(x * y < 0) / len(x)
        case _:
            return bool(np.isfinite(x).all())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", MEASURES)
def test_what_is_measured(kind: str, backend: Backend) -> None:
    count = MEASURES[kind].operands[0]
    tensors = [[draws(2 * n + i, LEAF * n + 77) for i in range(2)] for n in range(3)]
    whole = [np.concatenate([t[i] for t in tensors]).astype(np.float64) for i in range(2)]

    found = {
        measured(kind, *(t[:count] for t in tensors), backend=backend, block=block)
        for block in (LEAF, 2 * LEAF, 4 * LEAF)
    }

    (value,) = found
    assert value == pytest.approx(expected(kind, whole[0], whole[1]), rel=1e-12)
    assert value == measured(kind, *(t[:count] for t in tensors))
    assert value == measured(kind, *(t[:count] for t in reversed(tensors)))


def test_three_operands_conflict_where_two_of_them_do() -> None:
    x, y, z = f32(1, 1, 0, -1, 0.0), f32(1, 0, 0, -2, -0.0), f32(1, -1, -1, -3, 0.0)

    assert measured("sign_conflict", [x, y, z]) == 1 / 5


@pytest.mark.parametrize(
    ("kind", "value"),
    [("norm", 0.0), ("cosine", 0.0), ("sparsity", 0.0), ("finite", True), ("sign_conflict", 0.0)],
)
def test_nothing_at_all(kind: str, value: float | bool) -> None:
    empty = [f32()] * MEASURES[kind].operands[0]

    assert measured(kind) == value
    assert measured(kind, empty, empty) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_not_finite_is_no_crash(value: float, backend: Backend) -> None:
    x, y = f32(1, value, 2), f32(1, 1, 1)

    assert measured("finite", [x], backend=backend) is False
    assert measured("finite", [y], [y], backend=backend) is True
    assert not math.isfinite(measured("norm", [x], [y], backend=backend))
    assert math.isnan(measured("cosine", [x, y], [y, y], backend=backend))
    assert measured("sparsity", [x], backend=backend) == 0
    # NaN has no sign.
    conflict = 1 / 3 if value < 0 else 0
    assert measured("sign_conflict", [x, y], backend=backend) == conflict


def test_sums_beyond_float64_are_infinite() -> None:
    large = f64(1e200, 1e200)

    assert measured("norm", [large], work=Dtype.F64) == math.inf
    # Each tensor's sum is finite, and all of them together are not.
    halves = [[f64(1e154)]] * 4
    assert measured("norm", *halves, work=Dtype.F64) == math.inf
    assert math.isnan(measured("cosine", [large, large], work=Dtype.F64))
    assert measured("cosine", [large, f64(0, 0)], work=Dtype.F64) == 0


def test_an_overflow_on_the_way_is_none_in_the_end() -> None:
    measure = MEASURES["cosine"]
    along = [((part, 1e300, 1e300), (0, 0)) for part in (1e308, 1e308, -1e308, -1e308, 1e299)]

    assert measure.value(along) == pytest.approx(0.02)


def test_sums_of_tensors_are_added_exactly() -> None:
    parts = [((x,), (0, 0)) for x in (1e16, 1.0, 1.0, 1e-16)]

    assert MEASURES["norm"].value(parts) == math.sqrt(float(sum(Fraction(x[0][0]) for x in parts)))
    assert MEASURES["norm"].value(parts) == MEASURES["norm"].value(parts[::-1])


def test_a_cosine_stays_between_its_bounds() -> None:
    x = draws(1)

    for y, bound in ((x, 1), (-x, -1)):
        found = measured("cosine", [x, y])
        assert found == pytest.approx(bound)
        assert -1 <= found <= 1
    tiny = f64(5e-324)
    assert measured("cosine", [tiny, tiny], work=Dtype.F64) == 0  # its square is zero
