"""The exactness class that a plan states for operators, by the dtype their sources are stored in.

P wherever every product fits its dtype: stored numbers of few bits with coefficients of the bits
that are left, or factors that are powers of two. That the classes are true is tested where runs
are compared; here, that no setting slides from one into another unseen.
"""

import re

import pytest

from mergec.catalog import Dtype
from mergec.diagnostics import SourceText
from mergec.passes import expand_composites
from mergec.plan import check_text
from mergec.plan.bind_readings import work_dtype
from mergec.plan.program import build_program

DTYPES = (Dtype.BF16, Dtype.F32, Dtype.F64)
SHORT = "ties(a - base, b - base; density=1/2, "

# A letter for each of DTYPES.
CLASSES = {
    "linear(a, b, c)": "PPM",
    "linear(a, b; weights=[1/2, 1/2])": "PPP",
    "-1*a + 2*b": "PPP",
    "base + 1/2*(a - base)": "PPP",
    "base + 1/3*(a - base)": "MMM",
    "trim(a - base; density=1/2)": "PPP",
    "trim(a - base; density=1/2, rescale=inv)": "PPP",
    "trim(a - base; density=1/2, rescale=l1)": "MMM",
    "trim(a - base; density=1/2, rescale=l2)": "MMM",
    "trim(a - base; density=1/2, scope=global)": "PPP",
    "trim(a - base; density=1/2, scope=global, rescale=l1)": "MMM",
    "dare(a - base; density=1/3)": "PPP",
    "dare(a - base; density=1/2, rescale=l1)": "MMM",
    "della(a - base; density=1/2, epsilon=1/5)": "PPP",
    "della(a - base; density=1/2, epsilon=1/5, rescale=l1)": "MMM",
    "breadcrumbs(a - base; density=1/2)": "PPP",
    "cabs(a - base, b - base; n=2, m=4)": "PPP",
    f"{SHORT}agg=mean)": "PPP",
    f"{SHORT}weights=[1, 1/3])": "MMM",
    f"{SHORT}weights=[2, 1], agg=sum)": "PPP",
    f"{SHORT}weights=[1, 1/3], agg=max)": "MMM",
    f"{SHORT}weights=[1/3, 1/3], agg=sum)": "MMM",
    # Only the ratios of the weights count for a weighted mean, and these are 1 : 1.
    f"{SHORT}weights=[1/3, 1/3], agg=wmean)": "PPP",
    "slerp(a, b; t=1/3)": "PPM",
    "slerp(a - base, b - base; t=1/3)": "MMM",
    "nuslerp(a, b)": "PPM",
    "nlerp(a, b)": "PPM",
    "nlerp(a - base, b - base)": "MMM",
    "karcher(a, b)": "PPM",
    "karcher(a - base, b - base)": "MMM",
    "model_stock(base, a, b)": "MMM",
    "model_stock(base, a, b; scope=row)": "MMM",
    "sce(base, a, b)": "MMM",
    "ram(a - base, b - base; r=1/10)": "MMM",
    "widen(base, a, b)": "MMM",
    "emr(base, a, b; task=1)": "MMM",
    "emr(base, a, b; task=1, scope=tensor)": "MMM",
    "stitch(base, a, b; density=1/2)": "PPP",
    "magmax(a - base, b - base)": "PPP",
    "median(a - base, b - base)": "PPP",
    "consensus(base, a, b)": "PPP",
    "nearswap(a, b; limit=1/10)": "PPP",
    "fisher(a, b; fishers=[fa, fb])": "PPM",
    "fisher(a - base, b - base; fishers=[fa, fb])": "PMM",
    "fisher(a, b; fishers=[fa, fb], weights=[1, 1/3])": "PPM",
    "fisher(a, b; fishers=[fa, fb], normalize=l2)": "MMM",
    "regmean(a, b; grams=[fa, fb])": "TTT",
    "iso_c(a - base, b - base)": "TTT",
    "tsvm(a - base, b - base)": "TTT",
    "arcee_fusion(a, b)": "TTT",
    "pcb(base, a, b)": "TTT",
    "pcb(base, a, b; scope=tensor)": "TTT",
}


@pytest.mark.parametrize("expression", CLASSES)
def test_class(expression: str) -> None:
    labels = [x for x in ("base", "a", "b", "c", "fa", "fb") if re.search(rf"\b{x}\b", expression)]
    head = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in labels)
    is_delta = " - base" in expression and not expression.startswith("base")
    text = f"{head}child = {expression}\nexport {'delta ' if is_delta else ''}child\n"
    graph = expand_composites(check_text(SourceText("x.merge", text)).graph)
    program, *_ = build_program(graph, next(iter(graph.outputs.values())))
    found = ""
    for dtype in DTYPES:
        stored = [dtype] * len(program.inputs)
        found += program.exactness(stored, work_dtype(program, (*stored, dtype)))
    assert found == CLASSES[expression]
