"""Laws of operators that give one task its share of what all tasks have in common."""

import numpy as np
from hypothesis import strategies as st

from mergec.catalog import Dtype
from mergec.frozen import frozen
from mergec.verify.claim import claim
from mergec.verify.law_case import Case, Written
from mergec.verify.law_tensors import Floats, coarse, dyadic, tame

_WIDE = (Dtype.F32, Dtype.F64)
_LABELS = ("a", "b", "c")


@frozen
class _Shared:
    """One task's result, its own delta, and what it shares of the unified delta."""

    found: Floats
    own: Floats
    share: Floats


@claim(
    "where a task agrees with the unified task vector it gets that, times one number",
    "f(δ; i) = s·u where sgn δᵢ = sgn u, 0 elsewhere",
)
def share_of_unified(case: Case) -> None:
    """The unified task vector is found by another operator."""
    at = _drawn(case)
    outside = not np.any(at.found[at.share == 0])
    case.require(outside, f"{at.found} has entries where the task does not agree", found=at.found)
    factors = at.found[at.share != 0] / at.share[at.share != 0]
    apart = float(np.ptp(factors)) if factors.size else 0.0
    alike = apart <= case.law.tolerance * np.max(np.abs(factors), initial=0.0)
    case.require(alike, f"{at.found} is {at.share} times {factors}", found=at.found)


@claim(
    "the magnitudes of a task's share sum to those of its own task vector, unless it has no share",
    "‖f(δ; i)‖₁ = ‖δᵢ‖₁ or f(δ; i) = 0",
)
def keeps_size_of_task(case: Case) -> None:
    """For one tensor, of which the mean says what the sum says."""
    at = _drawn(case)
    size, expected = float(np.abs(at.found).sum()), float(np.abs(at.own).sum())
    expected = expected if np.any(at.share) else 0.0
    near = abs(size - expected) <= case.law.tolerance * expected
    case.require(near, f"{at.found} has size {size}, not {expected}", found=at.found)


def _drawn(case: Case) -> _Shared:
    sources = case.sources(
        [*_LABELS, "base"], case.draw(st.sampled_from([coarse, dyadic, tame])), _WIDE
    )
    operands = case.operands(_LABELS)
    task = case.draw(st.integers(1, len(operands)))
    inside = ", ".join(operand.text for operand in operands)
    text = f"ties({inside}; density=1, agg=max, zero=negative)"
    unified = case.run(Written(text, delta=True), sources)
    own = case.run(operands[task - 1], sources)
    share = np.where(np.sign(own) == np.sign(unified), unified, 0.0)
    found = case.run(case.call(operands, case.params(task=task)), sources)
    return _Shared(found, own, share)
