"""Laws of an operator that reorders the units of a model to fit another's."""

from itertools import permutations

import numpy as np
from hypothesis import strategies as st

from mergec.verify.claim import claim
from mergec.verify.law_case import FLOATS, Case, Sources, models
from mergec.verify.law_tensors import Floats, matrices, rounded, tame

_ROWS, _BOTH = "w[0]", "w[0]; w[1]"
# What a sum of products may lose to rounding, of the sum of their magnitudes.
_ROOM = 1e-9


@claim("of a copy whose units were shuffled it gives the original", "f(πx, x) = x")
def finds_planted_order(case: Case) -> None:
    """Numbers are drawn from a normal distribution, so that no other order fits as well."""
    original = _normal(case, case.draw(matrices(most=7)))
    order = case.draw(st.permutations(range(len(original.tensors["b"]))))
    shuffled = original.tensors["b"][list(order)]
    sources = Sources(original.dtype, {"a": shuffled, "b": original.tensors["b"]})
    case.require_same(_matched(case, sources, _ROWS), sources.tensors["b"], "the original")


@claim(
    "every unit is one of the model's, and each is there once",
    "f(x, y) = π(x), {f(x, y)ⱼ} = {xⱼ}",
)
def reorders_units(case: Case) -> None:
    """Rows are compared as wholes; where columns are reordered too, the numbers are."""
    sources = case.sources([*"ab"], tame, shape=matrices())
    own = sources.tensors["a"]
    found = _matched(case, sources, _ROWS)
    case.require(_rows(found) == _rows(own), "the rows of the model", found=found)
    found = _matched(case, sources, _BOTH)
    same = np.array_equal(np.sort(found, axis=None), np.sort(own, axis=None))
    case.require(same, "the numbers of the model", found=found)


@claim("it fits no worse than before", "⟨y, f(x, y)⟩ ≥ ⟨y, x⟩, ‖y − f(x, y)‖ ≤ ‖y − x‖")
def fits_no_worse(case: Case) -> None:
    """Of one group and of two that depend on each other."""
    sources = case.sources([*"ab"], tame, shape=matrices())
    own, wanted = sources.tensors["a"], sources.tensors["b"]
    for units in (_ROWS, _BOTH):
        found = _matched(case, sources, units)
        room = _ROOM * float(np.abs(own).sum() * np.abs(wanted).sum())
        gain = float(np.sum(wanted * found) - np.sum(wanted * own))
        case.require(gain >= -room, "no smaller product", found=found)


@claim("one group gets the best of all orders", "⟨y, f(x, y)⟩ = max_π ⟨y, πx⟩")
def fits_best_alone(case: Case) -> None:
    """All orders of at most five units are tried."""
    sources = case.sources([*"ab"], tame, shape=matrices())
    own, wanted = sources.tensors["a"], sources.tensors["b"]
    found = _matched(case, sources, _ROWS)
    best = max(float(np.sum(wanted * own[list(order)])) for order in permutations(range(len(own))))
    room = _ROOM * float(np.abs(own).sum() * np.abs(wanted).sum())
    case.require(float(np.sum(wanted * found)) >= best - room, "the best product", found=found)


@claim(
    "a network of two layers computes what it did, to rounding",
    "W₂·relu(W₁·z) is the same for x and f(x, y)",
)
def computes_the_same(case: Case) -> None:
    """The tensor [2, hidden, width] holds the rows of W₁ and the columns of W₂."""
    hidden, width = case.draw(matrices(most=6))
    sources = _normal(case, (2, hidden, width))
    found = _matched(case, sources, "w[1]")
    inputs = np.linspace(-1.0, 1.0, width)
    before, after = (_network(x, inputs) for x in (sources.tensors["a"], found))
    near = np.abs(after - before) <= _ROOM * np.abs(sources.tensors["a"]).sum() ** 2
    case.require(bool(np.all(near)), f"{before}, not {after}", found=found)


def _network(w: Floats, inputs: Floats) -> Floats:
    outputs: Floats = np.maximum(w[0] @ inputs, 0.0) @ w[1]
    return outputs


def _normal(case: Case, shape: tuple[int, ...]) -> Sources:
    dtype = case.draw(st.sampled_from(FLOATS))
    generator = np.random.default_rng(case.draw(st.integers(0, 2**32 - 1)))
    # f16 and bf16 have few numbers, but these are hardly ever equal.
    tensors = {label: rounded(generator.normal(size=shape), dtype) for label in "ab"}
    return Sources(dtype, tensors)


def _matched(case: Case, sources: Sources, units: str) -> Floats:
    return case.run(case.call(models("ab"), case.params(units=units)), sources)


def _rows(matrix: Floats) -> list[tuple[float, ...]]:
    return sorted(map(tuple, matrix.tolist()))
