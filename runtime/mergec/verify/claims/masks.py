"""Laws of operators that keep entries at random: expectation and variance, proved and sampled.

The proofs go through all masks of a few numbers. The samples are of thousands of entries, drawn
with the keys of the language, so that a law holds on one machine if it holds on another.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from mergec.catalog import Dtype
from mergec.ir import Value
from mergec.ops import number
from mergec.verify.claim import claim
from mergec.verify.every_mask import Outcome, outcomes
from mergec.verify.law_case import Case, Sources
from mergec.verify.law_tensors import Floats, stored
from mergec.verify.law_violation import Evaluation

_MANY = 4096
_SIGMAS = 6.0
_ENTRIES = 6


@claim("the mean over all masks is the task vector", "Σ_m P(m)·f(δ; m) = δ", examples=10)
def unbiased_exactly(case: Case) -> None:
    """Proved by going through the masks of at most six entries, two operators deep if need be."""
    delta, found = _every_mask(case)
    _require_near(case, _mean(found), delta, "the mean")


@claim(
    "every entry varies as a coin of its probability q does",
    "Σ_m P(m)·(f(δ; m) − δ)² = (1−q)/q · δ²",
    examples=10,
)
def variance_exactly(case: Case) -> None:
    """As `unbiased_exactly`; q is the probability with which the entry is kept."""
    delta, found = _every_mask(case)
    mean = _mean(found)
    spread = [
        sum((o.probability * (o.values[j] - mean[j]) ** 2 for o in found), Fraction(0))
        for j in range(len(delta))
    ]
    chances = [
        sum((o.probability for o in found if o.values[j] != 0), Fraction(0))
        for j in range(len(delta))
    ]
    expected = [
        (1 - q) / q * x * x if q else Fraction(0) for q, x in zip(chances, delta, strict=True)
    ]
    _require_near(case, spread, expected, "the variance")


@claim(
    "kept entries are δ/density, and as many are kept as the density says, within 6 standard "
    "deviations; a fault-free operator fails one example in 5·10⁸",
    "f(δ) ∈ {0, δ/density}, | |supp f(δ)| − density·n | ≤ 6·√(n·density·(1−density))",
    examples=10,
)
def unbiased(case: Case) -> None:
    """Sampled: 4096 entries, none of them zero."""
    params = case.params(seed=case.draw(st.integers(0, 2**64 - 1)))
    density = float(number(params["density"]))
    delta = np.arange(1, _MANY + 1) % 32 + 1.0
    found = _thinned(case, params, delta)
    kept = found != 0
    case.require(np.array_equal(found[kept], (delta / density)[kept]), "a kept entry is δ/density")
    spread = _SIGMAS * float(np.sqrt(_MANY * density * (1 - density)))
    count = int(np.count_nonzero(kept))
    case.require(abs(count - density * _MANY) <= spread, f"{count} of {_MANY} are kept")


@claim(
    "masks of two sources, and of two seeds, agree no more often than independent ones, within 6 "
    "standard deviations; a fault-free operator fails one example in 5·10⁸",
    "| |{j : m₁ⱼ = m₂ⱼ}| − n/2 | ≤ 3·√n at density 1/2",
    examples=10,
)
def independent_masks(case: Case) -> None:
    """Sampled: 4096 entries at density 1/2."""
    seed = case.draw(st.integers(0, 2**64 - 2))
    x = np.ones(_MANY)
    sources = Sources(Dtype.F32, {"a": x, "b": x, "base": np.zeros(_MANY)})
    masks = [
        case.run(case.call(case.operands([label]), case.params(seed=drawn)), sources) != 0
        for label, drawn in (("a", seed), ("b", seed), ("a", seed + 1))
    ]
    for other in masks[1:]:
        same = int(np.count_nonzero(masks[0] == other))
        bound = _SIGMAS / 2 * _MANY**0.5
        case.require(abs(same - _MANY / 2) <= bound, f"{same} of {_MANY} decisions agree")


@claim(
    "applied twice, the mean over all masks is the task vector",
    "Σ_m Σ_m′ P(m)·P(m′)·f(f(δ; m); m′) = δ",
    examples=10,
)
def twice_unbiased_exactly(case: Case) -> None:
    """The two masks are drawn for different uses, and so independent."""
    delta, found = _every_mask(case, deep=2)
    _require_near(case, _mean(found), delta, "the mean")


def _every_mask(case: Case, deep: int = 1) -> tuple[list[Fraction], list[Outcome]]:
    """A task vector without zeros, and all that the operator can make of it."""
    entries = st.integers(-64, 64).filter(bool)
    delta = case.draw(st.lists(entries, min_size=1, max_size=_ENTRIES // deep))
    x = np.array(delta, np.float64)
    sources = Sources(Dtype.F32, {"a": x, "base": np.zeros_like(x)})
    expression, params = case.operands(["a"])[0], case.params()
    for use in range(deep):
        stream: dict[str, Value] = {"stream": str(use)} if use else {}
        expression = case.call([expression], {**params, **stream})
    text = case.spec(expression, sources)
    case.evaluations.append(Evaluation(text, expression.text, sources))
    files = {label: {"w": stored(v, sources.dtype)} for label, v in sources.tensors.items()}
    return [Fraction(value) for value in delta], outcomes(text, files, case.backend)


def _mean(found: Sequence[Outcome]) -> list[Fraction]:
    weighted = [[o.probability * value for value in o.values] for o in found]
    return [sum(column, Fraction(0)) for column in zip(*weighted, strict=True)]


def _require_near(
    case: Case, found: Sequence[Fraction], expected: Sequence[Fraction], what: str
) -> None:
    """Equal as rationals, or within the law's tolerance times the largest expected."""
    allowed = Fraction(case.law.tolerance) * max(map(abs, expected))
    near = all(abs(x - y) <= allowed for x, y in zip(found, expected, strict=True))
    words = (", ".join(map(str, values)) for values in (found, expected))
    case.require(
        near,
        "{} is [{}] and not [{}]".format(what, *words),
        found=np.array([float(x) for x in found]),
        expected=np.array([float(x) for x in expected]),
    )


def _thinned(case: Case, params: dict[str, Value], delta: Floats) -> Floats:
    sources = Sources(Dtype.F32, {"a": delta, "base": np.zeros(len(delta))})
    return case.run(case.call(case.operands(["a"]), params), sources)
