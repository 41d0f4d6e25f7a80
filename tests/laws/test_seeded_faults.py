"""Five faults that merge tools have had: each breaks a law, with a counterexample one can read."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mergec.backends import get_backend
from mergec.catalog import Dtype
from mergec.ops import OPERATORS, Law, drop, elect_sign, slerp, trim
from mergec.ops.params import word
from mergec.ops.select_top import kept_count
from mergec.ops.stage import Params, Site
from mergec.ops.threefry import Key
from mergec.verify.claims import CLAIMS
from mergec.verify.law_case import Case, Drawn, Draws, LawViolation
from mergec.verify.law_report import counterexample
from mergec.verify.law_runs import Counterexample, LawResult, try_law
from mergec.verify.law_tensors import coarse
from mergec.verify.simplify import Replay, simplified

REFERENCE = get_backend("reference")
EXPECTED = """\
trim: support_count, on reference
  law       Exactly k = max(1, ⌊density·n⌋) entries are kept, or all nonzeros if there are fewer
  symbols   |supp f(δ)| = min(max(1, ⌊density·n⌋), |supp δ|), f = trim
  broken    2 entries are kept, not 1

  a     f32[2]  [1, 0.5]
  base  f32[2]  [0, 0]

  | a = model("./a", id="a")
  | base = model("./base", id="base")
  | result = (a - base)
  | export delta result
  | result = trim((a - base); density=1/3)

  found     [1, 0.5]
  again     mergec laws trim --law support_count --backend reference --effort ci --seed 0
"""
Patch = Callable[[pytest.MonkeyPatch], None]


def _keep_one_more(patch: pytest.MonkeyPatch) -> None:
    """k + 1 entries, as the code of TIES' authors does."""

    def one_more(density: Fraction, n: int) -> int:
        return min(kept_count(density, n) + 1, n)

    patch.setattr(trim, "kept_count", one_more)


def _rescale_to_the_norm(patch: pytest.MonkeyPatch) -> None:
    """DARE with the L1 norm restored, which is unbiased for no entry."""

    def always_l1(params: Params, name: str, default: str) -> str:
        return "l1" if name == "rescale" else word(params, name, default)

    patch.setattr(drop, "word", always_l1)


def _elect_by_count(patch: pytest.MonkeyPatch) -> None:
    """Each source has one vote, however small its entry."""
    prepare = elect_sign.ElectSign.prepare

    def counting(stage: elect_sign.ElectSign, params: Params, site: Site) -> object:
        return prepare(stage, {**params, "elect": "count"}, site)

    patch.setattr(elect_sign.ElectSign, "prepare", counting)


def _start_from_the_first(patch: pytest.MonkeyPatch) -> None:
    """a + t·(b - a), which does not come to b."""

    def from_first(
        stage: slerp.Slerp, xp: Any, blocks: Sequence[Any], setting: Any, cursor: Any
    ) -> Any:
        return blocks[0] + float(setting.t) * (blocks[1] - blocks[0])

    patch.setattr(slerp.Slerp, "apply", from_first)


def _draw_from_a_stream(patch: pytest.MonkeyPatch) -> None:
    """One generator for all, so that a mask depends on what was drawn before it."""
    generator = np.random.default_rng(0)

    def next_words(xp: Any, key: Key, start: int, n: int, threshold: int) -> Any:
        return generator.integers(0, 2**32, n) < threshold

    patch.setattr(drop, "keep_mask", next_words)


FAULTS: dict[str, tuple[Patch, str, str]] = {
    "keeps k + 1 entries": (_keep_one_more, "trim", "support_count"),
    "restores the L1 norm": (_rescale_to_the_norm, "dare", "unbiased_exactly"),
    "elects by count": (_elect_by_count, "ties", "sign_agreement"),
    "computes a + t(b - a)": (_start_from_the_first, "slerp", "reversal"),
    "draws from a stream": (_draw_from_a_stream, "dare", "block_invariant"),
}


def broken(operator: str, name: str) -> list[LawResult]:
    """The laws of this name that are broken, as `mergec laws --effort ci` finds them."""
    results = [
        try_law(OPERATORS[operator], law, REFERENCE, "ci", 0) for law in declared(operator, name)
    ]
    return [result for result in results if result.broken is not None]


def declared(operator: str, name: str) -> list[Law]:
    return [law for law in OPERATORS[operator].laws if law.name == name and law.holds]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_seeded_fault_breaks_a_law(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    patch, operator, name = FAULTS[fault]
    assert declared(operator, name)
    patch(monkeypatch)
    (first, *_) = broken(operator, name)
    assert first.broken is not None
    assert first.broken.evaluations
    assert all(
        x.size <= 8 or name == "block_invariant"
        for evaluation in first.broken.evaluations
        for x in evaluation.sources.tensors.values()
    )


def test_a_counterexample_reads_like_this(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found among given choices and made simple: no version of Hypothesis has a say in it."""
    _keep_one_more(monkeypatch)
    operator, (law, *_) = OPERATORS["trim"], declared("trim", "support_count")
    a, base = np.array([[0.75, -3.5, 1.25], [0.0, 2.0, 0.5]]), np.zeros((2, 3))
    choices = [coarse, Dtype.F32, Drawn(Dtype.F32, (a, base), 0), Fraction(1, 3)]

    def attempt(data: Draws) -> None:
        CLAIMS[law.name](Case(operator, law, REFERENCE, data))

    with pytest.raises(LawViolation) as caught:
        attempt(Replay(choices))
    caught.value.draws = tuple(choices)
    simple = simplified(caught.value, attempt)
    found = Counterexample(simple.claim, simple.evaluations, simple.found, simple.expected)
    result = LawResult("trim", law, "reference", 0.0, found)
    assert counterexample(result, "ci", 0) == EXPECTED
