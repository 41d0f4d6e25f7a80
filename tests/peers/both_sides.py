"""mergec's side of a comparison, in the dtype of the peer's."""

from collections.abc import Mapping

import numpy as np

from mergec.backends import Backend
from mergec.catalog import Dtype
from mergec.verify.evaluate import exports_a_delta
from mergec.verify.law_tensors import Floats
from tests.differential.in_memory import REFERENCE, merged, used

DTYPES = {"float32": Dtype.F32, "bfloat16": Dtype.BF16}


def ours(
    expression: str,
    tensors: Mapping[str, Floats],
    dtype: str = "float32",
    backend: Backend = REFERENCE,
) -> Floats:
    """The value of a model or delta; MergecError as a run reports it."""
    head = used(expression) + "".join(f'{label} = model("./{label}")\n' for label in tensors)
    delta = exports_a_delta(f"{head}result = {expression}\n")
    kind = DTYPES[dtype]
    return merged(expression, tensors, dtype=kind, delta=delta, backend=backend)


def agree(found: Floats, expected: Floats) -> bool:
    """Whether they are the same to 1e-5 of the largest entry; both NaN is the same too."""
    finite = np.abs(expected[np.isfinite(expected)])
    return np.allclose(found, expected, rtol=0, atol=1e-5 * finite.max(initial=0), equal_nan=True)
