"""What is held while units are matched is what the stage says, or little less."""

import tracemalloc
from fractions import Fraction
from math import prod

import numpy as np
import pytest

from mergec.backends import get_backend
from mergec.catalog import Dtype
from mergec.ops.reorder_units import SOLVER, STAGE
from mergec.ops.stage import Cursor, Params, Site

XP = get_backend("reference").xp
Axes = tuple[tuple[int, int, int], ...]


def params_of(axes: Axes) -> Params:
    return {"axes": tuple(tuple(map(Fraction, axis)) for axis in axes), "seed": 0}


@pytest.mark.parametrize(
    "tensors",
    [
        {(40, 3000): ((0, 40, 3000),), (3000, 40): ((0, 40, 1),)},
        {(300, 300): ((0, 300, 300), (1, 300, 1))},
        {(500, 10): ((0, 500, 10),), (10, 500): ((0, 500, 1),)},
        {(60, 50, 9): ((0, 60, 450), (1, 50, 9)), (60,): ((0, 60, 1),)},
    ],
    ids=["wide", "both", "narrow", "convolution"],
)
def test_it_holds_what_it_says(tensors: dict[tuple[int, ...], Axes]) -> None:
    XP.assign(np.eye(2))  # which imports scipy
    random = np.random.default_rng(1)
    each = [(params_of(axes), shape) for shape, axes in tensors.items()]
    blocks = [[random.normal(size=prod(shape)) for _ in range(2)] for _, shape in each]
    settings = [STAGE.prepare(params, site(shape)) for params, shape in each]
    tracemalloc.start()
    try:
        seen = [
            STAGE.seen(STAGE.observe(XP, None, pair, setting), setting).own
            for pair, setting in zip(blocks, settings, strict=True)
        ]
        settled = STAGE.combine_all(seen, None, settings)
        held = tracemalloc.get_traced_memory()[1]
        kept = sum(STAGE.kept_bytes(params) for params, _ in each)
    finally:
        tracemalloc.stop()
    said = STAGE.held_bytes(each) - SOLVER + kept
    assert held <= said <= 3 * held
    assert all(map(STAGE.settled, settled))


def test_a_result_takes_a_block_for_each_axis() -> None:
    shape, axes = (300, 300), ((0, 300, 300), (1, 300, 1))
    setting = STAGE.prepare(params_of(axes), site(shape))
    block = np.random.default_rng(2).normal(size=prod(shape))
    backwards = tuple(reversed(range(300)))
    (found,) = STAGE.combine_all([None], None, [setting])
    assert found.orders == (tuple(range(300)),) * 2
    shuffled = type(setting)(setting.axes, setting.seed, (backwards,) * 2)
    tracemalloc.start()
    try:
        result = STAGE.apply(XP, [block, block], shuffled, Cursor())
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result.tolist() == block[::-1].tolist()
    assert held <= block.nbytes * STAGE.temporaries(2) <= 2 * held


def site(shape: tuple[int, ...]) -> Site:
    return Site("w", shape, Dtype.F64, (None, None))
