"""`param`: types, bounds, values from outside, and the labels of models."""

from pathlib import Path

import pytest

from mergec.diagnostics import SourceText
from mergec.elaborate import Bundle, Setting
from mergec.plan import check_bundle
from tests.elaborate.checked_specs import Finding, check, found, mistakes, nodes, written

SHARE = "param share: number = 0.5 from 0 to 1"
MIX = "export slerp(base, code; t=share)"

GIVEN: list[tuple[str, str, str]] = [
    ("0.3", "0.3", "0.3"),
    ("1/3", "1/3", "1/3"),
    ("1e-2", "0.01", "0.01"),
    ("1 - 0.25", "0.75", "0.75"),
    ("1", "1.0", "1"),
]


@pytest.mark.parametrize(("text", "same", "kept"), GIVEN)
def test_a_number_from_outside_is_one_of_the_language(text: str, same: str, kept: str) -> None:
    given = check(SHARE, MIX, given={"share": text})
    assert given.exports[0].node == written(f"export slerp(base, code; t={same})")
    assert (given.parameters, given.settings) == ({"share": kept}, {"share": kept})
    default = check(SHARE, MIX)
    assert (default.parameters, default.settings) == ({"share": "0.5"}, {})


def test_every_type_takes_its_values() -> None:
    lines = [
        "param density: number = 0.5",
        "param seed: int = 7",
        'param stream: text = "a"',
        "param whole: bool = false",
        "mixed = linear(base, code; normalize=whole, weights=[0.5, 0.5])",
        "export mixed + dare(code - base; density=density, seed=seed, stream=stream)",
    ]
    (node,) = nodes(check(*lines), "dare")
    assert [node.param(name) for name in ("seed", "stream")] == [7, "a"]
    given = {"seed": "8", "stream": "some words", "whole": "true", "density": "1/4"}
    checked = check(*lines, given=given)
    (node,) = nodes(checked, "dare")
    assert [str(node.param(name)) for name in ("density", "seed", "stream")] == [
        "1/4",
        "8",
        "some words",
    ]
    assert nodes(checked, "linear")[0].param("normalize") is True
    assert checked.settings == {**given, "density": "0.25"}


WRONG: list[tuple[str, dict[str, str], list[Finding]]] = [
    ("param p: float = 1", {}, [("E206", "float")]),
    ("param p: number", {}, [("E221", "p")]),
    ("param p: number = true", {}, [("E206", "true")]),
    ("param p: int = 1/2", {}, [("E206", "1/2")]),
    ("param p: model = code - base", {}, [("E206", "code - base")]),
    ("param p: model", {}, [("E221", "p")]),
    ("param p: model", {"p": ""}, [("E206", "p")]),
    ("param p: number = 2 from 0 to 1", {}, [("E203", "2")]),
    ("param p: number = 0 from 1 to 0", {}, [("E203", "1")]),
    ('param p: number = 0 from 0 to "x"', {}, [("E206", '"x"')]),
    ('param p: text = "x" from 0 to 1', {}, [("E206", "0")]),
    ("param code: number = 1", {}, [("E208", "code")]),
    ("param p: number = nothing", {}, [("E201", "nothing")]),
    # what is given is named at the place where it is declared
    (SHARE, {"share": "1.5"}, [("E203", "share")]),
    (SHARE, {"share": "half"}, [("E206", "share")]),
    (SHARE, {"share": "1\nx = 2"}, [("E206", "share")]),
    (SHARE, {"share": "base"}, [("E206", "share")]),
    (SHARE, {"share": 'model("./x")'}, [("E206", "share")]),
    (SHARE, {"share": "1/0"}, [("E206", "share")]),
    (SHARE, {"share": "(" * 300}, [("E206", "share")]),
    (SHARE, {"share": "1e999"}, [("E206", "share")]),
    (SHARE, {"shrae": "0.5"}, [("E222", "")]),
    ("param p: bool = true", {"p": "True"}, [("E206", "p")]),
    ("param p: int = 1", {"p": "0.5"}, [("E206", "p")]),
    # and is no second mistake when the declaration is wrong
    ("param p: float = 1", {"p": "1"}, [("E206", "float")]),
]


@pytest.mark.parametrize(("text", "given", "places"), WRONG)
def test_a_mistake_is_found_at_its_place(
    text: str, given: dict[str, str], places: list[Finding]
) -> None:
    assert mistakes(text, "export linear(base, code)", given=given) == places


def test_a_bound_is_closed_and_may_be_an_expression() -> None:
    line = "param p: number = 1 from -1 to 3 - 1"
    for value in ("-1", "2"):
        checked = check(line, "export p*code + (1 - p)*base", given={"p": value})
        assert checked.parameters == {"p": value}
    assert mistakes(line, "export p*code + (1 - p)*base", given={"p": "2.001"}) == [("E203", "p")]


def test_a_wrong_sum_says_what_the_parameters_are() -> None:
    (only,) = found(SHARE, "export share*base + 0.5*code", given={"share": "0.75"})
    assert (only.code, only.notes) == ("E301", ("`share` is 0.75",))


def test_a_model_from_outside_is_labelled_by_its_name() -> None:
    line = "param tuned: model"
    checked = check(line, "export linear(base, tuned)", given={"tuned": "./somewhere"})
    assert [(s.label, s.ref) for s in checked.sources] == [
        ("./base", "./base"),
        ("tuned", "./somewhere"),
    ]
    default = check('param tuned: model = model("./x")', "export linear(base, tuned)")
    assert [(s.label, s.ref) for s in default.sources][1] == ("tuned", "./x")
    named = check('param tuned: model = model("./x", id="y")', "export linear(base, tuned)")
    assert [source.label for source in named.sources] == ["./base", "y"]


def test_paths_start_where_they_were_given() -> None:
    source = SourceText("spec.merge", 'b = model("./b")\nparam p: model\nchild = linear(b, p)\n')
    for folder, ref in [(Path("/a/b"), "./x"), (Path("/a"), "../x"), (None, "./x")]:
        given = {"p": Setting("./x", folder)}
        checked = check_bundle(Bundle(source, Path("/a/b"), given, {}))
        assert [s.ref for s in checked.sources] == ["./b", ref]
        assert checked.settings == {"p": ref}
