"""Expectation and variance of random dropping by all masks, against numbers worked out by hand."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from mergec.backends import get_backend
from mergec.catalog import Dtype
from mergec.ops import OPERATORS, STAGES, MaskStage
from mergec.verify.every_mask import Outcome, outcomes
from mergec.verify.law_tensors import stored

REFERENCE = get_backend("reference")
HALF, QUARTER = Fraction(1, 2), Fraction(1, 4)
DELTA = (1.0, 2.0, 3.0, 4.0)
# For 1, 2, 3, 4 whose sum of magnitudes each mask restores: the means, worked out by fractions.
L1_MEANS = {
    HALF: ((649, 448), (271, 126), (3601, 1344), (3121, 1008)),
    QUARTER: ((9927, 7168), (1111, 672), (13141, 7168), (10561, 5376)),
}


def every(call: str, delta: tuple[float, ...] = DELTA) -> list[Outcome]:
    """What `call` can make of the task vector `d`."""
    x = np.array(delta)
    sources = {
        "a": {"w": stored(x, Dtype.F32)},
        "base": {"w": stored(np.zeros_like(x), Dtype.F32)},
    }
    head = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in sources)
    text = f"{head}d = a - base\nresult = {call}\nexport delta result\n"
    return outcomes(text, sources, REFERENCE)


def mean(found: list[Outcome]) -> list[Fraction]:
    columns = zip(*([o.probability * x for x in o.values] for o in found), strict=True)
    return [sum(column, Fraction(0)) for column in columns]


def variance(found: list[Outcome]) -> list[Fraction]:
    center = mean(found)
    columns = zip(
        *(
            [o.probability * (x - m) ** 2 for x, m in zip(o.values, center, strict=True)]
            for o in found
        ),
        strict=True,
    )
    return [sum(column, Fraction(0)) for column in columns]


@pytest.mark.parametrize(("density", "spread"), [(HALF, (1, 4, 9, 16)), (QUARTER, (3, 12, 27, 48))])
def test_dare_keeps_the_mean_and_varies_as_it_says(
    density: Fraction, spread: tuple[int, ...]
) -> None:
    found = every(f"dare(d; density={density})")
    assert len(found) == 2**4
    assert sum(outcome.probability for outcome in found) == 1
    assert mean(found) == list(DELTA)
    assert variance(found) == list(spread)


@pytest.mark.parametrize("density", [HALF, QUARTER])
def test_restoring_the_norm_moves_the_mean(density: Fraction) -> None:
    found = mean(every(f"dare(d; density={density}, rescale=l1)"))
    expected = [Fraction(*pair) for pair in L1_MEANS[density]]
    # The factor is rounded once; what is claimed wrongly elsewhere is off by a third.
    assert all(abs(x - y) < Fraction(1, 2**26) for x, y in zip(found, expected, strict=True))
    total = {HALF: Fraction("9.375"), QUARTER: Fraction("6.8359375")}[density]
    assert sum(expected) == total


def test_dare_of_dare_keeps_the_mean_and_loses_more() -> None:
    delta = (1.0, -2.0, 4.0)
    once = every("dare(d; density=1/2)", delta)
    twice = every('d |> dare(density=1/2) |> dare(density=1/2, stream="again")', delta)
    assert len(twice) == 2**6
    assert mean(twice) == mean(once) == list(delta)
    assert variance(twice) == [3 * x for x in variance(once)]


def test_dare_then_ties_moves_the_mean() -> None:
    """The sign that is elected goes with what was kept."""
    found = mean(every("ties(dare(d; density=1/2), 1/2*d; density=1)", (1.0, -2.0)))
    assert found != mean(every("ties(d, 1/2*d; density=1)", (1.0, -2.0)))


def test_density_one_draws_nothing() -> None:
    sure = [outcome for outcome in every("dare(d; density=1)") if outcome.probability]
    assert [(o.probability, o.values) for o in sure] == [(Fraction(1), tuple(map(Fraction, DELTA)))]


def test_della_keeps_the_mean_and_varies_by_rank() -> None:
    """The probabilities are 1/4, 1/2 and 3/4, the largest entry's is the largest."""
    found = every("della(d; density=1/2, epsilon=1/4)", (1.0, 2.0, 3.0))
    assert mean(found) == [1, 2, 3]
    assert variance(found) == [3, 4, 3]


def test_too_many_masks_are_refused() -> None:
    with pytest.raises(ValueError, match=r"2\^13 masks"):
        every("dare(d; density=1/2)", (1.0,) * 13)


def test_every_operator_that_draws_has_a_stage_that_takes_masks() -> None:
    drawing = {name for name, operator in OPERATORS.items() if operator.masked}
    claimed = {
        operator.name
        for operator in OPERATORS.values()
        for law in operator.laws
        if law.name == "unbiased_exactly" and law.holds
    }
    assert drawing <= claimed
    assert any(isinstance(stage, MaskStage) for stage in STAGES.values())


def test_masks_are_all_different() -> None:
    found = every("dare(d; density=1/2)", (1.0, 1.0))
    assert sorted(outcome.values for outcome in found) == sorted(product((0, 2), repeat=2))
