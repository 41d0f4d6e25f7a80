"""One expression over named tensors, computed by mergec: what peers are compared with."""

from collections.abc import Mapping

import numpy as np

from mergec.backends import Backend, get_backend
from mergec.catalog import Dtype
from mergec.elaborate.library_pages import ALIASES
from mergec.verify.evaluate import evaluate
from mergec.verify.law_tensors import Floats, loaded, stored

REFERENCE = get_backend("reference")


def merged(
    expression: str,
    tensors: Mapping[str, Floats],
    *,
    dtype: Dtype = Dtype.F64,
    delta: bool = True,
    backend: Backend = REFERENCE,
) -> Floats:
    """The value of `expression` over sources called as in `tensors`, in float64.

    Sources are `base` and the others; with `delta` the expression is one.
    """
    head = used(expression)
    head += "".join(f'{label} = model("./{label}", id="{label}")\n' for label in tensors)
    kind = "delta " if delta else ""
    text = f'{head}result = {expression}\nexport {kind}result as "result"\n'
    files = {label: {"w": stored(x, dtype)} for label, x in tensors.items()}
    return loaded(evaluate(text, files, backend)["w"])


def used(expression: str) -> str:
    """The statements for the libraries whose macros `expression` calls."""
    return "".join(
        f'use "{library}" as {alias}\n'
        for library, alias in ALIASES.items()
        if f"{alias}." in expression
    )


def over_zero(**deltas: Floats) -> dict[str, Floats]:
    """Sources whose task vectors are `deltas`: their base is zero, so nothing is rounded."""
    return {"base": np.zeros_like(next(iter(deltas.values()))), **deltas}
