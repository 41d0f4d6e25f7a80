"""How often a run goes over a tensor, by operator: each pass reads all operands once more.

The last pass writes the result; those before it collect what the result needs of the whole tensor.
"""

import re

import pytest

from mergec.catalog import Dtype
from mergec.diagnostics import SourceText
from mergec.passes import expand_composites
from mergec.plan import check_text, schedule
from mergec.plan.program import build_program

# In float32 and in float64, whose magnitudes have twice as many digits to search through.
PASSES = {
    "linear(a, b, c)": (1, 1),
    "trim(a - base; density=1/2)": (3, 5),
    "trim(a - base; density=1/2, rescale=inv)": (3, 5),
    "trim(a - base; density=1/2, rescale=l1)": (4, 6),
    "trim(a - base; density=1/2, rescale=l2)": (4, 6),
    "trim(a - base; density=1)": (1, 1),
    "trim(a - base; density=1, rescale=l2)": (1, 1),
    "breadcrumbs(a - base; density=1/2)": (3, 5),
    "breadcrumbs(a - base; density=1/2, gamma=0)": (3, 5),
    "breadcrumbs(a - base; density=1)": (1, 1),
    "dare(a - base; density=1/3)": (1, 1),
    "dare(a - base; density=1/2, rescale=l1)": (2, 2),
    "dare(a - base; density=1, rescale=l1)": (1, 1),
    "della(a - base; density=1/2)": (1, 1),
    "della(a - base; density=1/2, epsilon=1/5)": (1, 1),
    "della(a - base; density=1/2, epsilon=1/5, rescale=l1)": (2, 2),
    "ties(a - base, b - base; density=1/2)": (3, 5),
    "ties(a - base, b - base; density=1, zero=majority)": (2, 2),
    "ties(a - base, b - base; density=1/2, zero=majority)": (4, 6),
    "slerp(a, b; t=0)": (1, 1),
    "slerp(a, b; t=1)": (1, 1),
    "slerp(a, b; t=1/3)": (2, 2),
    "slerp(a, b; t=1/3, scope=row)": (1, 1),
    "slerp(a, b; t=1/3, scope=column)": (1, 1),
    "nlerp(a, b)": (2, 2),
    "karcher(a, b)": (2, 2),
    "model_stock(base, a, b)": (2, 2),
    "model_stock(base, a, b; scope=row)": (1, 1),
    "sce(base, a, b)": (2, 2),
    "sce(base, a, b; tau=1/2)": (6, 6),
    "ram(a - base, b - base; r=1/10)": (2, 2),
    "ram(a - base, b - base; r=1/10, epsilon=1/5, relative=true)": (3, 3),
    "widen(base, a, b)": (1, 1),
    "arcee_fusion(a, b)": (5, 5),
}


@pytest.mark.parametrize("expression", PASSES)
def test_passes(expression: str) -> None:
    labels = [label for label in ("base", "a", "b", "c") if re.search(rf"\b{label}\b", expression)]
    head = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in labels)
    kind = "delta " if " - base" in expression else ""
    text = f"{head}child = {expression}\nexport {kind}child\n"
    graph = expand_composites(check_text(SourceText("x.merge", text)).graph)
    program, *_ = build_program(graph, next(iter(graph.outputs.values())))
    found = tuple(schedule(program, work).sweeps for work in (Dtype.F32, Dtype.F64))
    assert found == PASSES[expression]
