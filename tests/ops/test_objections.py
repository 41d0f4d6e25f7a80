"""What an operator has against parameters that each are in their range, word for word.

`objections.txt` has the diagnostic of each case below, without the lines of the spec. After a
change that is meant: ACCEPT=1 pytest of this file, and read the diff.
"""

import os
import re
from pathlib import Path

import pytest

from mergec.diagnostics import MergecError, SourceText, render_text
from mergec.plan import check_text

GOLDENS = Path(__file__).with_name("objections.txt")

REFUSED = [
    "iso_c(a - base, b - base; rank_tol=1)",
    "iso_c(base, a, b; rank_tol=1)",
    "fisher(a, b; fishers=[c, d], weights=[0, 0])",
    "regmean(a, b; grams=[c, d], weights=[0, 0])",
    "nuslerp(a, b; weights=[1, -1])",
    "nuslerp(a, b; weights=[1, -0.9999999999])",
    "nuslerp(a, b; weights=[0, 0])",
    "nlerp(a, b; weights=[0, 0])",
    "karcher(a, b; weights=[0, 0])",
    "slerp(a, b; t=3/2)",
    "cabs(a - base; n=5, m=4)",
    "cabs(a - base; n=0, m=4)",
    "della(a - base; density=1/2, epsilon=1)",
    "della(a - base; density=9/10, epsilon=1/2)",
    "della(a - base; density=1/2, epsilon=1/2)",
    "dare(a - base; density=1/2, rescale=none, q=1/3)",
    "model_stock(base, a, b; estimator=angle, scope=row)",
    "linear(a, b; weights=[1, -1])",
    "linear(a, b; weights=[1, -0.99999999])",
    "ram(a - base, b - base; r=-1)",
]
ACCEPTED = [
    "linear(a, b; weights=[1, -0.99999997])",
    "linear(a, b; weights=[1, -1/2])",
    "linear(a, b; weights=[2, -1], normalize=false)",
    "iso_c(a - base, b - base; rank_tol=0.999)",
    "fisher(a, b; fishers=[c, d], weights=[0, 1])",
    "regmean(a, b; grams=[c, d], weights=[0, 1])",
    "nuslerp(a, b; weights=[1, 0])",
    "nuslerp(a, b; weights=[1, -0.5])",
    "nlerp(a, b; weights=[0, 1])",
    "slerp(a, b; t=3/2, extrapolate=true)",
    "cabs(a - base; n=1, m=1)",
    "della(a - base; density=1/2, epsilon=2/5)",
    "breadcrumbs(a - base; density=1/2, gamma=1/2)",
]


@pytest.mark.parametrize("case", range(len(REFUSED)), ids=REFUSED)
def test_it_is_objected(case: int) -> None:
    said = objection(REFUSED[case])
    if os.environ.get("ACCEPT") == "1":
        GOLDENS.write_text("".join(map(objection, REFUSED)), "utf-8")
    known = re.split(r"^(?===== )", GOLDENS.read_text("utf-8"), flags=re.MULTILINE)[1:]
    assert len(known) == len(REFUSED)
    assert said == known[case]


@pytest.mark.parametrize("expression", ACCEPTED)
def test_its_neighbour_is_accepted(expression: str) -> None:
    check_text(SourceText("x.merge", text_of(expression)))


def text_of(expression: str) -> str:
    labels = [label for label in ("base", *"abcd") if re.search(rf"\b{label}\b", expression)]
    head = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in labels)
    kind = "delta " if " - base" in expression else ""
    return f"{head}child = {expression}\nexport {kind}child\n"


def objection(expression: str) -> str:
    with pytest.raises(MergecError) as caught:
        check_text(SourceText("x.merge", text_of(expression)))
    lines = render_text(caught.value.diagnostics).splitlines()
    kept = [line.rstrip() for line in lines if not re.match(r" *(-->|\d* \|)", line)]
    return "\n".join([f"==== {expression}", *kept, ""])
