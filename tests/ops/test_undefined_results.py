"""What a user reads where an operator has no result for a tensor's data, word for word.

`undefined_results.txt` has the diagnostic of each case below. After a change that is meant:
ACCEPT=1 pytest of this file, and read the diff.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from mergec.backends import get_backend
from mergec.catalog import Dtype
from mergec.diagnostics import MergecError, render_text
from mergec.verify.evaluate import StoredTensor, evaluate
from mergec.verify.law_tensors import Floats, stored

GOLDENS = Path(__file__).with_suffix("").with_name("undefined_results.txt")

X = np.array([[1.0, 2], [3, -4]])
Y = np.array([[2.0, 1], [-1, 2]])
BASE = np.zeros((2, 2))
ONE_ROW = X * [[1], [-1]]
ONE_COLUMN = X * [[1, -1]]
OPPOSITE = {"base": BASE, "a": X, "b": -X}
HUGE = {"base": BASE, "a": 1e200 * X, "b": 1e200 * Y}
VAST = {"base": BASE, "a": 1.5e308 * np.array([[1.0, 1], [1, -0.5]]), "b": X}
UNEQUAL = {"base": BASE, "a": 1e153 * X, "b": 1e-158 * Y}
INFORMED = {"a": X, "b": Y, "fa": np.zeros((2, 2)), "fb": np.zeros((2, 2))}

CASES: list[tuple[str, Mapping[str, Floats]]] = [
    ("slerp(a, b; t=1/2)", OPPOSITE),
    ("slerp(a, b; t=1/2, scope=row)", {"a": X, "b": ONE_ROW}),
    ("slerp(a, b; t=1/2, scope=column)", {"a": X, "b": ONE_COLUMN}),
    ("slerp(a, b; t=1/2)", HUGE),
    ("slerp(a, b; t=1/2, norm=polar)", UNEQUAL),
    ("slerp(a, b; t=1/2, norm=polar, scope=row)", UNEQUAL),
    ("nlerp(a, b)", OPPOSITE),
    ("nlerp(a, b)", HUGE),
    ("nlerp(a, b)", UNEQUAL),
    ("karcher(a, b)", OPPOSITE),
    ("karcher(a, b, c; max_iter=1)", {"a": X, "b": Y, "c": 3 * ONE_ROW}),
    ("model_stock(base, a, b; guard=error)", OPPOSITE),
    ("model_stock(base, a, b; guard=error)", {**OPPOSITE, "b": ONE_ROW}),
    ("model_stock(base, a, b; guard=error, scope=row)", {**OPPOSITE, "b": ONE_ROW}),
    ("model_stock(base, a, b; guard=error, scope=row)", OPPOSITE),
    ("fisher(a, b; fishers=[fa, fb])", {**INFORMED, "fb": Y}),
    ("fisher(a, b; fishers=[fa, fb], floor=0)", INFORMED),
    ("fisher(a, b; fishers=[fa, fb], normalize=l2)", INFORMED),
    ("fisher(a, b; fishers=[fa, fb], normalize=l2)", {**INFORMED, "fa": 1e200 * X, "fb": X}),
    ("regmean(a, b; grams=[fa, fb])", {**INFORMED, "fb": X}),
    ("regmean(a, b; grams=[fa, fb], ridge=0)", INFORMED),
    ("iso_c(base, a)", {"base": BASE, "a": np.ones((2, 2))}),
    ("iso_c(base, a)", VAST),
    ("tsvm(base, a, b)", {"base": BASE, "a": X, "b": X}),
    ("tsvm(base, a, b)", VAST),
    ("base + trim(a - base; density=1/2, rescale=l2)", HUGE),
    ("base + trim(a - base; density=1/2, rescale=l1)", VAST),
    ("base + dare(a - base; density=1/2, rescale=l1)", VAST),
    ("sce(base, a, b)", HUGE),
    ("ram(base, a, b; r=1/10, epsilon=1/2, relative=true)", HUGE),
    ("emr(base, a, b; task=1)", VAST),
    ("emr(base, a, b; task=1, scope=tensor)", VAST),
    ("widen(base, a, b)", HUGE),
]


@pytest.mark.parametrize("case", range(len(CASES)), ids=[said for said, _ in CASES])
def test_it_is_said(case: int) -> None:
    said = refusal(*CASES[case])
    if os.environ.get("ACCEPT") == "1":
        GOLDENS.write_text("".join(refusal(*each) for each in CASES), "utf-8")
    known = re.split(r"^(?===== )", GOLDENS.read_text("utf-8"), flags=re.MULTILINE)[1:]
    assert len(known) == len(CASES)
    assert said == known[case]


def refusal(expression: str, tensors: Mapping[str, Floats]) -> str:
    labels = [label for label in tensors if re.search(rf"\b{label}\b", expression)]
    text = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in labels)
    data = {label: stored(x.ravel(), Dtype.F64).data for label, x in tensors.items()}
    held = {label: {"w": StoredTensor(Dtype.F64, (2, 2), data[label])} for label in labels}
    with pytest.raises(MergecError) as caught:
        evaluate(f"{text}child = {expression}\nexport child\n", held, get_backend("reference"))
    return f"==== {expression}\n{render_text(caught.value.diagnostics)}"
