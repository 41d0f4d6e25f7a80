"""Faults in `weight_match`, each of which a declared law must notice."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from mergec.backends import get_backend
from mergec.backends.reference import NumpyNamespace
from mergec.ops import OPERATORS, Law
from mergec.verify.laws import LawViolation, check_law

REFERENCE = get_backend("reference")
Patch = Callable[[pytest.MonkeyPatch], None]


def _the_other_way_round(patch: pytest.MonkeyPatch) -> None:
    """Units go where the order says, instead of coming from there."""
    reorder = NumpyNamespace.reorder

    def inverse(xp: NumpyNamespace, x: Any, order: Sequence[int], width: int) -> Any:
        return reorder(xp, x, np.argsort(list(order)).tolist(), width)

    patch.setattr(NumpyNamespace, "reorder", inverse)


def _the_worst(patch: pytest.MonkeyPatch) -> None:
    assign = NumpyNamespace.assign

    def worst(xp: NumpyNamespace, gains: Any) -> list[int]:
        return assign(xp, -gains)

    patch.setattr(NumpyNamespace, "assign", worst)


def _greedy(patch: pytest.MonkeyPatch) -> None:
    """Each unit takes what fits it best of what is left."""

    def greedy(xp: NumpyNamespace, gains: Any) -> list[int]:
        left = list(range(len(gains)))
        order: list[int] = []
        for row in gains:
            best = max(left, key=lambda column: float(row[column]))
            left.remove(best)
            order.append(best)
        return order

    patch.setattr(NumpyNamespace, "assign", greedy)


def _one_unit_twice(patch: pytest.MonkeyPatch) -> None:
    def best_of_each(xp: NumpyNamespace, gains: Any) -> list[int]:
        order: list[int] = np.argmax(gains, axis=1).tolist()
        return order

    patch.setattr(NumpyNamespace, "assign", best_of_each)


def _one_layer_of_two(patch: pytest.MonkeyPatch) -> None:
    """What stands before the units is one thing, as if only the first layer carried them."""
    reorder = NumpyNamespace.reorder

    def first_alone(xp: NumpyNamespace, x: Any, order: Sequence[int], width: int) -> Any:
        size = len(order) * width
        return np.concatenate([reorder(xp, x[:size], order, width), x[size:]])

    patch.setattr(NumpyNamespace, "reorder", first_alone)


def _nothing(patch: pytest.MonkeyPatch) -> None:
    def as_it_is(xp: NumpyNamespace, gains: Any) -> list[int]:
        return list(range(len(gains)))

    patch.setattr(NumpyNamespace, "assign", as_it_is)


@pytest.mark.parametrize(
    ("fault", "law"),
    [
        (_the_other_way_round, "finds_planted_order"),
        (_the_other_way_round, "fits_best_alone"),
        (_the_worst, "fits_no_worse"),
        (_the_worst, "fits_best_alone"),
        (_greedy, "fits_best_alone"),
        (_one_unit_twice, "reorders_units"),
        (_one_layer_of_two, "computes_the_same"),
        (_nothing, "finds_planted_order"),
    ],
)
def test_fault_breaks_a_declared_law(
    fault: Patch, law: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)
    (claim,) = [claim for claim in OPERATORS["weight_match"].laws if claim.name == law]
    with pytest.raises(LawViolation):
        check_law(OPERATORS["weight_match"], claim, REFERENCE, shrink=False)


def _prefers_the_last(patch: pytest.MonkeyPatch) -> None:
    """Of orders that fit equally well not the present one."""
    assign = NumpyNamespace.assign

    def reversed_first(xp: NumpyNamespace, gains: Any) -> list[int]:
        return [len(gains) - 1 - i for i in assign(xp, gains[:, ::-1])]

    patch.setattr(NumpyNamespace, "assign", reversed_first)


def test_a_model_that_would_not_stay_as_it_is_breaks_an_equation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Equal units, as of a layer of zeros, may not change places."""
    _prefers_the_last(monkeypatch)
    refuted = [
        law for law in OPERATORS["weight_match"].laws if law.holds and law.sides and _refuted(law)
    ]
    assert refuted


def _refuted(law: Law) -> bool:
    try:
        check_law(OPERATORS["weight_match"], law, REFERENCE, shrink=False)
    except LawViolation:
        return True
    return False
