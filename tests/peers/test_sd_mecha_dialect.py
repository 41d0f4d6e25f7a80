"""`std:sd_mecha` computes what sd-mecha does; what draws masks, of the same masks."""

from collections.abc import Mapping
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from mergec.elaborate.library_pages import library_macros
from mergec.verify.law_tensors import Floats
from tests.peers.both_sides import agree, ours
from tests.peers.case import sd_mecha
from tests.peers.facade import called

THREE = "base, a, b, c"
DELTAS = "a - base, b - base, c - base"
MODELS = {
    "weighted_sum(a, b; t=0.3)": sd_mecha("weighted_sum", "a b", alpha=0.3),
    "weighted_sum(a, b)": sd_mecha("weighted_sum", "a b", alpha=0.5),
    "n_average(a, b, c)": sd_mecha("n_average", "a b c"),
    "slerp(a, b; t=0.3)": sd_mecha("slerp", "a b", alpha=0.3),
    "slerp(a, b)": sd_mecha("slerp", "a b", alpha=0.5),
}
STOCK = {"apply_stock": True}


def inputs() -> Mapping[str, Mapping[str, Floats]]:
    generator = np.random.default_rng(9)
    shapes = {"matrices": (20, 25), "vectors": (100,), "two elements": (2,), "rows of one": (6, 1)}
    drawn = {
        name: {label: generator.normal(size=shape) for label in ("base", "a", "b", "c")}
        for name, shape in shapes.items()
    }
    coarse = {x: generator.integers(-2, 3, size=(20, 20)) / 2 for x in ("base", "a", "b", "c")}
    some = drawn["matrices"]
    found = {
        **drawn,
        "coarse": coarse,
        "one untouched": {**some, "a": some["base"]},
        "one of zeros": {**some, "a": np.zeros((20, 25))},
        "equal": dict.fromkeys(some, some["a"]),
    }
    # As float32 has them, so that a task vector of what is left alone is zero.
    return {
        name: {label: np.float32(x).astype(float) for label, x in tensors.items()}
        for name, tensors in found.items()
    }


INPUTS = inputs()


def theirs(
    function: str, tensors: Mapping[str, Floats], scale: float, **settings: object
) -> Floats:
    """A method of theirs on the task vectors, added to the base."""
    deltas = {x: tensors[x] - tensors["base"] for x in "abc"}
    operands = "a b" if function == "model_stock" else "a b c"
    return tensors["base"] + scale * called(sd_mecha(function, operands, **settings), deltas)


@pytest.mark.parametrize("tensors", INPUTS.values(), ids=INPUTS)
@pytest.mark.parametrize("macro", MODELS)
def test_models_are_merged_alike(macro: str, tensors: Mapping[str, Floats]) -> None:
    operands = {x: tensors[x] for x in MODELS[macro].operands}
    assert agree(ours(f"mecha.{macro}", operands), called(MODELS[macro], operands))


@pytest.mark.parametrize("tensors", INPUTS.values(), ids=INPUTS)
@pytest.mark.parametrize(("elect", "k"), list(product(("mass", "count"), (None, 0.29, 0.5, 1.0))))
def test_task_vectors_are_merged_alike(
    elect: str, k: float | None, tensors: Mapping[str, Floats]
) -> None:
    given = {} if k is None else {"k": k}
    density = "" if k is None else f"density={k}, "
    election = f'{density}elect="{elect}"'
    vote = {**given, "vote_sgn": elect == "mass"}
    found = ours(f"base + mecha.ties_sum({DELTAS}; {election})", tensors)
    assert agree(found, theirs("ties_sum", tensors, 1, **vote))
    found = ours(f"base + mecha.ties_sum_extended({DELTAS}; {election})", tensors)
    assert agree(found, theirs("ties_sum_extended", tensors, 1, **vote, **STOCK))
    extended = f"mecha.add_difference_ties_extended({THREE}; {election}, scale=0.7)"
    assert agree(
        ours(extended, tensors), theirs("ties_sum_extended", tensors, 0.7, **vote, **STOCK)
    )
    if elect == "count":
        found = ours(f"mecha.add_difference_ties({THREE}; {density}scale=0.7)", tensors)
        assert agree(found, theirs("ties_sum", tensors, 0.7, **given))


@pytest.mark.parametrize("tensors", INPUTS.values(), ids=INPUTS)
def test_differences_and_stock_are_alike(tensors: Mapping[str, Floats]) -> None:
    if tensors["a"].shape[-1] > 1:  # rows that are opposite have no result here, and 0 there
        found = ours("mecha.n_model_stock(base, a, b)", tensors)
        assert agree(found, theirs("model_stock", tensors, 1))
    found = ours("mecha.add_difference(base, a, b; scale=0.7)", tensors)
    assert agree(found, tensors["base"] + 0.7 * (tensors["a"] - tensors["b"]))


def test_random_methods_do_the_same_to_what_is_kept() -> None:
    tensors = INPUTS["matrices"]
    kept = {x: ours(f"base + dare({x} - base; density=0.4)", tensors) for x in "abc"}
    dropped = {"base": tensors["base"], **kept}
    found = ours(f"mecha.add_ties_with_dare({THREE}; keep=0.4, density=0.5, scale=0.7)", tensors)
    # They prune, merge and rescale, which is the same as to rescale before.
    assert agree(found, theirs("ties_sum_extended", dropped, 0.7, k=0.5, **STOCK))
    found = ours("mecha.dropout(base, a; keep=0.4, scale=0.7)", tensors)
    assert agree(found, tensors["base"] + 0.7 * (kept["a"] - tensors["base"]))


def test_every_macro_is_compared() -> None:
    macros = {macro.name for macro in library_macros() if macro.library == "std:sd_mecha"}
    text = Path(__file__).read_text()
    assert all(f"mecha.{name}(" in text or f'"{name}(' in text for name in macros)
