"""Stages read their parameters by kind, and take a word for one that is left out.

What has another kind is a bug of ours, and says so.
"""

import re
from collections.abc import Callable
from fractions import Fraction

import pytest

from mergec.catalog import Dtype
from mergec.ir import Value
from mergec.ops import STAGES, Site
from mergec.ops.declaration import numbers
from mergec.ops.params import flag, integer, rational, rationals, word
from mergec.ops.stage import Params, statistics_passes

HALF = Fraction(1, 2)
ONES = (Fraction(1), Fraction(1))
DRAWN: dict[str, Value] = {"density": HALF, "seed": 3}

# A stage, what it needs, and the words that stand for what is left out.
DEFAULTS: list[tuple[str, dict[str, Value], dict[str, Value]]] = [
    ("trim", {"density": HALF}, {"ties": "index", "rescale": "none"}),
    ("global_trim", {"density": HALF}, {"ties": "index", "rescale": "none"}),
    ("drop", {**DRAWN, "q": None}, {"rescale": "inv", "role": "dare", "label": ""}),
    (
        "drop_by_rank",
        {**DRAWN, "epsilon": HALF / 2},
        {"rescale": "per_element", "role": "dare", "label": ""},
    ),
    (
        "elect_sign",
        {"weights": (Fraction(2), Fraction(1))},
        {"zero": "drop", "elect": "mass", "weight_stage": "before"},
    ),
    (
        "agreeing_mean",
        {"weights": (HALF, Fraction(0)), "elected": False},
        {"agg": "wmean", "weight_stage": "before"},
    ),
    ("shrunk_mean", {}, {"estimator": "cosine", "guard": "clip"}),
    ("shrunk_rows", {}, {"estimator": "cosine", "guard": "clip"}),
    ("slerp", {"t": HALF}, {"norm": "raw", "scope": "tensor", "antiparallel": "error"}),
    ("flatten_spectrum", {"rank_tol": HALF}, {"level": "error"}),
    ("energy_mean", {"masked": False}, {"merge": "selected"}),
    ("weigh_columns", {"ratio": HALF, "value": HALF}, {"axis": "out"}),
    ("median", {}, {"even": "mean"}),
    ("largest", {}, {"zero": "first"}),
]


def test_each_kind_is_read_as_what_it_is() -> None:
    params: dict[str, Value] = {"x": HALF, "n": 3, "xs": (HALF, 2), "on": False, "rule": "drop"}
    assert rational(params, "x") == HALF
    assert rational(params, "n") == Fraction(3)
    assert isinstance(rational(params, "n"), Fraction)
    assert rationals(params, "xs") == (HALF, Fraction(2))
    assert (integer(params, "n"), flag(params, "on")) == (3, False)
    assert word(params, "rule", "keep") == "drop"
    assert word(params, "other", "keep") == "keep"


@pytest.mark.parametrize(
    ("read", "wrong", "kind"),
    [
        *((rational, x, "a rational") for x in ("1", True, None, (HALF,))),
        *((rationals, x, "a tuple of rationals") for x in ("1", HALF, None)),
        *((integer, x, "an integer") for x in (HALF, False, "3")),
        *((flag, x, "true or false") for x in (1, "true", None)),
    ],
)
def test_another_kind_is_a_bug(
    read: Callable[[Params, str], object], wrong: Value, kind: str
) -> None:
    with pytest.raises(TypeError, match=f"^{re.escape(f'given is {wrong!r} and not {kind}')}$"):
        read({"given": wrong}, "given")


def test_an_item_of_another_kind_is_a_bug() -> None:
    with pytest.raises(TypeError, match=r"^given is True and not a rational$"):
        rationals({"given": (HALF, True)}, "given")


def test_a_word_that_is_none_is_a_bug() -> None:
    with pytest.raises(TypeError, match=r"^given is 3 and not a word$"):
        word({"given": 3}, "given", "keep")


def test_one_number_stands_for_all_operands() -> None:
    assert numbers(HALF, 3) == (HALF,) * 3
    assert numbers((HALF, 2), 2) == (HALF, Fraction(2))


@pytest.mark.parametrize("work", [Dtype.F32, Dtype.F64])
@pytest.mark.parametrize(("name", "needed", "words"), DEFAULTS, ids=[case[0] for case in DEFAULTS])
def test_a_word_that_is_left_out_is_the_usual_one(
    name: str, needed: dict[str, Value], words: dict[str, Value], work: Dtype
) -> None:
    stage, site = STAGES[name], Site("w", (4, 3), work, (None, None))

    def meaning(params: Params) -> tuple[object, ...]:
        return (
            stage.prepare(params, site),
            stage.grain(params, site.shape),
            stage.contractible(params, site.stored, work),
            statistics_passes(stage, params, work),
        )

    every = meaning({**needed, **words})
    for left_out in words:
        rest = {key: value for key, value in words.items() if key != left_out}
        assert meaning({**needed, **rest}) == every, left_out
