"""`mergec test`: what it compares, that it notices what is wrong, and what it says then."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from mergec.backends import Backend, Encoded, get_backend
from mergec.backends.backend import EncodedNow
from mergec.elaborate import Bundle
from mergec.execute import sweep
from mergec.ops import Cursor, select_top, trim
from mergec.ops.affine import Affine
from mergec.plan import check_bundle, compile_bundle
from mergec.syntax import read_spec
from mergec.verify import exact
from mergec.verify.exact.meaning import Meaning
from mergec.verify.trial import Report, try_plan
from mergec.verify.trial.print_report import as_junit, as_text
from mergec.verify.trial.shapes import small, small_axes
from tests.end_to_end.command_line import Mergec, refused, write_spec
from tests.toy_checkpoints import write_family

HEAD = """\
base = model("./base")
code = model("./code")
math = model("./math")
"""
TIES = HEAD + "child = ties(base, code, math; density=0.3)\n"


def tried(folder: Path, text: str, backends: Sequence[str] = ("reference",)) -> Report:
    """The plan of a spec over the toy family, at the least effort."""
    if not (folder / "base").exists():
        write_family(folder)
    path = folder / "spec.merge"
    path.write_text(text)
    bundle = Bundle(read_spec(path, "spec.merge"), folder)
    sources = {each.decl.label: each.checkpoint for each in compile_bundle(bundle).plan.sources}
    report = Report("spec.merge", 0, "fast")
    chosen: list[Backend] = [get_backend(name) for name in backends]
    try_plan(check_bundle(bundle), sources, chosen, "fast", report)
    return report


def test_all_tensors_of_all_exports_are_compared_with_both_oracles(tmp_path: Path) -> None:
    text = TIES + "other = slerp(code, math; t=0.3)\nexport child\nexport other\n"
    text += 'require norm(child) < 0, "a run needs not keep it on random numbers"\n'
    text += 'require params(child) > 10, "nor on small shapes"\n'
    report = tried(tmp_path, text)
    assert report.findings == []
    assert report.state == "passed"
    # Four tensors of two exports, three kinds of numbers.
    assert {name: each.tensors for name, each in report.compared.items()} == {
        "reference": 24,
        "exact": 24,
    }


def test_a_wrong_stage_is_noticed_by_the_rationals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both runs and whole tensors have the fault: one entry too many is kept.
    right = select_top.kept_count

    def one_more(*given: Any) -> int:
        return right(*given) + 1

    monkeypatch.setattr(trim, "kept_count", one_more)
    report = tried(tmp_path, HEAD + 'export delta trim(code - base; density=0.3) as "d"\n')
    assert report.state == "failed"
    assert report.compared["exact"].differing
    assert not report.compared["reference"].differing
    found = report.findings[0]
    assert found.code == "E903"
    assert found.span is not None
    assert found.notes[-1] == (
        "replay: mergec test spec.merge --backend reference --effort fast --seed 0"
    )
    assert found.message.startswith("element ")


def test_a_wrong_sweep_is_noticed_by_whole_tensors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What only the executor does: it emits the blocks of a result.
    right = getattr(sweep, "_emit")  # noqa: B009

    def emptied(output: Any, result: Encoded, *others: Any) -> None:
        right(output, EncodedNow(memoryview(bytes(len(result.data))), result.lost), *others)

    monkeypatch.setattr(sweep, "_emit", emptied)
    report = tried(tmp_path, TIES)
    assert report.compared["reference"].differing == 12
    assert report.compared["exact"].differing == 0


def test_what_has_no_exact_meaning_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    less = {name: m for name, m in exact.MEANINGS.items() if name not in ("slerp",)}
    monkeypatch.setattr("mergec.verify.exact_value.MEANINGS", less)
    report = tried(tmp_path, HEAD + "child = slerp(code, math; t=0.3)\n")
    assert report.compared["reference"].tensors == 12
    assert "exact" not in report.compared
    assert dict(report.left_out) == {"with exact: no exact meaning is stated of slerp": 12}
    said = "not compared with exact: no exact meaning is stated of slerp: 12 tensors\n"
    assert said in as_text(report)


def test_a_composite_without_a_meaning_is_compared_through_its_stages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    less = {name: m for name, m in exact.MEANINGS.items() if name != "ties"}
    monkeypatch.setattr("mergec.verify.exact_value.MEANINGS", less)
    report = tried(tmp_path, TIES)
    assert report.compared["exact"].tensors == 12
    assert report.notes == ["compared with exact through its stages: ties"]


def test_what_hangs_on_the_whole_model_is_compared_with_single_tensors(tmp_path: Path) -> None:
    text = HEAD + "child = base + trim(code - base; density=0.3, scope=global)\n"
    report = tried(tmp_path, text)
    assert report.compared["reference"].tensors == 12
    assert report.state == "passed"
    assert report.compared["exact"].tensors == 12
    assert report.notes == [
        "where statistics of the whole model count, runs are compared with single tensors"
    ]


def test_statistics_of_operands_are_what_they_must_be(tmp_path: Path) -> None:
    # Random numbers would be negative, and no Gram matrix is.
    text = HEAD + 'fa = model("./instruct")\nchild = fisher(code, math; fishers=[fa, base])\n'
    report = tried(tmp_path, text)
    assert (report.state, dict(report.refused)) == ("passed", {})
    assert report.compared["exact"].tensors == 12


def test_meanings_are_functions_with_names() -> None:
    assert {"affine", "trim", "ties", "dare", "slerp"} <= {*exact.MEANINGS}
    for name, meaning in exact.MEANINGS.items():
        assert isinstance(meaning, Meaning)
        assert meaning.name == name


@pytest.mark.parametrize("most", [8, 48, 200])
def test_small_shapes_fit_together_as_the_real_ones_do(most: int) -> None:
    shapes = [(), (0,), (1,), (32000, 4096), (4096,), (11008, 4096), (4096, 11008), (64, 3, 3, 3)]
    axes = small_axes(shapes, 4, most)
    found = [small(shape, axes) for shape in shapes]
    assert [len(shape) for shape in found] == [len(shape) for shape in shapes]
    assert found[:3] == [(), (0,), (1,)]
    assert found[3][1:] == found[4] == found[5][1:] == found[6][:1]
    for shape in found:
        count = 1
        for length in shape:
            count *= length
        assert count <= most


def test_different_lengths_stay_different_where_there_is_room() -> None:
    axes = small_axes([(32000, 4096), (11008, 4096)], 4, 48)
    assert axes == {4096: 4, 11008: 5, 32000: 6}


def test_the_command_prints_tables_and_writes_junit(mergec: Mergec, tmp_path: Path) -> None:
    write_spec(*HEAD.splitlines()[:2], "child = 0.5*base + 0.5*code")
    done = mergec("test", "spec.merge", "--backend", "reference", "--junit", "out.xml")
    assert (done.status, done.codes, done.made) == (0, [], {"out.xml"})
    assert done.out == (
        "spec.merge: 2 sources, 4 tensors; fast, seed 0\n"
        "\n"
        "tensors that agree     tensors  elements\n"
        "  a run on reference  12 of 12       156\n"
        "  exact rationals     12 of 12       156\n"
        "\n"
        "passed\n"
    )
    suite = ElementTree.parse("out.xml").getroot()
    assert suite.attrib == {"name": "mergec test spec.merge", "tests": "2", "failures": "0"}
    assert [case.get("name") for case in suite] == ["reference: 12 compared", "exact: 12 compared"]


def test_the_command_tries_the_laws_of_what_is_used(mergec: Mergec) -> None:
    write_spec(*HEAD.splitlines()[:2], "child = base + scale(code - base; by=0.5)")
    options = ("--backend", "reference", "-j", "1", "--output-format", "json")
    done = mergec("test", "spec.merge", *options)
    report = json.loads(done.out)
    assert (done.status, report["schema"], report["state"]) == (0, "mergec.test/1", "passed")
    laws = {(tried["operator"], tried["law"]) for tried in report["laws"]}
    # At the spec's own parameter where the law leaves it open, and as declared where it does not.
    assert {("scale", "identity_at(by=1)"), ("scale", "odd(by=1/2)")} <= laws
    assert all(tried["holds"] for tried in report["laws"])


def test_a_broken_plan_has_its_exit_status(mergec: Mergec, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Affine.apply

    def off(self: Affine, xp: Any, blocks: Any, setting: Any, cursor: Cursor) -> Any:
        return original(self, xp, blocks, setting, cursor) + 0.25

    monkeypatch.setattr(Affine, "apply", off)
    write_spec(*HEAD.splitlines()[:2], "child = 0.5*base + 0.5*code")
    done = mergec("test", "spec.merge", "--backend", "reference")
    assert (done.status, set(done.codes)) == (10, {"E903"})
    assert "spec.merge:3:9" in done.err
    assert len(done.codes) == 3  # of twelve tensors that differ, which the table counts
    assert "0 of 12" in done.out
    assert "exact rationals give that for the spec as it is written" in done.err


def test_missing_sources_and_backends_are_told_as_ever(mergec: Mergec) -> None:
    write_spec('base = model("./nowhere")', "child = 0.5*base + 0.5*base")
    refused(mergec("test", "spec.merge"), "E701", 4)
    write_spec(*HEAD.splitlines()[:2], "child = 0.5*base + 0.5*code")
    refused(mergec("test", "spec.merge", "--backend", "abacus"), "E603", 6)


def test_a_failure_stands_in_junit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def one(*_: Any) -> int:
        return 1

    monkeypatch.setattr(trim, "kept_count", one)
    report = tried(tmp_path, TIES)
    suite = ElementTree.fromstring(as_junit(report))
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failed == ["exact: 12 compared", "findings"]
    text = suite[-1].findtext("failure")
    assert text is not None
    assert "error[E903]" in text
