"""Laws of operators whose task vectors compete for each entry."""

import numpy as np
from hypothesis import strategies as st

from mergec.catalog import Dtype
from mergec.verify.claim import claim
from mergec.verify.law_case import Case
from mergec.verify.law_tensors import coarse, dyadic, related, tame

_WIDE = (Dtype.F32, Dtype.F64)


@claim(
    "every entry lies between the task vectors', or it is zero",
    "f(δ)ⱼ = 0 or minᵢ δᵢⱼ ≤ f(δ)ⱼ ≤ maxᵢ δᵢⱼ",
)
def hull_of_deltas(case: Case) -> None:
    """To the law's tolerance, for the result is rounded."""
    labels = ("a", "b", "c")
    kind = case.draw(st.sampled_from([coarse, dyadic, related, tame]))
    sources = case.sources([*labels, "base"], kind, _WIDE)
    operands = case.operands(labels)
    found = case.run(case.call(operands, case.params()), sources)
    deltas = np.array([case.run(operand, sources) for operand in operands])
    low, high = deltas.min(axis=0), deltas.max(axis=0)
    room = case.law.tolerance * np.abs(deltas).max(axis=0, initial=0.0)
    inside = (found == 0) | ((low - room <= found) & (found <= high + room))
    case.require(np.all(inside), f"{found} is not between {low} and {high}", found=found)


@claim(
    "of one task vector entries are kept as they are, and none that is smaller than a dropped one",
    "f(δ)ⱼ ∈ {0, δⱼ}, f(δ)ⱼ ≠ 0 and f(δ)ₖ = 0 ⇒ |δⱼ| ≥ |δₖ|",
)
def keeps_strongest(case: Case) -> None:
    """To the law's tolerance; the share that is kept is drawn."""
    sources = case.sources(["a", "base"], case.draw(st.sampled_from([coarse, dyadic, tame])), _WIDE)
    operand = case.operands(["a"])[0]
    delta = case.run(operand, sources)
    ratio = case.draw(st.fractions("1/20", 1, max_denominator=20))
    found = case.run(case.call([operand], case.params(ratio=ratio)), sources)
    kept, size = found != 0, np.abs(delta)
    near = np.all(np.abs(found - delta)[kept] <= case.law.tolerance * size[kept])
    case.require(near, f"{found} is not a part of {delta}", found=found, expected=delta)
    least = np.min(size[kept], initial=np.inf)
    most = np.max(size[~kept], initial=0.0)
    case.require(least >= most, f"{found} drops {most} and keeps {least}", found=found)
    # Equals at the top all score.
    count = delta.size - (1 - ratio).numerator * delta.size // (1 - ratio).denominator
    more = np.count_nonzero(size > least)
    few = more < count or np.unique(size).size == 1
    case.require(few or not delta.size, f"{found} keeps {more} of {delta}", found=found)
