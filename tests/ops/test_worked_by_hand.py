"""Small cases worked by hand, where a neighbouring rule would give another number."""

import re

import numpy as np
import pytest

from mergec.backends import get_backend
from mergec.catalog import Dtype
from mergec.verify.evaluate import StoredTensor, evaluate
from mergec.verify.law_tensors import loaded, stored

# By what is being decided: the expression, what its sources hold (the base is 0), the result.
CASES: dict[str, tuple[str, dict[str, list[float]], list[float]]] = {
    # a has two entries alone and shares one: 1 + 1/10 · 1/2. b has none alone.
    "ram counts entries of every size": (
        "ram(a - base, b - base; r=1/10, alpha=1)",
        {"a": [1, 5, 2], "b": [0, 0, 4]},
        [1.05, 5.25, 3],
    ),
    "ram bounds the boost": (
        "ram(a - base, b - base; r=1/10, alpha=1/2)",
        {"a": [1, 2, 2], "b": [0, 2, 4]},
        [1.05, 2, 3],
    ),
    "one vote is a majority": (
        "ties(a - base, b - base; density=1, zero=majority)",
        {"a": [1, 1, 0], "b": [1, -1, 0]},
        [1, 1, 0],
    ),
    "no majority is negative": (
        "ties(a - base, b - base; density=1, zero=majority)",
        {"a": [1, -1, 2], "b": [1, -1, -2]},
        [1, -1, -2],
    ),
    "nearswap at the limit takes the other's bits": (
        "nearswap(a, b; limit=0.6)",
        {"a": [0.1, 0.1, 0.1], "b": [0.7, 0.8, -0.6]},
        [0.7, 0.7, -0.5],
    ),
    "nearswap by one": ("nearswap(a, b; limit=1)", {"a": [0, 0], "b": [3, -3]}, [1, -1]),
    "cabs keeps one of three": (
        "cabs(a - base; n=1, m=3)",
        {"a": [1, -3, 2, 5, 5, 4]},
        [0, -3, 0, 5, 0, 0],
    ),
    "lines outside the layers is alpha": (
        "lines(a - base; alpha=1/4, beta=1/2)",
        {"a": [4, 8]},
        [1, 2],
    ),
    "regmean of what is no matrix is the weighted mean": (
        "regmean(a, b; grams=[a, b], weights=[3, 1])",
        {"a": [4, 0], "b": [0, 8]},
        [3, 2],
    ),
    "iso_c of what is no matrix is the mean": (
        "base + iso_c(a - base, b - base; scale=1/2)",
        {"a": [4, 0], "b": [0, 8]},
        [1, 2],
    ),
    "tsvm of what is no matrix is the mean on the base": (
        "tsvm(base, a, b; scale=2)",
        {"a": [4, 0], "b": [0, 8]},
        [4, 8],
    ),
    "nuslerp of opposites goes straight if told so": (
        "nuslerp(a, b; weights=[3, 1], antiparallel=lerp)",
        {"a": [4, 8], "b": [-4, -8]},
        [2, 4],
    ),
    "nuslerp beyond the end": (
        "nuslerp(a, b; weights=[1, -1/2])",
        {"a": [3, 0], "b": [3, 0]},
        [3, 0],
    ),
    "karcher leaves out what has no weight": (
        "karcher(a, b, c; weights=[1, 1, 0])",
        {"a": [4, 0, 0], "b": [4, 0, 0], "c": [0, 2, 5]},
        [4, 0, 0],
    ),
    "nlerp leaves out what has no weight": (
        "nlerp(a, b, c; weights=[1, 1, 0])",
        {"a": [4, 0, 0], "b": [4, 0, 0], "c": [0, 2, 5]},
        [4, 0, 0],
    ),
    "lawa of fewer checkpoints than its window": ("lawa(a; k=1)", {"a": [4, 8]}, [4, 8]),
    "ema of one checkpoint": ("ema(a; beta=1/2)", {"a": [4, 8]}, [4, 8]),
}


@pytest.mark.parametrize("case", CASES)
def test_it_comes_out_as_by_hand(case: str) -> None:
    expression, sources, expected = CASES[case]
    held = {**sources, "base": [0.0] * len(expected)}
    labels = [label for label in held if re.search(rf"\b{label}\b", expression)]
    head = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in labels)
    kind = "delta " if " - base" in expression and not expression.startswith("base") else ""
    tensors = {
        label: {
            "w": StoredTensor(
                Dtype.F64, (len(expected),), stored(np.array(held[label]), Dtype.F64).data
            )
        }
        for label in labels
    }
    text = f"{head}child = {expression}\nexport {kind}child\n"
    found = evaluate(text, tensors, get_backend("reference"))["w"]
    assert loaded(found).tolist() == expected
