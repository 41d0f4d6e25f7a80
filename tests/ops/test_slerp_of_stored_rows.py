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
