"""The golden values of the operators that these stages make up, on every backend.

Everything is exact in the storage dtypes unless a value is printed with 12 digits.
"""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mergec.backends import Backend
from mergec.catalog.dtypes import Dtype
from mergec.ir import Value
from mergec.ops import STAGES
from mergec.ops.drop import DropSetting, keep_rescaled
from mergec.ops.slerp import angle
from mergec.ops.stage import Site
from mergec.ops.tree_sum import combine_leaves
from tests.ops.fixture_f6 import BASE, DELTAS, MODELS, A, B, C
from tests.ops.stage_runner import installed_backends, run_stage

Floats = NDArray[Any]

both = pytest.mark.parametrize("backend", installed_backends())
work = pytest.mark.parametrize("work", [Dtype.F32, Dtype.F64])

ONES = (Fraction(1),) * 3
UNEQUAL = (Fraction(1, 2), Fraction(1, 4), Fraction(1, 4))


@both
@pytest.mark.parametrize(
    ("coefficients", "expected"),
    [
        (
            (Fraction(1, 3),) * 3,
            [1.08333333333, -1.83333333333, 0.458333333333, 0, 3.125, -0.9375],
        ),
        (UNEQUAL, [1.1875, -1.90625, 0.46875, 0.09375, 3.03125, -0.9375]),
        ((Fraction(1), Fraction(1), Fraction(-1)), [2, -2, 0.125, 1.5, 3.125, -1.1875]),
    ],
    ids=["G1a", "G1b", "G1c"],
)
def test_linear(
    backend: Backend, coefficients: tuple[Fraction, ...], expected: list[float]
) -> None:
    found = run_stage(STAGES["affine"], backend, MODELS, {"coefficients": coefficients})
    _agree(found, expected, 12)
    stored = run_stage(
        STAGES["affine"],
        backend,
        MODELS,
        {"coefficients": coefficients},
        work=Dtype.F32,
        stored=(Dtype.BF16,) * 3,
    )
    np.testing.assert_allclose(stored, found, rtol=2**-15, atol=2**-17)


@both
@pytest.mark.parametrize(
    ("x", "t", "norm", "expected"),
    [
        (
            MODELS[:2],
            Fraction(1, 4),
            "raw",
            [
                *(1.41378419863, -2.01074652466, 0.439719093158),
                *(0.377102779449, 2.95467422094, -0.974299255008),
            ],
        ),
        (
            MODELS[:2],
            Fraction(1, 4),
            "polar",
            [
                *(1.41857664448, -2.01720699606, 0.44263188262),
                *(0.377314410273, 2.94833433524, -0.973513024555),
            ],
        ),
        ("axes", Fraction(1, 2), "raw", [2.12132034356, 2.82842712475, 0, 0]),
        ("axes", Fraction(1, 2), "polar", [2.47487373415, 2.47487373415, 0, 0]),
        ("axes", Fraction(1, 4), "raw", [2.77163859753, 1.53073372946, 0, 0]),
        ("axes", Fraction(1, 4), "polar", [3.00260848066, 1.24372115519, 0, 0]),
    ],
    ids=["G3a", "G3b", "G3c", "G3d", "G3e", "G3f"],
)
def test_slerp(
    backend: Backend, x: Sequence[Floats] | str, t: Fraction, norm: str, expected: list[float]
) -> None:
    axes = [np.array([3.0, 0, 0, 0]), np.array([0, 4.0, 0, 0])]
    operands = axes if isinstance(x, str) else x
    found = run_stage(STAGES["slerp"], backend, operands, {"t": t, "norm": norm})
    _agree(found, expected, 12)


@both
def test_slerp_of_deltas_with_its_angle(backend: Backend) -> None:
    arc = run_stage(STAGES["slerp"], backend, [A, C], {"t": Fraction(1, 4), "norm": "raw"})
    _agree(
        run_stage(STAGES["affine"], backend, [BASE, arc], {"coefficients": ONES[:2]}),
        [
            *(1.44365406469, -1.94502195817, 0.632713246398),
            *(-0.164934125476, 2.71181634446, -0.695705904919),
        ],
        12,
    )
    products = [*(x * x for x in (A, C, A - C, A + C)), A * C]
    sums = [combine_leaves([float(x) for x in product]) for product in products]
    theta = angle(*sums)
    assert theta is not None
    assert f"{theta:.12g}" == "2.54714048716"


@both
@work
@pytest.mark.parametrize(
    ("x", "density", "ties", "expected"),
    [
        (A, Fraction(1, 2), "index", [0.5, 0, 0, 0.375, -0.25, 0]),
        (B, Fraction(1, 3), "index", [0, 0.375, 0, 0, 0.5, 0]),
        (B, Fraction(1, 3), "all", [0, 0.375, 0, 0.375, 0.5, 0]),
    ],
    ids=["G5a", "G5b", "G5c"],
)
def test_trim(
    backend: Backend, work: Dtype, x: Floats, density: Fraction, ties: str, expected: list[float]
) -> None:
    params: dict[str, Value] = {"density": density, "ties": ties, "rescale": "none"}
    assert run_stage(STAGES["trim"], backend, [x], params, work=work).tolist() == expected


