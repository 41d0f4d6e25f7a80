"""`std:mergekit` computes what mergekit does, on ordinary tensors and on odd ones."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from mergec.elaborate.library_pages import library_macros
from mergec.verify.law_tensors import Floats
from tests.peers.both_sides import agree, ours
from tests.peers.facade import called
from tests.peers.mergekit_dialect import MACROS, MASKED, TASK, Macro, Masked


def inputs() -> Mapping[str, Mapping[str, Floats]]:
    generator = np.random.default_rng(8)

    def drawn(*shape: int) -> dict[str, Floats]:
        return {label: generator.normal(size=shape) for label in TASK}

    def over(base: Floats, **deltas: Floats) -> dict[str, Floats]:
        return {"base": base, **{label: base + delta for label, delta in deltas.items()}}

    def tuned(size: float, *shape: int) -> dict[str, Floats]:
        base, *others = drawn(*shape).values()
        return over(base, **{x: size * d for x, d in zip("abc", others, strict=True)})

    zero = np.zeros((8, 5))
    some = drawn(8, 5)
    direction = generator.normal(size=(8, 5))
    return {
        "matrices": drawn(20, 25),
        "vectors": drawn(100),
        "three axes": drawn(3, 4, 5),
        "one element": drawn(1),
        "two elements": drawn(2),
        "rows of one": drawn(6, 1),
        "coarse": {x: generator.integers(-2, 3, size=(20, 20)) / 2 for x in TASK},
        "fine-tuned": tuned(1e-2, 20, 25),
        "small": {
            "base": np.zeros((20, 25)),
            **{x: 3e-4 * generator.normal(size=(20, 25)) for x in "abc"},
        },
        "smaller": {
            "base": np.zeros((20, 25)),
            **{x: 1e-6 * generator.normal(size=(20, 25)) for x in "abc"},
        },
        "one untouched": {**some, "a": some["base"]},
        "all untouched": dict.fromkeys(TASK, direction),
        "one of zeros": {**some, "a": zero},
        "all zeros": dict.fromkeys(TASK, zero),
        "base of zeros": {**some, "base": zero},
        "opposite": {"base": zero, "a": direction, "b": -2 * direction, "c": some["c"]},
        "opposite to the base": {**some, "a": -some["base"]},
        "parallel": {"base": zero, "a": direction, "b": 2 * direction, "c": 3 * direction},
        "nearly opposite": {
            "base": direction,
            "a": 0.01 * some["a"] - direction,
            "b": direction,
            "c": some["c"],
        },
        "one dominates": {
            "base": zero,
            "a": some["a"],
            "b": 1e-4 * some["b"],
            "c": 1e-4 * some["c"],
        },
    }


INPUTS = inputs()
TRIED = [pytest.param(row, name, id=f"{row.ours}-{name}") for row in MACROS for name in INPUTS]


def both(row: Macro | Masked, tensors: Mapping[str, Floats]) -> tuple[Floats, Floats]:
    """Our result and theirs of these tensors, as float32 has them."""
    given = {label: np.float32(tensors[label]).astype(float) for label in row.call.operands}
    return ours(row.ours, given), called(row.call, given)


def same(row: Macro, name: str) -> bool:
    try:
        found, theirs = both(row, INPUTS[name])
    except ValueError:  # of theirs
        return False
    assert theirs.shape == found.shape
    return agree(found, theirs)


@pytest.mark.parametrize(("row", "name"), TRIED)
def test_the_macro_is_the_method(row: Macro, name: str) -> None:
    assert same(row, name) == (name not in row.parts)


@pytest.mark.parametrize("name", ["matrices", "vectors", "small"])
@pytest.mark.parametrize("row", MASKED, ids=lambda row: row.ours)
def test_the_random_macro_makes_the_same_of_the_same_masks(
    row: Masked, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch: Any = import_module("torch")
    tensors = INPUTS[name]
    kept = [ours(row.drawn.format(f"{x} - base"), tensors) != 0 for x in TASK[1:]]
    masks = iter(kept)

    def masked(chance: Any) -> Any:
        return torch.from_numpy(next(masks)).reshape(chance.shape).float()

    monkeypatch.setattr(torch, "bernoulli", masked)
    assert agree(*both(row, tensors))
    assert all(0 < mask.mean() < 1 for mask in kept)


def test_every_method_has_its_macro() -> None:
    registry = import_module("mergekit.merge_methods.registry")
    methods = {method.spec.name for method in registry.registered_methods()}
    macros = {macro.name for macro in library_macros() if macro.library == "std:mergekit"}
    assert (
        methods
        == macros
        == {
            *(row.call.function for row in MACROS),
            *(row.call.function for row in MASKED),
        }
    )
