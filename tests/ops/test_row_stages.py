"""Stages over rows, columns and blocks: against plain loops, and on all backends alike."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mergec.backends import get_backend
from mergec.catalog.dtypes import Dtype
from mergec.diagnostics import MergecError
from mergec.ir import Value
from mergec.ops import STAGES
from mergec.ops.arcee_fusion import importance
from mergec.ops.drop_by_rank import STAGE as DROP_BY_RANK
from mergec.ops.drop_by_rank import keep_probability, rank_table
from mergec.ops.rounding import coefficient, coefficient_of_float
from mergec.ops.threefry import keep_threshold
from tests.ops.stage_runner import askable, bits, installed_backends, other_backends, run_stage

Floats = NDArray[Any]
REFERENCE = get_backend("reference")
on_every_backend = pytest.mark.parametrize("backend", installed_backends())

# Few enough values that ties are everywhere.
few = st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5])
vectors = st.lists(few, min_size=1, max_size=40).map(np.array)


def _dropping(**others: Value) -> dict[str, Value]:
    drawn: dict[str, Value] = {"seed": 3, "role": "dare", "label": "a"}
    return {**drawn, "density": Fraction(1, 2), "epsilon": Fraction(1, 4), **others}


@on_every_backend
@settings(max_examples=15)
@given(x=vectors, n=st.integers(1, 5), more=st.integers(0, 4), seed=st.integers(0, 99))
def test_n_of_m_is_a_sort_of_every_block(
    backend: Any, x: Floats, n: int, more: int, seed: int
) -> None:
    m = n + more
    taker = np.random.default_rng(seed).integers(0, 2, len(x)).astype(float)
    expected = np.zeros(len(x))
    for start in range(0, len(x), m):
        block = np.where(taker[start : start + m] == 0, x[start : start + m], 0.0)
        best = sorted(range(len(block)), key=lambda j: (-abs(block[j]), j))[:n]
        for j in best:
            expected[start + j] = block[j]
    found = run_stage(STAGES["n_of_m"], backend, [x, taker], {"n": n, "m": m})
    assert found.tolist() == expected.tolist()
    assert not np.signbit(found[found == 0]).any()


@pytest.mark.parametrize("work", [Dtype.F32, Dtype.F64])
@pytest.mark.parametrize("rescale", ["per_element", "none", "l1"])
@given(seed=st.integers(0, 2**32), row=st.integers(1, 9))
def test_without_epsilon_drop_by_rank_is_drop(
    work: Dtype, rescale: str, seed: int, row: int
) -> None:
    x = np.random.default_rng(seed).standard_normal(3 * row)
    for density in (Fraction(3, 10), Fraction(1)):
        params = _dropping(density=density, epsilon=Fraction(0), rescale=rescale)
        found = run_stage(DROP_BY_RANK, REFERENCE, [x], params, work=work, shape=(3, row))
        plain = {**params, "rescale": "inv" if rescale == "per_element" else rescale}
        expected = run_stage(STAGES["drop"], REFERENCE, [x], plain, work=work)
        if density < 1 or rescale != "l1":
            assert bits(found) == bits(expected)


def test_larger_entries_are_kept_more_probably() -> None:
    x = [0.5, -3.0, 0.0, 2.0, -0.5, 1.0]
    found = DROP_BY_RANK.keep_probabilities(_dropping(), (2, 3), x)
    row = [Fraction(1, 4), Fraction(1, 2), Fraction(3, 4)]
    assert found == (row[1], row[2], row[0], row[2], row[0], row[1])


@given(
    density=st.fractions(Fraction(1, 9), Fraction(8, 9), max_denominator=50),
    part=st.fractions(0, Fraction(9, 10), max_denominator=50),
    row=st.integers(1, 70),
)
def test_the_table_is_exact(density: Fraction, part: Fraction, row: int) -> None:
    epsilon = min(density, 1 - density) * part
    shares = [keep_probability(density, epsilon, rank, row) for rank in range(row)]
    assert sum(shares) == density * row
    for work in (Dtype.F32, Dtype.F64):
        table = rank_table(density, epsilon, row, work)
        assert table.thresholds == tuple(map(keep_threshold, shares))
        assert table.divisors == tuple(coefficient(share, work, None) for share in shares)


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_rounded_as_a_rational_is(value: float) -> None:
    for work, kind in ((Dtype.F32, Dtype.BF16), (Dtype.F64, Dtype.F32), (Dtype.F64, None)):
        found = coefficient_of_float(value, work, kind)
        assert found == coefficient(Fraction(value), work, kind)


def test_a_probability_of_one_keeps_always() -> None:
    x = np.arange(1.0, 4097.0)
    params = _dropping(density=Fraction(3, 4), epsilon=Fraction(1, 4), rescale="none")
    found = run_stage(DROP_BY_RANK, REFERENCE, [np.tile([1.0, 2.0], 2048)], params, shape=(2048, 2))
    assert (found[1::2] == 2.0).all()
    assert 0 < np.count_nonzero(found[0::2]) < 2048
    whole = run_stage(DROP_BY_RANK, REFERENCE, [x], params)
    assert abs(np.count_nonzero(whole) - 3072) < 6 * 28


def test_the_l1_norm_of_the_tensor_is_restored() -> None:
    x = np.random.default_rng(5).standard_normal(600)
    params = _dropping(rescale="l1")
    found = run_stage(DROP_BY_RANK, REFERENCE, [x], params, shape=(20, 30))
    assert np.abs(found).sum() == pytest.approx(np.abs(x).sum(), rel=1e-12)
    zeros = run_stage(DROP_BY_RANK, REFERENCE, [np.zeros(6)], params, shape=(2, 3))
    assert bits(zeros) == [0] * 6


@on_every_backend
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), rows=st.integers(1, 12), row=st.integers(1, 12))
def test_the_threshold_of_arcee_fusion_is_that_of_a_sort(
    backend: Any, seed: int, rows: int, row: int
) -> None:
    rng = np.random.default_rng(seed)
    a = rng.standard_normal(rows * row)
    b = a + rng.standard_normal(rows * row) * rng.integers(0, 2, rows * row)
    xp = backend.xp
    blocks = [backend.load(memoryview(x.tobytes()), Dtype.F64, Dtype.F64) for x in (a, b)]
    size = np.array(xp.host(importance(xp, blocks[0], blocks[1], row)))
    n = len(size)
    low, middle, high = (np.sort(size)[quarter * (n - 1) // 4] for quarter in (1, 2, 3))
    expected = np.where(size >= middle + 1.5 * (high - low), b, a)
    params: dict[str, Value] = {"reach": Fraction(3, 2)}
    found = run_stage(STAGES["arcee_fusion"], backend, [a, b], params, shape=(rows, row))
    assert found.tolist() == expected.tolist()


def test_blocks_do_not_change_what_arcee_fusion_takes() -> None:
    rng = np.random.default_rng(8)
    a, b = rng.standard_normal((2, 3 * 65536))
    params: dict[str, Value] = {"reach": Fraction(3, 2)}
    found = [
        run_stage(STAGES["arcee_fusion"], REFERENCE, [a, b], params, shape=(768, 256), block=block)
        for block in (65536, 131072, 196608)
    ]
    assert bits(found[0]) == bits(found[1]) == bits(found[2])


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
@pytest.mark.parametrize("stage", ["arcee_fusion", "slerp", "weigh_columns", "n_of_m"])
def test_nothing_comes_to_nothing(stage: str, shape: tuple[int, ...]) -> None:
    params: dict[str, Value] = {
        **{"reach": Fraction(1), "t": Fraction(1, 3), "scope": "row", "n": 1, "m": 3},
        **{"ratio": Fraction(1), "value": Fraction(1)},
    }
    empty = np.zeros(0)
    assert len(run_stage(STAGES[stage], REFERENCE, [empty, empty], params, shape=shape)) == 0


def test_a_row_of_opposite_directions_is_named() -> None:
    a = np.arange(1.0, 7.0)
    b = a * [1, 1, 1, 1, -2, -2]
    with pytest.raises(MergecError) as caught:
        _slerp(a, b, (3, 2), "row")
    (found,) = caught.value.diagnostics
    assert (found.code, "row 2 of `w`" in found.message) == ("E808", True)
    straight = _slerp(a, b, (3, 2), "row", antiparallel="lerp")
    assert straight[4:].tolist() == [0.75 * 5 - 0.25 * 10, 0.75 * 6 - 0.25 * 12]


def test_a_row_in_a_later_block_has_its_own_number() -> None:
    a = np.ones(4 * 65536)
    b = a.copy()
    b[3 * 65536 :] = -1.0
    with pytest.raises(MergecError, match="row 3 of"):
        _slerp(a, b, (4, 65536), "row", block=65536)


def test_a_column_of_opposite_directions_is_named() -> None:
    a = np.arange(1.0, 7.0)
    with pytest.raises(MergecError, match="column 1 of `w`"):
        _slerp(a, a * [1, -1, 1, 1, -1, 1], (2, 3), "column")


@pytest.mark.parametrize("scope", ["row", "column"])
def test_a_vector_is_one_group(scope: str) -> None:
    a, b = np.array([1.0, -2.0, 3.0]), np.array([-1.0, 0.5, 2.0])
    assert bits(_slerp(a, b, (3,), scope)) == bits(_slerp(a, b, (3,), "tensor"))


def test_zero_and_parallel_rows_are_interpolated_linearly() -> None:
    a, b = np.array([1.0, 2, 0, 0]), np.array([3.0, 6, 4, 4])
    assert _slerp(a, b, (2, 2), "row").tolist() == [1.5, 3, 1, 1]


def test_rows_beyond_float64_are_an_overflow() -> None:
    a, b = np.array([1e200, 0.0, 1, 1]), np.array([0.0, 1e200, 1, 1])
    with pytest.raises(MergecError) as caught:
        _slerp(a, b, (2, 2), "row")
    assert [found.code for found in caught.value.diagnostics] == ["E806"]


def test_a_column_of_zeros_has_not_turned() -> None:
    base, delta = np.array([0.0, 1, 0, 1]), np.array([2.0, 0.5, 2, 0])
    params: dict[str, Value] = {"ratio": Fraction(1), "value": Fraction(1)}
    found = run_stage(STAGES["weigh_columns"], REFERENCE, [base, delta], params, shape=(2, 2))
    # The zero column moved most in length, and the other, which alone turned, in direction.
    assert found.tolist() == [2, 0.5, 2, 0]
    half = {**params, "value": Fraction(0)}
    weighed = run_stage(STAGES["weigh_columns"], REFERENCE, [base, delta], half, shape=(2, 2))
    assert weighed.tolist() == [1, 0.25, 1, 0]


def test_the_entries_of_a_vector_are_weighed_by_their_size() -> None:
    base, one, two = np.zeros(3), np.array([3.0, 0.1, 0.1]), np.array([0.0, 0.1, -3.0])
    params: dict[str, Value] = {"ratio": Fraction(1), "value": Fraction(1)}
    found = run_stage(STAGES["weigh_columns"], REFERENCE, [base, one, two], params)
    small = np.exp(0.1) / (np.exp(0.1) + np.exp(3.0))
    np.testing.assert_allclose(found, [3.0, 0.1, small * 0.1 - 3.0], rtol=1e-14)


@pytest.mark.parametrize("backend", other_backends())
@settings(max_examples=6)
@given(seed=st.integers(0, 2**32), rows=st.integers(1, 6), row=st.integers(1, 6))
def test_backends_agree_bit_for_bit(backend: Any, seed: int, rows: int, row: int) -> None:
    x = list(np.random.default_rng(seed).standard_normal((3, rows * row)))
    x = askable(backend, x)
    cases: list[tuple[str, int, dict[str, Value]]] = [
        ("slerp", 2, {"t": Fraction(1, 3), "scope": "row", "antiparallel": "lerp"}),
        ("slerp", 2, {"t": Fraction(1, 3), "scope": "column", "antiparallel": "lerp"}),
        ("drop_by_rank", 1, _dropping()),
        ("drop_by_rank", 1, _dropping(rescale="l1")),
        ("weigh_columns", 3, {"ratio": Fraction(1), "value": Fraction(1)}),
        ("weigh_columns", 3, {"ratio": Fraction(1), "value": Fraction(1), "axis": "in"}),
        ("n_of_m", 2, {"n": 2, "m": 5}),
    ]
    for name, count, params in cases:
        for work in (Dtype.F32, Dtype.F64):
            found, expected = (
                run_stage(STAGES[name], each, x[:count], params, work=work, shape=(rows, row))
                for each in (backend, REFERENCE)
            )
            assert bits(found) == bits(expected), name


def _slerp(
    a: Floats, b: Floats, shape: tuple[int, ...], scope: str, *, block: int = 1 << 17, **others: Any
) -> Floats:
    params: dict[str, Value] = {"t": Fraction(1, 4), "scope": scope, **others}
    return run_stage(STAGES["slerp"], REFERENCE, [a, b], params, shape=shape, block=block)
