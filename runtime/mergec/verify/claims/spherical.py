"""Laws of means on a sphere."""

from fractions import Fraction

import numpy as np

from mergec.catalog import Dtype
from mergec.ops import numbers
from mergec.verify.claim import claim
from mergec.verify.law_case import Case, models
from mergec.verify.law_tensors import tame


@claim(symbols="‖f(x; w)‖ = Σ wᵢ·‖xᵢ‖ / Σ wᵢ")
def averages_norms(case: Case) -> None:
    """The result is as long as the operands are on average."""
    labels = ("a", "b", "c")
    sources = case.sources(labels, tame, (Dtype.F32, Dtype.F64))
    params = case.params()
    found = case.run(case.call(models(labels), params), sources)
    weights = numbers(params.get("weights", Fraction(1)), len(labels))
    lengths = [float(np.linalg.norm(sources.tensors[label])) for label in labels]
    total = sum(float(w) * length for w, length in zip(weights, lengths, strict=True))
    expected = total / float(sum(weights))
    near = abs(float(np.linalg.norm(found)) - expected) <= case.law.tolerance * expected
    case.require(near, f"the length of {found} is not {expected}")
