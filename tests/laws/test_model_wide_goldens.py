"""The golden values of the operators that look at whole models, as specs, on every backend.

Values printed with twelve digits are held to that in f64 and to a unit of storage elsewhere.
"""

from fractions import Fraction

import numpy as np
import pytest

from mergec.backends import Backend
from mergec.catalog import Dtype
from mergec.diagnostics import SourceText
from mergec.plan import check_text
from mergec.verify.evaluate import evaluate
from mergec.verify.exact_value import exact
from mergec.verify.law_tensors import Floats, loaded, stored
from tests.laws.test_spec_goldens import F6, deltas
from tests.ops.fixture_f6 import DELTAS
from tests.ops.stage_runner import installed_backends
from tests.oracles import model_wide

backends = pytest.mark.parametrize("backend", installed_backends())
dtypes = pytest.mark.parametrize("dtype", [Dtype.F64, Dtype.F32, Dtype.BF16], ids=lambda d: d.word)
scopes = pytest.mark.parametrize("scope", ["tensor", "global"])
NEAR = {Dtype.F64: 5e-12, Dtype.F32: 2**-23, Dtype.BF16: 2**-7}

HEAD = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in F6)
SCORES = [
    [1, 0, 0, 0, 0, 0.00491676265803],
    [0, 0.218690012762, 0, 0, 1, 0],
    [0, 1, 0, 0, 0.102203328169, 0],
]
BALANCED = [0.5, 0.272430848952, 0, 0, 0.465227606301, 0.0625]
UNIFIED = [0.5, 0.375, -0.25, -0.75, 0.5, 0.1875]
MASKS = [[1, 0, 0, 0, 0, 1], [1, 1, 1, 0, 1, 0], [0, 1, 0, 1, 1, 1]]
FACTORS = [1.90909090909, 1.03846153846, 1]


@backends
@dtypes
@scopes
def test_g14b_scores_weigh_the_entries(scope: str, dtype: Dtype, backend: Backend) -> None:
    found = merged(f"pcb({deltas}; ratio=1/2, scope={scope})", dtype, backend)
    np.testing.assert_allclose(found, BALANCED, rtol=NEAR[dtype], atol=0)


def test_g14a_the_oracle_has_the_scores() -> None:
    found, values = model_wide.scores(np.array(DELTAS), Fraction(1, 2))
    np.testing.assert_allclose(found, SCORES, rtol=5e-12, atol=0)
    assert values.tolist() == np.array(DELTAS).tolist()


@backends
@dtypes
def test_g15c_the_unified_delta_is_an_election(dtype: Dtype, backend: Backend) -> None:
    found = merged(f"ties({deltas}; density=1, agg=max, zero=negative)", dtype, backend)
    assert found.tolist() == UNIFIED


@backends
@dtypes
@scopes
@pytest.mark.parametrize("task", [1, 2, 3])
def test_g15de_a_task_has_its_mask_and_factor(
    task: int, scope: str, dtype: Dtype, backend: Backend
) -> None:
    found = merged(f"emr({deltas}; task={task}, scope={scope})", dtype, backend)
    assert (found != 0).tolist() == np.array(MASKS[task - 1], bool).tolist()
    expected = FACTORS[task - 1] * np.array(MASKS[task - 1]) * UNIFIED
    np.testing.assert_allclose(found, expected, rtol=NEAR[dtype], atol=0)


@pytest.mark.parametrize("task", [1, 2, 3])
def test_g15_the_rationals_agree(task: int) -> None:
    text = f"{HEAD}result = emr({deltas}; task={task}, scope=tensor)\nexport delta result\n"
    graph = check_text(SourceText("golden.merge", text)).graph
    found = [float(x) for x in exact(graph, {k: x.tolist() for k, x in F6.items()})]
    expected = FACTORS[task - 1] * np.array(MASKS[task - 1]) * UNIFIED
    np.testing.assert_allclose(found, expected, rtol=5e-12, atol=0)


@backends
@dtypes
@scopes
def test_stitched_entries_are_means_of_what_was_kept(
    scope: str, dtype: Dtype, backend: Backend
) -> None:
    # The largest third of A is at 0 and 3, of B at 1 and 4, of C at 0 and 3.
    found = merged(f"stitch(base, A, B, C; density=1/3, scope={scope})", dtype, backend)
    assert found.tolist() == [1.0625, -1.625, 0.5, -0.1875, 3.5, -1]


def merged(expression: str, dtype: Dtype, backend: Backend) -> Floats:
    """The result in float64, computed from sources stored in `dtype`."""
    kind = "" if "base, A, B" in expression else "delta "
    held = {label: {"w": stored(x, dtype)} for label, x in F6.items()}
    return loaded(
        evaluate(f"{HEAD}result = {expression}\nexport {kind}result\n", held, backend)["w"]
    )
