"""mergec against `peft.utils.merge_utils`, where both mean the same, and where they do not."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch as typed_torch
from peft.utils import merge_utils as typed_merge_utils

from mergec.verify.law_tensors import Floats
from tests.differential.in_memory import merged, over_zero

torch: Any = typed_torch  # whose types are in part unknown
merge_utils: Any = typed_merge_utils

# At density 1 they warn that nothing is pruned.
pytestmark = pytest.mark.filterwarnings("ignore:The density:UserWarning")

# A tensor whose 0.1, 0.3 and 0.5 are whole numbers, and whose magnitudes all differ.
SHAPE = (16, 25)
DELTAS = "a - base, b - base, c - base"


def three(seed: int = 0) -> list[Floats]:
    generator = np.random.default_rng(seed)
    return [generator.normal(size=SHAPE) for _ in range(3)]


def as_torch(deltas: Sequence[Floats]) -> list[Any]:
    return [torch.from_numpy(delta) for delta in deltas]


def ours(expression: str, deltas: Sequence[Floats]) -> Floats:
    return merged(expression, over_zero(**dict(zip("abc", deltas, strict=False))))


def close(found: Floats, expected: Any) -> bool:
    return np.allclose(found, expected.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0), (0.5, 0.25, -0.125)])
def test_task_arithmetic_is_the_plain_weighted_sum(weights: tuple[float, ...]) -> None:
    deltas = three()
    theirs = merge_utils.task_arithmetic(as_torch(deltas), torch.tensor(weights).double())
    written = f"linear({DELTAS}; weights={list(weights)}, normalize=false)"
    assert close(ours(written, deltas), theirs)


@pytest.mark.parametrize("density", [0.01, 0.1, 0.3, 0.5, 1.0])
def test_trim_keeps_what_magnitude_pruning_keeps(density: float) -> None:
    (delta, *_) = three()
    theirs = merge_utils.prune(torch.from_numpy(delta), density, "magnitude")
    assert np.array_equal(ours(f"trim(a - base; density={density})", [delta]), theirs.numpy())


@pytest.mark.parametrize("density", [0.1, 0.3, 0.5, 1.0])
@pytest.mark.parametrize(("vote", "elect"), [("total", "mass"), ("frequency", "count")])
def test_ties_with_equal_weights_is_their_ties(density: float, vote: str, elect: str) -> None:
    deltas = three(1)
    theirs = merge_utils.ties(as_torch(deltas), torch.ones(3).double(), density, vote)
    settings = f"density={density}, elect={elect}, zero=positive"
    assert close(ours(f"ties({DELTAS}; {settings})", deltas), theirs)


def test_ties_with_weights_is_their_ties_by_switches() -> None:
    """They elect before they weigh, and divide by a count: our defaults do neither."""
    deltas, weights = three(2), (0.5, 0.25, 0.125)
    theirs = merge_utils.ties(as_torch(deltas), torch.tensor(weights).double(), 0.5)
    settings = f"density=0.5, weights={list(weights)}, zero=positive, agg=mean"
    assert close(ours(f"ties({DELTAS}; {settings}, weight_stage=after)", deltas), theirs)
    assert not close(ours(f"ties({DELTAS}; {settings})", deltas), theirs)


def test_a_tied_election_is_positive_there_and_dropped_here() -> None:
    a, b = np.array([1.0, 2.0]), np.array([-1.0, 3.0])
    theirs = merge_utils.ties(as_torch([a, b]), torch.ones(2).double(), 1.0)
    assert theirs.tolist() == [1.0, 2.5]
    two = "ties(a - base, b - base; density=1)"
    assert ours(two, [a, b]).tolist() == [0.0, 2.5]
    assert ours(two.replace(")", ", zero=positive)"), [a, b]).tolist() == [1.0, 2.5]


def test_they_count_what_to_keep_in_binary_and_we_exactly() -> None:
    delta = np.arange(1.0, 101.0)
    theirs = merge_utils.prune(torch.from_numpy(delta), 0.29, "magnitude")
    assert int(theirs.count_nonzero()) == 28
    assert np.count_nonzero(ours("trim(a - base; density=0.29)", [delta])) == 29


def test_they_may_keep_nothing_of_a_small_tensor() -> None:
    theirs = merge_utils.prune(torch.tensor([3.0]).double(), 0.3, "magnitude")
    assert theirs.tolist() == [0.0]
    assert ours("trim(a - base; density=0.3)", [np.array([3.0])]).tolist() == [3.0]


def test_dare_rescales_as_their_random_pruning_does() -> None:
    """The masks differ, for their generator is another; values and frequency agree."""
    delta = np.arange(1.0, 20001.0)
    torch.manual_seed(0)
    theirs = merge_utils.prune(torch.from_numpy(delta), 0.25, "random", rescale=True).numpy()
    found = ours("dare(a - base; density=0.25, seed=3)", [delta])
    for kept in (theirs, found):
        assert set(np.unique(kept / delta)) == {0.0, 4.0}
        # Six standard deviations of a binomial count: a false alarm once in 5·10⁸ generators.
        assert abs(np.count_nonzero(kept) - 5000) < 6 * (20000 * 0.25 * 0.75) ** 0.5