@both
@work
@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, [0.3125, 0.3125, -0.25, 0, 0.3125, 0.125]),
        ({"zero": "positive"}, [0.3125, 0.3125, -0.25, 0.375, 0.3125, 0.125]),
        ({"zero": "majority"}, [0.3125, 0.3125, -0.25, 0.375, 0.3125, 0.125]),
        ({"zero": "negative"}, [0.3125, 0.3125, -0.25, -0.75, 0.3125, 0.125]),
        ({"density": Fraction(1, 2)}, [0.5, 0.3125, 0, 0, 0.5, 0]),
        (
            {"elect": "count", "zero": "positive"},
            [0.3125, 0.3125, 0.125, 0.375, 0.3125, 0.125],
        ),
        ({"agg": "sum"}, [0.625, 0.625, -0.25, 0, 0.625, 0.25]),
        ({"agg": "max"}, [0.5, 0.375, -0.25, 0, 0.5, 0.1875]),
        (
            {"weights": UNEQUAL, "agg": "wmean", "zero": "positive"},
            [0.375, 0.3125, -0.25, 0.375, 0.3125, 0.104166666667],
        ),
        (
            {"weights": UNEQUAL, "weight_stage": "after", "zero": "positive"},
            [0.140625, 0.078125, -0.0625, 0.140625, 0.078125, 0.0390625],
        ),
    ],
    ids=["G6a", "G6b", "G6c", "G6d", "G6e", "G6f", "G6g", "G6h", "G6i", "G6j"],
)
def test_ties(
    backend: Backend, work: Dtype, params: Mapping[str, Value], expected: list[float]
) -> None:
    found = _ties(backend, work, params)
    _agree(found, expected, 12 if work is Dtype.F64 else 7)


@both
def test_dare_with_an_injected_mask(backend: Backend) -> None:
    index = backend.xp.iota(6)
    mask = (index != 1) & (index != 4)
    site = Site("w", (6,), Dtype.F64, (None,))
    x = backend.load(memoryview(A.astype(np.float64).tobytes()), Dtype.F64, Dtype.F64)
    inverse = keep_rescaled(backend.xp, x, mask, DropSetting((0, 0), 0, 0.5, site))
    assert np.asarray(inverse).tolist() == [1, 0, 0, 0.75, 0, 0.125]
    kept = float(np.abs(A[[0, 2, 3, 5]]).sum())
    restored = DropSetting((0, 0), 0, 1.0, site, float(np.abs(A).sum()) / kept)
    _agree(
        np.asarray(keep_rescaled(backend.xp, x, mask, restored)), [0.7, 0, 0, 0.525, 0, 0.0875], 12
    )


@both
@work
@pytest.mark.parametrize(
    ("label", "delta", "expected"),
    [
        ("A", A, [1, 0, 0, 0, 0, 0]),
        ("B", B, [0, 0, -0.5, 0.75, 0, -0.125]),
        ("C", C, [0, 0, 0.25, -1.5, 0, 0]),
    ],
)
def test_dare_with_the_published_masks(
    backend: Backend, work: Dtype, label: str, delta: Floats, expected: list[float]
) -> None:
    found = run_stage(STAGES["drop"], backend, [delta], _dare(label), work=work)
    assert found.tolist() == expected


@both
def test_dare_added_to_its_base(backend: Backend) -> None:
    dropped = [
        run_stage(STAGES["drop"], backend, [delta], _dare(label))
        for label, delta in zip("ABC", DELTAS, strict=True)
    ]
    found = run_stage(
        STAGES["affine"],
        backend,
        [BASE, *dropped],
        {"coefficients": (Fraction(1),) * 4},
        work=Dtype.F32,
        stored=(Dtype.BF16, None, None, None),
        out=Dtype.BF16,
    )
    assert found.astype(np.float64).tolist() == [2, -2, 0.25, -0.75, 3, -1.125]


def _dare(label: str) -> dict[str, Value]:
    return {"density": Fraction(1, 2), "seed": 0, "role": "dare", "label": label, "rescale": "inv"}


def _ties(backend: Backend, work: Dtype, params: Mapping[str, Value]) -> Floats:
    """trim, elect and average by hand; the goldens' default aggregate is the plain mean."""
    density = params.get("density", Fraction(1))
    trim: dict[str, Value] = {"density": density, "ties": "index", "rescale": "none"}
    trimmed = [run_stage(STAGES["trim"], backend, [x], trim, work=work) for x in DELTAS]
    weighing: dict[str, Value] = {
        "weights": params.get("weights", ONES),
        "weight_stage": params.get("weight_stage", "before"),
    }
    election: dict[str, Value] = {
        **weighing,
        "elect": params.get("elect", "mass"),
        "zero": params.get("zero", "drop"),
    }
    signs = run_stage(STAGES["elect_sign"], backend, trimmed, election, work=work)
    averaging: dict[str, Value] = {**weighing, "agg": params.get("agg", "mean"), "elected": True}
    return run_stage(STAGES["agreeing_mean"], backend, [signs, *trimmed], averaging, work=work)


def _agree(found: Floats, expected: Sequence[float], digits: int) -> None:
    for value, golden in zip(found.tolist(), expected, strict=True):
        assert math.isclose(value, golden, rel_tol=5 * 10.0**-digits, abs_tol=10.0**-14)
