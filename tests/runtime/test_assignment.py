"""Which columns go with which rows: the best sum, and which of the best."""

import sys
from itertools import permutations

import numpy as np
import pytest

from mergec.backends import get_backend, installed_backends
from mergec.backends.assignment import assign
from mergec.diagnostics import MergecError


def test_a_matrix_by_hand() -> None:
    gains = np.array([[0, 0.9, 1.2], [1.1, 1.2, 0], [1.1, 2.1, 1.2]])
    assert assign(gains) == [2, 0, 1]


@pytest.mark.parametrize("seed", range(8))
def test_no_other_choice_has_a_larger_sum(seed: int) -> None:
    gains = np.random.default_rng(seed).normal(size=(5, 5))
    best = max(sum(gains[range(5), order]) for order in permutations(range(5)))
    assert sum(gains[range(5), assign(gains)]) == pytest.approx(best, abs=1e-12)


def test_nothing_moves_for_a_gain_that_is_rounding() -> None:
    gains = np.array([[1.0, 1.0 + 1e-13], [1.0, 1.0]])
    assert assign(gains) == [0, 1]
    assert assign(gains + np.array([[0, 1e-9], [0, 0]])) == [1, 0]


def test_columns_that_can_be_exchanged_at_no_loss_keep_their_order() -> None:
    gains = np.zeros((6, 6))
    gains[0, 5] = gains[5, 0] = 1.0  # these two must move; for the others all is one
    assert assign(gains) == [5, 1, 2, 3, 4, 0]


def test_what_is_not_finite_is_refused() -> None:
    with pytest.raises(MergecError) as caught:
        assign(np.array([[np.inf, 0.0], [0.0, 1.0]]))
    assert caught.value.diagnostics[0].code == "E806"


def test_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(MergecError) as caught:
        assign(np.eye(2))
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("E603", "`weight_match` needs scipy")
    assert found.help == ('run `pip install "mergec[match]"`',)


@pytest.mark.parametrize("name", installed_backends())
def test_units_are_seen_and_put_in_order_alike(name: str) -> None:
    backend = get_backend(name)
    xp, x = backend.xp, np.arange(24.0)  # [2, 3, 4]
    block = xp.join([xp.floats(x[:7].tolist()), xp.floats(x[7:].tolist())])
    moved = xp.host(xp.reorder(block, (2, 0, 1), 4))
    assert moved == x.reshape(2, 3, 4)[:, [2, 0, 1]].ravel().tolist()
    units = xp.flat(xp.by_units(block, 3, 4))
    assert xp.host(units) == x.reshape(2, 3, 4).swapaxes(0, 1).ravel().tolist()
    gains = xp.by_units(block, 3, 4) @ xp.by_units(block, 3, 4).T
    assert xp.assign(gains) == [0, 1, 2]


@pytest.mark.parametrize("name", installed_backends())
def test_there_may_be_no_element(name: str) -> None:
    xp = get_backend(name).xp
    assert xp.host(xp.reorder(xp.floats([]), (1, 0), 0)) == []
