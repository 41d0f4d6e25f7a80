"""The masks, counts and energies of the consensus operators, against values worked out by hand."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mergec.backends import Backend
from mergec.catalog.dtypes import Dtype
from mergec.ir import Value
from mergec.ops import STAGES
from mergec.ops.boosted_mean import boost_of
from mergec.ops.energy_mean import averaging_by
from mergec.ops.stage import Site
from tests.ops.fixture_f6 import DELTAS, A, B, C
from tests.ops.stage_runner import installed_backends, run_stage

Floats = NDArray[Any]
backends = pytest.mark.parametrize("backend", installed_backends())
work = pytest.mark.parametrize("work", [Dtype.F32, Dtype.F64])

TALL = [[1, 0, 0, 1, 0, 1], [1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1]]
KAPPA = Fraction(2, 5)


@backends
@work
def test_an_entry_is_kept_that_enough_masks_have(backend: Backend, work: Dtype) -> None:
    votes, total = np.sum(TALL, axis=0), A + B + C
    for k in range(5):
        params: dict[str, Value] = {"kappa": (KAPPA,) * 3, "k": k}
        found = run_stage(STAGES["shared_sum"], backend, DELTAS, params, work=work)
        assert found.tolist() == np.where(votes >= k, total, 0).tolist()


@backends
def test_each_task_may_have_its_own_kappa(backend: Backend) -> None:
    # A kappa so large that the first task cares for nothing leaves the votes of the others.
    params: dict[str, Value] = {"kappa": (Fraction(10**6), KAPPA, KAPPA), "k": 2}
    found = run_stage(STAGES["shared_sum"], backend, DELTAS, params)
    votes = np.sum(TALL[1:], axis=0)
    assert found.tolist() == np.where(votes >= 2, A + B + C, 0).tolist()


@backends
def test_boosts_follow_from_what_is_shared(backend: Backend) -> None:
    r, alpha = Fraction(1, 10), Fraction(2)
    # A and C share entries 0 and 3 and have no other; B has two of its own.
    assert [boost_of(*each, r, alpha) for each in ((0, 2), (2, 0), (0, 2))] == [
        *(Fraction(6, 5), Fraction(1), Fraction(6, 5)),
    ]
    x, y = np.array([4.0, 2, 3, 0]), np.array([0.0, 4, 0, 0])
    params: dict[str, Value] = {"r": Fraction(1), "alpha": Fraction(1)}
    found = run_stage(STAGES["boosted_mean"], backend, [x, y], params)
    assert found.tolist() == [6, 3, 4.5, 0]  # x: 1 shared to 2 own, y: none own


@backends
@work
def test_a_bound_is_absolute_or_relative(backend: Backend, work: Dtype) -> None:
    x = np.array([3.0, -1, 0.25, -0.0])
    absolute: dict[str, Value] = {"epsilon": Fraction(1), "relative": False}
    assert run_stage(STAGES["threshold"], backend, [x], absolute, work=work).tolist() == [
        3,
        0,
        0,
        0,
    ]
    half: dict[str, Value] = {"epsilon": Fraction(1, 2), "relative": True}
    for scale in (1.0, 2.0**-30):
        found = run_stage(STAGES["threshold"], backend, [x * scale], half, work=work)
        assert found.tolist() == (np.array([3.0, -1, 0, 0]) * scale).tolist()


@backends
@work
@pytest.mark.parametrize(
    ("tau", "marked"),
    [("1", [0, 1, 1, 1]), ("2/3", [0, 1, 0, 1]), ("1/3", [0, 1, 0, 0]), ("1/4", [0] * 4)],
)
def test_the_largest_variances_are_marked(
    tau: str, marked: list[float], backend: Backend, work: Dtype
) -> None:
    # No difference, a large one, a small one, a large one again: the first of the equals counts.
    x, y = np.array([5.0, 1, 2, 0]), np.array([5.0, 3, 2.5, -2])
    params: dict[str, Value] = {"tau": Fraction(tau)}
    found = run_stage(STAGES["variance_mask"], backend, [x, y], params, work=work)
    assert found.tolist() == marked


def test_coefficients_are_shares_of_the_energy() -> None:
    site = Site("w", (6,), Dtype.F64, (None,) * 4)
    for mask, expected in (
        (np.ones(6), [0.246435845214, 0.319755600815, 0.433808553971]),
        (np.array([1, 0, 0, 1, 1, 0]), [0.287128712871, 0.257425742574, 0.455445544554]),
    ):
        energies = [float(np.sum((x * mask) ** 2)) for x in DELTAS]
        weights = np.array([weight for _, weight, _ in averaging_by(energies, site).members])
        np.testing.assert_allclose(weights / weights.sum(), expected, rtol=5e-12)


def test_no_energy_at_all_weighs_equally() -> None:
    site = Site("w", (1,), Dtype.F64, (None,) * 3)
    assert [weight for _, weight, _ in averaging_by((0.0, 0.0), site).members] == [1.0, 1.0]


@backends
def test_opposite_equals_are_kept_or_dropped(backend: Backend) -> None:
    operands = [np.array(x) for x in ([3.0, 2, 1, 1], [-3.0, -2, -1, 1], [1.0, 5, -1, -1])]
    first = run_stage(STAGES["largest"], backend, operands, {"zero": "first"})
    assert first.tolist() == [3, 5, 1, 1]
    dropped = run_stage(STAGES["largest"], backend, operands, {"zero": "drop"})
    assert dropped.tolist() == [0, 5, 0, 0]
