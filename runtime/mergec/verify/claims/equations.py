"""The law whose two sides an operator writes down as expressions of the language."""

import re

from hypothesis import strategies as st

from mergec.catalog import Dtype
from mergec.verify.claim import claim
from mergec.verify.law_case import FLOATS, Case
from mergec.verify.law_statistics import STATISTICS, with_statistics
from mergec.verify.law_tensors import KINDS, Shape, matrices

_LABELS = ("base", "a", "b", "c")
_FORMS: dict[str, st.SearchStrategy[Shape] | None] = {
    "": None,
    "vector": st.integers(0, 24).map(lambda n: (n,)),
    "row": st.integers(1, 24).map(lambda n: (1, n)),
    "matrix": matrices(),
    "square": st.integers(1, 5).map(lambda n: (n, n)),
    "single": st.sampled_from([(), (1,), (1, 1)]),
}


@claim("the two expressions have one value", "left = right")
def equation(case: Case) -> None:
    """Both sides are evaluated on the sources that either names."""
    assert case.law.sides is not None
    left, right = case.law.sides
    kind, _, form = case.law.on.partition(" ")
    named = [k for k in (*_LABELS, *STATISTICS) if re.search(rf"\b{k}\b", f"{left} {right}")]
    labels = [label for label in named if label in _LABELS]
    dtypes = (Dtype.F32, Dtype.F64) if case.law.tolerance else FLOATS
    sources = case.sources(labels, KINDS[kind], dtypes, shape=_FORMS[form])
    sources = with_statistics(case, sources, named)
    found = case.run(case.written(left, named), sources)
    expected = case.run(case.written(right, named), sources)
    case.require_same(found, expected, f"`{left}` = `{right}`")
