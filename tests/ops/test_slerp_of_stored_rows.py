"""slerp by rows and by columns rounds its coefficients for what is stored, as slerp of tensors."""

from fractions import Fraction

import numpy as np
import pytest

from mergec.backends import Backend, get_backend
from mergec.catalog import Dtype
from mergec.ir import Value
from mergec.ops.slerp import STAGE
from mergec.verify.law_tensors import Floats
from tests.ops.stage_runner import NUMPY_DTYPES, run_stage

REFERENCE: Backend = get_backend("reference")


def slerp(scope: str, kind: Dtype, norm: str, x: Floats, y: Floats) -> Floats:
    params: dict[str, Value] = {
        "t": Fraction(3, 10),
        "scope": scope,
        "norm": norm,
        "antiparallel": "lerp",
    }
    operands = [x.ravel(), y.ravel()]
    stored = [kind, kind]
    return run_stage(
        STAGE, REFERENCE, operands, params, work=Dtype.F32, stored=stored, shape=x.shape
    ).reshape(x.shape)


@pytest.mark.parametrize("norm", ["raw", "polar"])
@pytest.mark.parametrize("kind", [Dtype.BF16, Dtype.F16, Dtype.F32], ids=lambda kind: kind.word)
def test_a_row_is_a_tensor_of_its_own(kind: Dtype, norm: str) -> None:
    random = np.random.default_rng(6)
    x, y = random.standard_normal((2, 6, 8)).astype(NUMPY_DTYPES[kind]).astype(np.float64)
    y[2], y[3], y[4] = 0.0, -x[3], x[4]
    by_rows = slerp("row", kind, norm, x, y)
    alone = [slerp("tensor", kind, norm, x[i], y[i]) for i in range(6)]
    assert by_rows.tolist() == [row.tolist() for row in alone]
    assert slerp("column", kind, norm, x.T.copy(), y.T.copy()).T.tolist() == by_rows.tolist()


@pytest.mark.parametrize("norm", ["raw", "polar"])
@pytest.mark.parametrize("computed", [0, 1])
@pytest.mark.parametrize("scope", ["row", "column"])
def test_a_row_of_which_one_operand_is_computed(scope: str, computed: int, norm: str) -> None:
    random = np.random.default_rng(7)
    pair = random.standard_normal((2, 6, 8)).astype(NUMPY_DTYPES[Dtype.BF16]).astype(np.float64)
    # Where the computed operand is zero the stored one's zeros keep their sign.
    pair[computed, 2], pair[1 - computed, 2, :4] = 0.0, -0.0
    stored = [None, Dtype.BF16] if computed == 0 else [Dtype.BF16, None]
    params: dict[str, Value] = {"t": Fraction(3, 10), "norm": norm}

    def interpolated(scope: str, x: Floats, y: Floats) -> Floats:
        found = run_stage(
            STAGE,
            REFERENCE,
            [x.ravel(), y.ravel()],
            {**params, "scope": scope},
            work=Dtype.F32,
            stored=stored,
            shape=x.shape,
        )
        return found.reshape(x.shape)

    alone = np.array([interpolated("tensor", *pair[:, i]) for i in range(6)])
    if scope == "column":
        found = interpolated(scope, *(x.T.copy() for x in pair)).T
    else:
        found = interpolated(scope, *pair)
    assert np.ascontiguousarray(found).tobytes() == alone.tobytes()


@pytest.mark.parametrize("scope", ["tensor", "row", "column"])
@pytest.mark.parametrize("t", [0, 1])
def test_at_an_end_no_direction_is_opposite(t: int, scope: str) -> None:
    x = np.array([[1.0, 2], [3, -4]])
    params: dict[str, Value] = {"t": Fraction(t), "scope": scope}
    found = run_stage(STAGE, REFERENCE, [x.ravel(), -x.ravel()], params, shape=x.shape)
    assert found.tolist() == ((1 - 2 * t) * x.ravel()).tolist()
