"""A result depends on the data alone: not on the block size and not on the backend."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mergec.backends import Backend, get_backend
from mergec.catalog.dtypes import Dtype
from mergec.ops import STAGES
from mergec.ops.stage import block_size
from mergec.ops.tree_sum import LEAF, combine_leaves
from tests.ops.stage_runner import NUMPY_DTYPES, bits, installed_backends, run_stage

Floats = NDArray[Any]
REFERENCE = get_backend("reference")

N = (1 << 18) + 12345
WEIGHTS = (Fraction(3, 5), Fraction(1, 5), Fraction(1, 5))

CASES: dict[str, tuple[str, int, dict[str, Any]]] = {
    "affine": ("affine", 3, {"coefficients": WEIGHTS}),
    "trim": ("trim", 1, {"density": Fraction(3, 10), "ties": "index", "rescale": "none"}),
    "trim-l2": ("trim", 1, {"density": Fraction(1, 5), "ties": "index", "rescale": "l2"}),
    "drop": (
        "drop",
        1,
        {"density": Fraction(1, 3), "seed": 5, "role": "dare", "label": "A", "rescale": "inv"},
    ),
    "drop-l1": (
        "drop",
        1,
        {"density": Fraction(1, 3), "seed": 5, "role": "dare", "label": "A", "rescale": "l1"},
    ),
    "elect": ("elect_sign", 3, {"weights": WEIGHTS, "elect": "mass", "zero": "majority"}),
    "mean": ("agreeing_mean", 3, {"weights": WEIGHTS, "agg": "wmean", "elected": True}),
    "slerp": ("slerp", 2, {"t": Fraction(3, 10), "norm": "polar"}),
}


@pytest.mark.parametrize("backend", installed_backends())
@pytest.mark.parametrize("work", [Dtype.F32, Dtype.F64])
@pytest.mark.parametrize("case", CASES)
def test_blocks_and_backends_leave_no_trace(backend: Backend, work: Dtype, case: str) -> None:
    name, count, params = CASES[case]
    operands = _operands(count, name, work)
    whole = run_stage(STAGES[name], REFERENCE, operands, params, work=work, block=1 << 20)
    for block in (1 << 16, 1 << 17):
        found = run_stage(STAGES[name], backend, operands, params, work=work, block=block)
        assert found.tobytes() == whole.tobytes()


def test_leaves_are_halved_by_the_definition() -> None:
    x = np.random.default_rng(0).standard_normal(2 * LEAF + 777)
    padded = np.concatenate([x, np.zeros(LEAF - 777)]).reshape(3, LEAF)
    while padded.shape[1] > 1:
        half = padded.shape[1] // 2
        padded = padded[:, :half] + padded[:, half:]
    assert REFERENCE.xp.leaf_sums(x) == padded[:, 0].tolist()
    first, second, third = padded[:, 0].tolist()
    assert combine_leaves([first, second, third]) == (first + second) + third


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0.0"), (1, "a"), (2, "(a+b)"), (3, "((a+b)+c)"), (5, "(((a+b)+(c+d))+e)")],
)
def test_an_odd_leaf_is_carried_up(count: int, expected: str) -> None:
    found: Any = combine_leaves([_Term(letter) for letter in "abcde"[:count]])
    assert str(found) == expected


class _Term(float):
    """A number that remembers how it was added up."""

    def __new__(cls, text: str) -> "_Term":
        return super().__new__(cls, 0.0)

    def __init__(self, text: str) -> None:
        self.text = text

    def __add__(self, other: Any) -> "_Term":
        return _Term(f"({self.text}+{other.text})")

    def __str__(self) -> str:
        return self.text


def _operands(count: int, name: str, work: Dtype) -> list[Floats]:
    """Differences of bf16 weights, with the ties and zero sums that real ones have."""
    rng = np.random.default_rng(1)
    kind = NUMPY_DTYPES[Dtype.BF16]
    base = (rng.standard_normal(N) * 0.02).astype(kind).astype(np.float32)
    deltas = [
        (base + rng.standard_normal(N).astype(np.float32) * 1e-3).astype(kind).astype(np.float32)
        - base
        for _ in range(count)
    ]
    if name != "agreeing_mean":
        return deltas
    params: dict[str, Any] = {"weights": WEIGHTS, "elect": "mass", "zero": "drop"}
    return [run_stage(STAGES["elect_sign"], REFERENCE, deltas, params, work=work), *deltas]


@pytest.mark.parametrize(
    ("least", "grains", "numel", "expected"),
    [
        (LEAF, [768], 10**9, 3 * LEAF),
        (LEAF, [1, LEAF // 2], 10**9, LEAF),
        (LEAF + 1, [0], 10**9, 2 * LEAF),
        (LEAF, [768], 5000, 5000),
        (LEAF, [1], 0, 1),
    ],
)
def test_a_block_has_whole_leaves_and_rows(
    least: int, grains: list[int], numel: int, expected: int
) -> None:
    assert block_size(least, grains, numel) == expected


def test_the_operands_have_ties() -> None:
    (delta,) = _operands(1, "trim", Dtype.F32)
    trimmed = run_stage(STAGES["trim"], REFERENCE, [delta], CASES["trim"][2], work=Dtype.F32)
    threshold = np.abs(trimmed[trimmed != 0]).min()
    in_class = np.flatnonzero(np.abs(delta) == threshold)
    kept = np.flatnonzero(np.abs(trimmed) == threshold)
    assert 0 < len(kept) < len(in_class)
    assert bits(in_class[: len(kept)]) == bits(kept)
    assert np.count_nonzero(trimmed) == N * 3 // 10
