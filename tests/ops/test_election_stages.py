"""Sign election is exact, and what agrees is averaged with one rounding."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mergec.backends import get_backend
from mergec.catalog.dtypes import Dtype
from mergec.ops import STAGES, statistics_passes
from mergec.ops.exact_sign import with_sign_of_sum
from mergec.ops.rounding import proportional, round_significand
from tests.ops.array_strategies import dyadic, several
from tests.ops.stage_runner import askable, bits, other_backends, run_stage

Floats = NDArray[Any]
Weights = tuple[Fraction, ...]

REFERENCE = get_backend("reference")
ELECT, MEAN = STAGES["elect_sign"], STAGES["agreeing_mean"]

works = st.sampled_from([Dtype.F32, Dtype.F64])
positive = st.fractions(Fraction(1, 100), 10, max_denominator=100)
three_weights = st.tuples(positive, positive, positive)


@st.composite
def elections(draw: st.DrawFn) -> tuple[list[Floats], Weights]:
    count = draw(st.integers(1, 6))
    weights = draw(
        st.just((Fraction(1),) * count)
        | st.lists(positive, min_size=count, max_size=count).map(tuple)
        | st.lists(positive.map(lambda w: -w) | positive, min_size=count, max_size=count).map(tuple)
    )
    return draw(several(count, least=1)), weights


@given(election=elections(), work=works)
@example(election=([np.array([x]) for x in (1.0, 2.0**-60, -1.0)], (Fraction(1),) * 3), work="F32")
@example(election=([np.array([x]) for x in (2.0**-60, 1.0, -1.0)], (Fraction(1),) * 3), work="F32")
@example(
    election=(
        [np.array([x]) for x in (2.0**60, 1.0, -(2.0**60), -(2.0**-149))],
        (Fraction(1),) * 4,
    ),
    work="F32",
)
def test_the_elected_sign_is_that_of_the_exact_sum(
    election: tuple[list[Floats], Weights], work: str
) -> None:
    operands, weights = election
    found = _elect(operands, weights, work=Dtype(work))
    assert found.tolist() == _exact_signs(operands, weights, Dtype(work))
    assert not np.signbit(found[found == 0]).any()


@given(election=elections(), work=works)
def test_weighing_after_elects_unweighted(
    election: tuple[list[Floats], Weights], work: Dtype
) -> None:
    operands, weights = election
    found = _elect(operands, weights, work=work, weight_stage="after")
    assert found.tolist() == _exact_signs(operands, (Fraction(1),) * len(weights), work)


@given(election=elections(), work=works)
def test_counting_sums_signs(election: tuple[list[Floats], Weights], work: Dtype) -> None:
    operands, weights = election
    votes = [((w > 0) - (w < 0)) * np.sign(x) for w, x in zip(weights, operands, strict=True)]
    found = _elect(operands, weights, work=work, elect="count")
    assert found.tolist() == np.sign(sum(votes)).tolist()


@given(operands=several(5, least=1), order=st.permutations(range(5)), work=works)
def test_operand_order_never_changes_a_sign(
    operands: list[Floats], order: Sequence[int], work: Dtype
) -> None:
    ones = (Fraction(1),) * 5
    shuffled = [operands[i] for i in order]
    assert bits(_elect(shuffled, ones, work=work)) == bits(_elect(operands, ones, work=work))


def test_near_cancelling_decimals_are_order_free() -> None:
    # 0.1, 0.2, -0.3 in float32 sum to either sign in float32, by order.
    values = [np.array([v], np.float32) for v in (0.1, 0.2, -0.3)]
    ones = (Fraction(1),) * 3
    exact = sum(Fraction(float(v[0])) for v in values)
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        found = _elect([values[i] for i in order], ones, work=Dtype.F32)
        assert found.tolist() == [(exact > 0) - (exact < 0)]


@given(operands=several(3, least=1), weights=three_weights, scale=positive, work=works)
def test_a_common_factor_of_the_weights_changes_nothing(
    operands: list[Floats], weights: Weights, scale: Fraction, work: Dtype
) -> None:
    scaled = tuple(w * scale for w in weights)
    assert bits(_elect(operands, weights, work=work)) == bits(_elect(operands, scaled, work=work))
    assert bits(_mean(operands, weights, work)) == bits(_mean(operands, scaled, work))


@pytest.mark.parametrize(
    ("zero", "expected"),
    [
        ("drop", [0, 1, -1, 0]),
        ("positive", [1, 1, -1, 1]),
        ("negative", [-1, 1, -1, -1]),
        ("majority", [-1, 1, -1, -1]),
    ],
)
def test_what_a_tie_yields(zero: str, expected: list[float]) -> None:
    x, y = np.array([1.0, 2.0, -1.0, 0.0]), np.array([-1.0, 1.0, -1.0, 0.0])
    assert _elect([x, y], (Fraction(1),) * 2, zero=zero).tolist() == expected


def test_the_majority_is_taken_over_the_whole_tensor() -> None:
    x = np.zeros(100000)
    x[99998:] = 1.0
    params: dict[str, Any] = {"weights": (Fraction(1),), "zero": "majority", "elect": "mass"}
    found = run_stage(ELECT, REFERENCE, [x], params, block=1 << 16)
    assert found.tolist() == [1.0] * 100000
    assert statistics_passes(ELECT, params, Dtype.F32) == 1


def test_nobody_votes() -> None:
    x = np.array([1.0, -2.0])
    assert bits(_elect([x, x], (Fraction(0),) * 2)) == [0, 0]


@pytest.mark.parametrize("agg", ["sum", "mean", "wmean", "max"])
@pytest.mark.parametrize("elected", [True, False])
def test_nobody_has_a_weight(agg: str, elected: bool) -> None:
    x, y = np.array([1.0, -2.0]), np.array([3.0, 4.0])
    params: dict[str, Any] = {"weights": (Fraction(0),) * 2, "agg": agg, "elected": elected}
    operands = [np.ones(2), x, y] if elected else [x, y]
    assert bits(run_stage(MEAN, REFERENCE, operands, params)) == [0, 0]


def test_who_is_weighed_after_the_election_counts_without_a_weight() -> None:
    x, y, weights = np.array([2.0]), np.array([4.0]), (Fraction(1), Fraction(0))
    for stage, expected in (("before", 2.0), ("after", 1.0)):
        found = _mean([x, y], weights, Dtype.F64, agg="mean", weight_stage=stage)
        assert found.tolist() == [expected]


@pytest.mark.parametrize(
    ("weights", "stage", "work", "expected"),
    [
        ((1, 3), "before", Dtype.F64, True),
        ((1, 3), "after", Dtype.F64, False),
        ((1, 2), "before", Dtype.F64, False),
        ((3, 3), "before", Dtype.F64, False),
        ((1, 3), "before", Dtype.F32, False),
        ((1, 3), "after", Dtype.F32, False),
    ],
)
def test_votes_are_rounded_in_float64_alone(
    weights: tuple[int, ...], stage: str, work: Dtype, expected: bool
) -> None:
    params: dict[str, Any] = {
        "weights": tuple(map(Fraction, weights)),
        "weight_stage": stage,
    }
    assert ELECT.contractible(params, (None, None), work) is expected


def test_three_terms_at_the_edge_of_the_proof() -> None:
    # s = 1 with the largest opposite error, and the closest c that is no multiple of its unit.
    for kind, p in ((np.float32, 24), (np.float64, 53)):
        half, quarter = 2.0**-p, 2.0 ** (-p - 1)
        cases = [
            (1.0, -quarter, -(1.0 - half), 1),
            (1.0, half, -1.0, 1),
            (1.0, -quarter, -1.0, -1),
            (1.0, half, -(1.0 + 2 * half), -1),
            (-1.0, quarter, 1.0 - half, -1),
        ]
        for a, b, c, sign in cases:
            terms = [np.array([x], kind) for x in (a, b, c)]
            assert np.sign(with_sign_of_sum(REFERENCE.xp, terms)).tolist() == [sign]


def test_an_overflowing_sum_of_three_keeps_its_sign() -> None:
    largest = float(np.finfo(np.float32).max)
    for values in ((largest, largest, -largest), (-largest, largest, largest)):
        terms = [np.array([x], np.float32) for x in values]
        assert _elect(terms, (Fraction(1),) * 3, work=Dtype.F32).tolist() == [1.0]
    four = [np.array([x], np.float32) for x in (largest, largest, -largest, 1.0)]
    assert _elect(four, (Fraction(1),) * 4, work=Dtype.F32).tolist() == [1.0]


def test_products_with_weights_are_not_rounded() -> None:
    # Three times the float32 nearest to 1/3 is 1 + 2^-25, which float32 would round to 1.
    third, one = np.array([1 / 3], np.float32), np.array([-1.0], np.float32)
    weights = (Fraction(3), Fraction(1))
    assert _elect([third, one], weights, work=Dtype.F32).tolist() == [1.0]


def test_a_negative_weight_turns_a_vote() -> None:
    x, y = np.array([2.0, -1.0]), np.array([-3.0, -2.0])
    weights = (Fraction(1), Fraction(-1))
    assert _elect([x, y], weights).tolist() == [1.0, 1.0]
    assert _mean([x, y], weights, Dtype.F64, agg="sum").tolist() == [5.0, 2.0]
    alone = (Fraction(-1), Fraction(0))
    assert _elect([x, y], alone).tolist() == [-1.0, 1.0]
    assert _mean([x, y], alone, Dtype.F64, agg="wmean").tolist() == [2.0, -1.0]
    both = (Fraction(-2), Fraction(-2))
    assert _elect([x, y], both).tolist() == [1.0, 1.0]
    assert _mean([x, y], both, Dtype.F64, agg="wmean").tolist() == [-3.0, -1.5]


def test_the_first_of_equal_magnitudes_is_the_largest() -> None:
    params: dict[str, Any] = {"weights": (Fraction(1),) * 2, "agg": "max", "elected": False}
    for first, second in ((1.0, -1.0), (-1.0, 1.0)):
        found = run_stage(MEAN, REFERENCE, [np.array([first]), np.array([second])], params)
        assert found.tolist() == [first]


@pytest.mark.parametrize("count", [3, 4, 7])
def test_expansions_survive_cancellation_in_float64(count: int) -> None:
    rng = np.random.default_rng(count)
    terms = [
        rng.choice([1.0, -1.0, 3.0], 500) * 2.0 ** rng.integers(-60, 60, 500) for _ in range(count)
    ]
    terms[-1] = -sum(terms[:-1], np.zeros(500))
    found = np.sign(with_sign_of_sum(REFERENCE.xp, terms))
    exact = [sum(Fraction(float(term[i])) for term in terms) for i in range(500)]
    assert found.tolist() == [(value > 0) - (value < 0) for value in exact]
    assert 0 < np.count_nonzero(found) < 500


@pytest.mark.parametrize("backend", other_backends())
@given(election=elections(), work=works)
def test_backends_agree_bit_for_bit(
    backend: Any, election: tuple[list[Floats], Weights], work: Dtype
) -> None:
    operands, weights = askable(backend, election[0]), election[1]
    signs: dict[str, Any] = {"weights": weights, "zero": "majority", "elect": "mass"}
    expected = run_stage(ELECT, REFERENCE, operands, signs, work=work)
    assert bits(run_stage(ELECT, backend, operands, signs, work=work)) == bits(expected)
    sizes = tuple(abs(w) for w in weights)
    for agg in ("wmean", "mean", "sum", "max"):
        params: dict[str, Any] = {"weights": sizes, "agg": agg, "elected": True}
        voted = [expected, *operands]
        merged = run_stage(MEAN, REFERENCE, voted, params, work=work)
        assert bits(run_stage(MEAN, backend, voted, params, work=work)) == bits(merged)


@settings(max_examples=20)
@given(operands=st.lists(dyadic(6), min_size=3, max_size=3), weights=three_weights, work=works)
@pytest.mark.parametrize("agg", ["wmean", "mean", "sum", "max"])
@pytest.mark.parametrize("stage", ["before", "after"])
def test_the_mean_by_its_formula(
    agg: str, stage: str, operands: list[Floats], weights: Weights, work: Dtype
) -> None:
    signs = _elect(operands, weights, work=work, weight_stage=stage)
    found = _mean(operands, weights, work, agg=agg, signs=signs, weight_stage=stage)
    for i, g in enumerate(signs.tolist()):
        chosen = [
            (w, Fraction(float(x[i])))
            for w, x in zip(weights, operands, strict=True)
            if g != 0 and np.sign(x[i]) == g
        ]
        if not chosen:
            assert bits(found[i : i + 1]) == [0]
            continue
        total = sum(w * x for w, x in chosen)
        divisor = {"wmean": sum(w for w, _ in chosen), "mean": len(chosen)}.get(agg, 1)
        largest = max((abs(w * x), w * x) for w, x in chosen)[1]
        exact = largest if agg == "max" else total / divisor
        assert float(found[i]) == pytest.approx(float(exact), rel=1e-6 if work == "F32" else 1e-15)


@given(operands=several(3, least=1), work=works)
def test_equal_weights_make_the_weighted_mean_the_mean(operands: list[Floats], work: Dtype) -> None:
    third = (Fraction(1, 3),) * 3
    ones = (Fraction(1),) * 3
    assert bits(_mean(operands, third, work)) == bits(_mean(operands, ones, work, agg="mean"))


@given(operands=several(3, least=1), work=works, power=st.integers(-10, 10))
def test_odd_and_homogeneous_where_ties_are_dropped(
    operands: list[Floats], work: Dtype, power: int
) -> None:
    # Numbers near the ends of the range would lose bits to scaling itself.
    operands = [np.where(np.abs(x) < 2.0**-100, 0.0, x) for x in operands]
    ones = (Fraction(1),) * 3
    merged = _mean(operands, ones, work)
    negated = _mean([-x for x in operands], ones, work)
    assert negated.tolist() == (-merged).tolist()
    scaled = _mean([x * 2.0**power for x in operands], ones, work)
    assert scaled.tolist() == (merged * 2.0**power).tolist()


@given(operands=several(2, least=1), work=works)
def test_without_an_election_all_nonzero_entries_count(operands: list[Floats], work: Dtype) -> None:
    x, y = operands
    params: dict[str, Any] = {"weights": (Fraction(1),) * 2, "agg": "mean", "elected": False}
    found = run_stage(MEAN, REFERENCE, operands, params, work=work)
    kind = np.float32 if work is Dtype.F32 else np.float64
    a: Any = x.astype(kind)
    b: Any = y.astype(kind)
    number = (a != 0).astype(kind) + (b != 0).astype(kind)
    assert found.tolist() == ((a + b) / np.maximum(number, 1)).tolist()


def test_weights_of_both_signs_are_added_up_as_they_are() -> None:
    operands = [np.array([3.0, 3.0, 3.0]), np.array([1.0, -1.0, -5.0])]
    for weights, expected in (((3, -1), [3.0, 5.0, 7.0]), ((1, -1), [3.0, 4.0, 8.0])):
        assert _mean(operands, tuple(map(Fraction, weights)), Dtype.F64).tolist() == expected


def test_dropped_infinities_do_not_leak() -> None:
    x, y = np.array([np.inf, 1.0]), np.array([-1.0, 2.0])
    params: dict[str, Any] = {"weights": (Fraction(1),) * 2, "agg": "mean", "elected": True}
    found = run_stage(MEAN, REFERENCE, [np.array([-1.0, 1.0]), x, y], params)
    assert found.tolist() == [-1.0, 1.5]


def _elect(
    operands: Sequence[Floats],
    weights: Weights,
    *,
    work: Dtype = Dtype.F64,
    elect: str = "mass",
    zero: str = "drop",
    weight_stage: str = "before",
) -> Floats:
    params: dict[str, Any] = {
        "weights": weights,
        "elect": elect,
        "zero": zero,
        "weight_stage": weight_stage,
    }
    return run_stage(ELECT, REFERENCE, operands, params, work=work)


def _mean(
    operands: Sequence[Floats],
    weights: Weights,
    work: Dtype,
    *,
    agg: str = "wmean",
    signs: Floats | None = None,
    weight_stage: str = "before",
) -> Floats:
    elected = _elect(operands, weights, work=work) if signs is None else signs
    params: dict[str, Any] = {
        "weights": weights,
        "agg": agg,
        "elected": True,
        "weight_stage": weight_stage,
    }
    return run_stage(MEAN, REFERENCE, [elected, *operands], params, work=work)


def _exact_signs(operands: Sequence[Floats], weights: Weights, work: Dtype) -> list[int]:
    """By the contract: ratios of weights to 29 bits (f32) or 53; in f64 products round once."""
    rounded = [
        Fraction(round_significand(w, 29 if work is Dtype.F32 else 53))
        for w in proportional(weights)
    ]
    signs: list[int] = []
    for i in range(len(operands[0])):
        products = [w * Fraction(float(x[i])) for w, x in zip(rounded, operands, strict=True)]
        if work is Dtype.F64:
            products = [Fraction(round_significand(product, 53)) for product in products]
        total = sum(products)
        signs.append((total > 0) - (total < 0))
    return signs
