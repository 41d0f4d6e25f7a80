"""A norm is restored over all blocks of a tensor, and not over the last."""

from fractions import Fraction

import numpy as np
import pytest

from mergec.backends import Backend, get_backend
from mergec.ir import Value
from mergec.ops import STAGES
from mergec.ops.tree_sum import LEAF
from tests.ops.stage_runner import bits, run_stage

REFERENCE: Backend = get_backend("reference")
DRAWN: dict[str, Value] = {"seed": 1, "role": "dare", "label": "a"}
SETTINGS: dict[str, dict[str, Value]] = {
    "trim": {},
    "drop": DRAWN,
    "drop_by_rank": {**DRAWN, "epsilon": Fraction(1, 5)},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_sum_of_magnitudes_is_that_of_all_blocks(name: str) -> None:
    x = np.random.default_rng(2).standard_normal((3, LEAF))
    x[0] *= 100
    params = {**SETTINGS[name], "density": Fraction(1, 2), "rescale": "l1"}
    whole, parted = (
        run_stage(STAGES[name], REFERENCE, [x.ravel()], params, shape=x.shape, block=block)
        for block in (3 * LEAF, LEAF)
    )
    assert np.abs(whole).sum() == pytest.approx(np.abs(x).sum(), rel=1e-12)
    assert bits(whole) == bits(parted)
