"""Where what is compared is equal, where a tensor has one element, where rounding goes too far."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mergec.backends import get_backend
from mergec.catalog import Dtype
from mergec.diagnostics import MergecError
from mergec.ir import Value
from mergec.ops import OPERATORS, STAGES, GlobalStage, Site
from mergec.ops.arcee_fusion import importance
from mergec.ops.drop_by_rank import STAGE as DROP_BY_RANK
from mergec.ops.drop_by_rank import rank_table
from mergec.ops.gram import Gram
from mergec.ops.measures import MEASURES
from mergec.ops.rounding import coefficient
from mergec.ops.shrunk_rows import STAGE as SHRUNK_ROWS
from tests.ops.stage_runner import bits, run_stage
from tests.ops.test_global_stages import run

Floats = NDArray[Any]
REFERENCE = get_backend("reference")
# A row and a negative multiple of it, whose cosine rounds to less than -1.
BEYOND = np.array([-1.25, -0.75, -0.5]), np.array([0.15625, 0.09375, 0.0625])


def of_vectors(stage: str, vectors: Sequence[Sequence[float]], **params: Value) -> list[float]:
    arrays = [np.array(x, np.float64) for x in vectors]
    found: list[float] = run_stage(STAGES[stage], REFERENCE, arrays, params).tolist()
    return found


def shrunk(estimator: str, guard: str, *rows: Floats) -> list[float]:
    params: dict[str, Value] = {"estimator": estimator, "guard": guard}
    found: list[float] = run_stage(
        SHRUNK_ROWS, REFERENCE, rows, params, shape=(1, len(rows[0]))
    ).tolist()
    return found


def test_an_entry_as_far_as_the_limit_is_taken_as_it_is() -> None:
    # The difference rounds to -1, so that moving by 1 would lose the entry.
    assert of_vectors("nearswap", [[1.0], [2.0**-60]], limit=Fraction(1)) == [2.0**-60]
    assert of_vectors("nearswap", [[1.0], [2.0**-60]], limit=Fraction(1, 2)) == [0.5]


def test_the_root_mean_square_of_one_entry_is_its_magnitude() -> None:
    below: dict[str, Value] = {"relative": True, "epsilon": Fraction(7, 8)}
    assert of_vectors("threshold", [[-3.0]], **below) == [-3.0]
    assert of_vectors("threshold", [[-3.0]], **{**below, "epsilon": Fraction(1)}) == [0.0]


def test_the_only_entry_of_a_row_is_as_probable_as_the_density() -> None:
    density = Fraction(1, 3)
    params: dict[str, Value] = {"density": density, "epsilon": Fraction(1, 4)}
    assert DROP_BY_RANK.keep_probabilities(params, (3, 1), [1.0, -2.0, 0.0]) == (density,) * 3


@pytest.mark.parametrize("guard", ["none", "error", "clip"])
@pytest.mark.parametrize("estimator", ["gram", "cosine"])
def test_rows_of_zeros_are_no_pole(estimator: str, guard: str) -> None:
    assert shrunk(estimator, guard, np.zeros(3), np.zeros(3)) == [0.0] * 3


def test_a_row_whose_sum_has_length_one_is_like_any_other() -> None:
    half = np.array([0.5, 0.0])
    assert shrunk("gram", "error", half, half) == [0.5, 0.0]


def test_opposite_rows_of_unequal_length_are_given_up() -> None:
    assert shrunk("cosine", "clip", np.array([1.0, 0.0]), np.array([-3.0, 0.0])) == [0.0, 0.0]


def test_a_cosine_that_rounds_below_minus_one_is_the_pole() -> None:
    assert shrunk("cosine", "clip", *BEYOND) == [0.0] * 3
    with pytest.raises(MergecError, match="ratio of a row"):
        shrunk("cosine", "none", *BEYOND)


def test_a_majority_of_nobody_is_negative() -> None:
    stage = STAGES["global_election"]
    assert isinstance(stage, GlobalStage)
    params: dict[str, Value] = {"weights": (Fraction(1),), "elect": "mass", "zero": "majority"}
    params["weight_stage"] = "before"
    found, _ = run(stage, REFERENCE, [np.array([-1.0, 0.0, 2.0]), np.zeros(0)], params)
    assert found == [[-1, -1, 1], []]


def test_the_majority_counts_all_blocks() -> None:
    stage = STAGES["global_election"]
    assert isinstance(stage, GlobalStage)
    params: dict[str, Value] = {"weights": (Fraction(1),), "elect": "mass", "zero": "majority"}
    params["weight_stage"] = "before"
    found, _ = run(stage, REFERENCE, [np.array([3.0, 2.0, 1.0, -1.0, 0.0])], params, block=2)
    assert found == [[1, 1, 1, -1, 1]]


def test_a_sum_that_exceeds_float64_keeps_its_sign() -> None:
    for sign in (1, -1):
        along = [((sign * 1e308, 1e300, 1e300), (0, 0))] * 3
        assert MEASURES["cosine"].value(along) == sign
    assert MEASURES["norm"].value([((1e308,), (0, 0))] * 3) == math.inf


def test_a_row_that_moves_as_a_whole_has_not_diverged() -> None:
    found = importance(REFERENCE.xp, np.zeros(4), np.array([1.0, 1.0, 1.0, 3.0]), 2)
    assert found[:2].tolist() == [0.0, 0.0]
    assert (found[2:] > 0).all()


def test_distributions_of_large_numbers_are_finite() -> None:
    large = np.array([800.0, 0.0])
    (one, other) = importance(REFERENCE.xp, large, large[::-1], 2)
    assert one == other
    assert 800 < one < math.inf


def test_density_one_has_no_outliers() -> None:
    x = [[3.0, -1.0, 0.5, -0.0, 9.0, 2.0]]
    params: dict[str, Value] = {"density": Fraction(1), "gamma": Fraction(1, 3)}
    assert of_vectors("breadcrumbs", x, **params) == x[0]


def test_deltas_of_zeros_join_to_positive_zeros() -> None:
    zeros = [np.array([0.0, -0.0, -0.0, 0.0])] * 2
    found = run_stage(STAGES["join_spectra"], REFERENCE, zeros, {"operands": 2}, shape=(2, 2))
    assert bits(found) == [0] * 4


@pytest.mark.parametrize("power", [-200, 200])
def test_directions_do_not_depend_on_the_size_of_a_delta(power: int) -> None:
    deltas = np.random.default_rng(3).standard_normal((2, 12))
    params: dict[str, Value] = {"operands": 2}
    stage = STAGES["join_spectra"]
    plain = run_stage(stage, REFERENCE, [*deltas], params, shape=(3, 4))
    scaled = run_stage(stage, REFERENCE, [*(deltas * 2.0**power)], params, shape=(3, 4))
    np.testing.assert_allclose(scaled * 2.0**-power, plain, rtol=1e-12)


@pytest.mark.parametrize("digits", [2**24 + 1, 2**24 + 3, 2**24 + 5, 2**24 + 7])
def test_a_share_between_two_floats_goes_to_the_even_one(digits: int) -> None:
    density = Fraction(digits, 2**25)
    table = rank_table(density, Fraction(0), 3, Dtype.F32)
    assert table.divisors == (coefficient(density, Dtype.F32, None),) * 3


def test_a_mean_of_directions_ignores_the_weight_of_zeros() -> None:
    pair, zero = [[3.0, 4.0, 0.0], [0.0, 5.0, 1.0]], [0.0] * 3
    settled: dict[str, Value] = {"tol": Fraction(1, 10**12), "max_iter": 100}
    few = (Fraction(1), Fraction(2))
    found = of_vectors("karcher", [*pair, zero], weights=(*few, Fraction(9997)), **settled)
    known = of_vectors("karcher", pair, weights=few, **settled)
    # Zeros share in the length alone.
    np.testing.assert_allclose(np.array(found) * 10000, np.array(known) * 3, rtol=1e-11)


def test_a_cosine_that_rounds_beyond_one_is_one() -> None:
    a, b = BEYOND
    for sign in (1, -1):
        rows = a, sign * b
        products = tuple(tuple(float(x @ y) for y in rows) for x in rows)
        size = math.sqrt(products[1][1])
        assert abs(products[0][1] / math.sqrt(products[0][0]) / size) > 1
        assert Gram(products).cosine(0, 1) == -sign


def test_clipped_magnitudes_are_those_of_the_order() -> None:
    x = [float(2**5 * i) for i in (1, 2, 3, 4, -5, 6, 7, 8)]
    params: dict[str, Value] = {"ratio": Fraction(1), "clip": Fraction(1, 4)}
    # A quarter at both ends has the magnitude of the next; what is least of all scores nothing.
    found = of_vectors("balanced_mean", [x, x], **params)
    np.testing.assert_allclose(found, [0, 0, 0, *x[3:6], x[5], x[5]], rtol=1e-12)


@pytest.mark.parametrize(
    ("operator", "least"), [("nuslerp", Fraction(1, 10**6)), ("linear", Fraction(1, 10**8))]
)
@pytest.mark.parametrize("size", [Fraction(1, 10**9), Fraction(1), Fraction(10**9)])
def test_weights_may_cancel_to_a_share_of_their_size(
    operator: str, least: Fraction, size: Fraction
) -> None:
    def objection(share: Fraction) -> object:
        weights = ((1 + share) * size / 2, (share - 1) * size / 2)
        return OPERATORS[operator].check({"weights": weights, "normalize": True})

    assert objection(least) is None
    assert objection(-least) is None
    assert objection(Fraction(1)) is None
    assert "almost 0" in str(objection(least * Fraction(99, 100)))
    assert "sum to 0" in str(objection(Fraction(0)))


@pytest.mark.parametrize("stage", ["drop", "drop_by_rank"])
def test_whatever_names_a_mask_draws_another(stage: str) -> None:
    named: dict[str, Value] = {"seed": 1, "role": "dare", "label": "a"}
    rest: dict[str, Value] = {"density": Fraction(1, 2), "epsilon": Fraction(0), "q": None}

    def key(tensor: str = "w", **others: Value) -> object:
        site = Site(tensor, (4,), Dtype.F32, (None,))
        return STAGES[stage].prepare({**rest, **named, **others}, site).key

    keys = [key(), key(seed=2), key(role="dare/s"), key(label="b"), key("v")]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("entries", [1, 3])
def test_entries_of_mean_size_are_not_above_the_mean(entries: int) -> None:
    base, delta = [0.0] * entries, [2.0] * entries
    params: dict[str, Value] = {"ratio": Fraction(1), "value": Fraction(5)}
    assert of_vectors("weigh_columns", [base, delta], **params) == delta
