"""Runs of many laws: what is selected, seeds, processes, and what broken laws leave behind."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mergec.backends import get_backend
from mergec.catalog import Dtype
from mergec.diagnostics import MergecError
from mergec.ops import OPERATORS, Law, Operator
from mergec.ops.law import equation
from mergec.verify.law_report import as_json, as_junit, counterexample, diagnostics, summary
from mergec.verify.law_runs import LawResult, run_laws, select_laws, try_law
from mergec.verify.laws import LawViolation, check_law

REFERENCE = get_backend("reference")
TRIM = OPERATORS["trim"]
FALSE = equation("trim(a - base; density=1/2)", "a - base")


def outcomes(results: list[LawResult]) -> list[tuple[str, str, bool]]:
    return [(r.operator, r.law.label, r.broken is None) for r in results]


def test_all_laws_of_the_named_operators_are_selected() -> None:
    found = select_laws(["ties", "trim"])
    assert found == [(OPERATORS[name], law) for name in ("ties", "trim") for law in _laws(name)]
    assert len(select_laws()) == sum(len(operator.laws) for operator in OPERATORS.values())


def test_a_law_is_selected_by_name_or_by_label() -> None:
    assert {law.name for _, law in select_laws([], ["odd"])} == {"odd"}
    (found,) = select_laws(["dare"], ["unbiased_exactly(density=1/2)"])
    assert found[1] == Law("unbiased_exactly", {"density": found[1].params["density"]})


@pytest.mark.parametrize(
    ("operators", "laws", "said"),
    [
        (["tise"], [], "there is no operator `tise`"),
        (["ties"], ["support_cuont"], "has a law `support_cuont`"),
        (["linear"], ["support_count"], "has a law `support_count`"),
    ],
)
def test_what_is_not_there_is_said(operators: list[str], laws: list[str], said: str) -> None:
    with pytest.raises(MergecError) as caught:
        select_laws(operators, laws)
    (found,) = caught.value.diagnostics
    assert (found.code, found.exit) == ("E902", 2)
    assert said in found.message
    assert found.help


def test_a_result_depends_on_no_other_law() -> None:
    laws: list[tuple[Operator, Law]] = [(TRIM, FALSE), *((TRIM, law) for law in TRIM.laws[:2])]
    together = run_laws(laws, ["reference"], effort="fast", seed=5)
    alone = [try_law(TRIM, law, REFERENCE, "fast", 5) for _, law in reversed(laws)]
    first, again = together[0], alone[-1]
    assert counterexample(first, "fast", 5) == counterexample(again, "fast", 5)
    assert outcomes(together) == outcomes(alone[::-1])


@pytest.mark.slow
def test_processes_come_to_what_one_comes_to() -> None:
    laws = select_laws(["scale", "trim"], ["odd", "identity_at", "scale_equivariant"])
    done: list[int] = []
    shared = run_laws(laws, ["reference"], effort="fast", jobs=2, progress=done.append)
    assert outcomes(shared) == outcomes(run_laws(laws, ["reference"], effort="fast"))
    assert sum(done) == len(laws)


def test_a_negative_law_asks_for_a_counterexample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mergec.verify.laws._TO_REFUTE", 20)
    check_law(TRIM, equation(*_sides(FALSE), holds=False), REFERENCE)
    true = equation("trim(a - base; density=1)", "a - base", holds=False)
    with pytest.raises(LawViolation, match="was expected to be refuted"):
        check_law(TRIM, true, REFERENCE, examples=20)


@pytest.mark.parametrize("holds", [True, False])
def test_a_law_that_no_spec_can_say_is_broken_either_way(holds: bool) -> None:
    wrong = equation("trim(a - base; density=7)", "a - base", holds=holds)
    broken = try_law(TRIM, wrong, REFERENCE, "fast", 0).broken
    assert broken is not None
    assert "E203" in broken.claim


def test_a_law_with_a_tolerance_is_tried_where_it_can_be_kept() -> None:
    law = equation("1/3*(a - base)", "0.3333333*(a - base)", tolerance=2.0**-20, on="tame")
    check_law(TRIM, law, REFERENCE)
    exact = equation(*_sides(law), on="tame")
    assert try_law(TRIM, exact, REFERENCE, "ci", 0).broken is not None


def test_a_counterexample_is_simple() -> None:
    broken = try_law(TRIM, FALSE, REFERENCE, "ci", 0).broken
    assert broken is not None
    (sources,) = {id(e.sources): e.sources for e in broken.evaluations}.values()
    assert sources.dtype in Dtype
    assert max(x.size for x in sources.tensors.values()) <= 3
    assert broken.found is not None
    assert broken.expected is not None


def test_programs_read_what_people_read() -> None:
    results = run_laws([(TRIM, FALSE), (TRIM, TRIM.laws[0])], ["reference"], effort="fast")
    found = json.loads(as_json(results, "fast", 0))
    assert (found["schema"], found["held"], found["broken"]) == ("mergec.laws/1", 1, 1)
    wrong, right = found["laws"]
    assert (wrong["status"], right["status"]) == ("broken", "holds")
    assert wrong["counterexample"]["evaluations"][0]["spec"].endswith("export delta result\n")
    assert wrong["replay"] in counterexample(results[0], "fast", 0)
    assert "counterexample" not in right
    root = ElementTree.fromstring(as_junit(results, "fast", 0))
    (suite,) = root
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert [case.get("name") for case in suite] == [FALSE.label, TRIM.laws[0].label]
    (failure,) = root.iter("failure")
    assert failure.text == counterexample(results[0], "fast", 0)
    assert summary(results).endswith("2 laws of 1 operator on reference: 1 broken")
    (said,) = diagnostics(results, "fast", 0)
    assert (said.code, said.exit) == ("E901", 10)


def test_nothing_of_a_label_is_lost_in_xml(tmp_path: Path) -> None:
    law = equation('dare(a - base; density=1/2, stream="<&>")', "dare(a - base; density=1/2)")
    path = tmp_path / "laws.xml"
    path.write_text(as_junit([try_law(TRIM, law, REFERENCE, "fast", 0)], "fast", 0))
    (case,) = ElementTree.parse(path).iter("testcase")
    assert case.get("name") == law.label


def _laws(name: str) -> tuple[Law, ...]:
    return OPERATORS[name].laws


def _sides(law: Law) -> tuple[str, str]:
    assert law.sides is not None
    return law.sides
