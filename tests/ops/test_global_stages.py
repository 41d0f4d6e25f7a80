"""Global stages by hand: what is kept of a tensor, and that block borders do not show."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mergec.backends import Backend
from mergec.catalog import Dtype
from mergec.ir import Value
from mergec.ops import STAGES, Cursor, GlobalStage, Site
from mergec.ops.global_trim import STAGE
from tests.ops.stage_runner import installed_backends

Floats = NDArray[Any]
TRIM: dict[str, Value] = {"density": Fraction(1, 3), "ties": "index", "rescale": "none"}


def run(
    stage: GlobalStage,
    backend: Backend,
    tensors: Sequence[Floats],
    params: dict[str, Value],
    *,
    block: int = 7,
) -> tuple[list[list[float]], int]:
    """What a stage makes of the tensors of a model, and in how many passes."""
    loaded = [backend.load(memoryview(x.tobytes()), Dtype.F64, Dtype.F64) for x in tensors]
    blocks = [[x[i : i + block] for i in range(0, len(x), block)] for x in loaded]
    settings = [
        stage.prepare(params, Site(f"{i}", x.shape, Dtype.F64, (None,)))
        for i, x in enumerate(tensors)
    ]
    passes = 0
    while not all(map(stage.settled, settings)):
        passes += 1
        own: list[Any] = []
        shared = None
        for parts, setting in zip(blocks, settings, strict=True):
            acc = None
            for part in parts:
                acc = stage.observe(backend.xp, acc, [part], setting)
            seen = stage.seen(acc, setting)
            own.append(seen.own)
            if seen.shared is not None:
                shared = seen.shared if shared is None else shared + seen.shared
        settings = stage.combine_all(own, shared, settings)
    found: list[list[float]] = []
    for parts, setting in zip(blocks, settings, strict=True):
        cursor, result = Cursor(), list[float]()
        for number, part in enumerate(parts):
            cursor.start = number * block
            result += np.frombuffer(
                backend.store(stage.apply(backend.xp, [part], setting, cursor), Dtype.F64)
            ).tolist()
        found.append(result)
    return found, passes


def close(count: int) -> Floats:
    """Numbers that agree in all bits but the last sixteen."""
    return np.random.default_rng(1).permutation([1 + i * 2.0**-52 for i in range(count)])


@pytest.mark.parametrize("backend", installed_backends())
@pytest.mark.parametrize(("count", "passes"), [(16, 4), (17, 5), (300, 5)])
def test_many_last_digits_are_counted_in_a_pass_of_their_own(
    backend: Backend, count: int, passes: int
) -> None:
    tensors = [close(count), np.ones(20), close(count), np.zeros(0)]
    (first, *_), found = run(STAGE, backend, tensors, TRIM)
    assert found == passes
    assert np.count_nonzero(first) > 0


@pytest.mark.parametrize("count", [16, 100])
def test_equals_at_the_threshold_go_to_the_first_tensors(count: int) -> None:
    (backend, *_) = (each.values[0] for each in installed_backends())
    tensors = [close(count), np.ones(count), np.full(count, 2.0), np.ones(count)]
    for block in (1, 7, 1000):
        found, _ = run(STAGE, backend, tensors, {**TRIM, "density": Fraction(51, 100)}, block=block)
        k = 51 * 4 * count // 100
        kept = [np.count_nonzero(x) for x in found]
        # All twos, then all that exceed one, then ones from the front.
        above = count - 1
        assert kept[2] == count
        assert kept[0] == above + 1
        assert kept[1] == k - count - above - 1
        assert kept[3] == 0
        assert found[1] == [1.0] * kept[1] + [0.0] * (count - kept[1])


def test_the_majority_is_that_of_all_tensors() -> None:
    (backend, *_) = (each.values[0] for each in installed_backends())
    stage = STAGES["global_election"]
    assert isinstance(stage, GlobalStage)
    params: dict[str, Value] = {"weights": (Fraction(1),), "elect": "mass", "zero": "majority"}
    params["weight_stage"] = "before"
    tensors = [np.array([-1.0, 0.0, -2.0]), np.array([3.0, 0.0, 1.0, 1.0]), np.zeros(0)]
    found, passes = run(stage, backend, tensors, params, block=2)
    assert (found, passes) == ([[-1, 1, -1], [1, 1, 1, 1], []], 1)
    found, _ = run(stage, backend, tensors[:1], params)
    assert found == [[-1, -1, -1]]
