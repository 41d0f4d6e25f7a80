"""Names, labels and parameters: which spec is refused, with which code, at which place."""

import pytest

from mergec.diagnostics import MergecError
from tests.elaborate.checked_specs import Finding, check, mistakes, warnings

DELTA = "code - base"
CALL = "trim(code - base, code - base; density=1)"

WRONG: list[tuple[str, list[Finding]]] = [
    # names
    ("child = linear(cod, code)", [("E201", "cod")]),
    ("child = linear(base, other)\nother = code", [("E201", "other")]),
    ("child = linear(child, code)", [("E201", "child")]),
    ("child = linear(code, nothing, nothing)", [("E201", "nothing")]),
    ("a = linear(x, y)\nb = linear(x, z)", [("E201", "x"), ("E201", "y"), ("E201", "z")]),
    ("child = linear(base, ties)", [("E201", "ties")]),
    ("child = tise(base, code)", [("E202", "tise")]),
    ("child = tise(base, cod)", [("E202", "tise"), ("E201", "cod")]),
    ("child = linear(base, code)\nchild = linear(base, math)", [("E208", "child")]),
    ("child = base(code)", [("E202", "base")]),
    # parameters
    ("child = ties(base, code; densty=0.3)", [("E204", "densty")]),
    ("child = dare(code - base; densty=0.3)", [("E204", "densty")]),
    (
        "child = ties(base, code; densty=0.3, scale=[1])",
        [("E204", "densty"), ("E206", "[1]")],
    ),
    (f"child = base + dare({DELTA})", [("E205", "dare")]),
    ("child = slerp(code, math)", [("E205", "slerp")]),
    ("child = slerp(code, math, 0.5)", [("E302", "0.5")]),
    ("child = ties(base, code; density=0.3, density=0.3)", [("E207", "density=0.3")]),
    ("child = ties(base, code; density=2, density=0.3)", [("E203", "2"), ("E207", "density=0.3")]),
    # ranges
    ("child = ties(base, code; density=0)", [("E203", "0")]),
    ("child = ties(base, code; density=1.0001)", [("E203", "1.0001")]),
    ("child = ties(base, code; density=1 / 3 + 1)", [("E203", "1 / 3 + 1")]),
    ("child = ties(base, code, math; density=[2, 0])", [("E203", "2"), ("E203", "0")]),
    ("child = ties(base, code; weights=-1)", [("E203", "-1")]),
    ("child = slerp(code, math; t=-0.1)", [("E203", "-0.1")]),
    (
        f"child = base + dare({DELTA}; density=0.5, seed=18446744073709551616)",
        [("E203", "18446744073709551616")],
    ),
    (f"child = base + dare({DELTA}; density=0.5, q=0)", [("E203", "0")]),
    # kinds
    ("child = ties(base, code; density=code)", [("E206", "code")]),
    ("child = ties(base, code; density=true)", [("E206", "true")]),
    ("child = ties(base, code; density=5GB)", [("E206", "5GB")]),
    ("child = ties(base, code; scale=[1])", [("E206", "[1]")]),
    ('child = ties(base, code, math; density=[0.3, "x"])', [("E206", '"x"')]),
    (f"child = base + dare({DELTA}; density=0.5, seed=1 / 2)", [("E206", "1 / 2")]),
    ("child = linear(base, code; normalize=1)", [("E206", "1")]),
    ("child = ties(base, code; elect=total)", [("E206", "total")]),
    ('child = ties(base, code; elect="total")', [("E206", '"total"')]),
    ("child = ties(base, code; elect=1)", [("E206", "1")]),
    (f"child = base + dare({DELTA}; density=0.5, stream=s)", [("E201", "s")]),
    # lists
    ("child = ties(base, code, math; density=[0.3])", [("E212", "[0.3]")]),
    ("child = ties(base, code, math; weights=[1, 2, 3])", [("E212", "[1, 2, 3]")]),
    ("w = [1, 2, 3]\nchild = ties(base, code, math; weights=w)", [("E212", "w")]),
    ("child = ties(bas, code, math; weights=[1])", [("E201", "bas")]),
    ("child = linear(base, code; weights=[])", [("E212", "[]")]),
    ("child = linear(base, code; weights=[1, -1])", [("E211", "[1, -1]")]),
    ("child = linear(base, code; weights=0)", [("E211", "0")]),
    (f"child = base + dare({DELTA}; density=0.5, rescale=l1, q=0.7)", [("E216", "0.7")]),
    # operands
    ("child = slerp(code; t=0.5)", [("E209", "slerp(code; t=0.5)")]),
    ("child = linear()", [("E209", "linear()")]),
    ("child = ties(base)", [("E209", "ties(base)")]),
    ("child = ties(base; density=[0.5])", [("E209", "ties(base; density=[0.5])")]),
    (
        "child = trim(code - base, math - base; density=0.5)",
        [("E209", "trim(code - base, math - base; density=0.5)")],
    ),
    # sources
    ("x = model()", [("E209", "model()")]),
    ("x = model(code)", [("E206", "code")]),
    ("x = model(1)", [("E206", "1")]),
    ('x = model("")', [("E206", '""')]),
    ('x = model("./x", id=1)', [("E206", "1")]),
    ('x = model("./x", name="x")', [("E204", "name")]),
    ('x = model("./x", id="x", id="y")', [("E207", 'id="y"')]),
    ('x = model("./x", id="./code")', [("E215", 'model("./x", id="./code")')]),
    ('x = model("./code", rev="b")', [("E215", 'model("./code", rev="b")')]),
]


@pytest.mark.parametrize(("text", "found"), WRONG, ids=[text for text, _ in WRONG])
def test_a_mistake_is_found_at_its_place(text: str, found: list[Finding]) -> None:
    assert mistakes(text) == found


def test_independent_mistakes_are_reported_together_and_their_consequences_are_not() -> None:
    found = mistakes(
        "bad = tise(code, math)",
        "worse = ties(base, bad, cod; density=7)",
        "last = slerp(worse, base + code; t=2)",
        "export last { dtype = f8 }",
    )
    assert found == [
        ("E202", "tise"),
        ("E201", "cod"),
        ("E203", "7"),
        ("E301", "base + code"),
        ("E203", "2"),
        ("E206", "f8"),
    ]


def test_a_name_that_is_unknown_is_reported_once_with_its_other_uses() -> None:
    with pytest.raises(MergecError) as caught:
        check("a = linear(x, x)", "b = linear(a, x)")
    (found,) = caught.value.diagnostics
    assert [label.text for label in found.labels] == ["used here too", "used here too"]


def test_a_name_bound_below_is_pointed_at() -> None:
    with pytest.raises(MergecError) as caught:
        check("a = linear(base, b)", "b = linear(code, math)")
    (found,) = caught.value.diagnostics
    assert [(label.span.text, label.text) for label in found.labels] == [("b", "bound here")]


def test_what_nothing_uses_is_a_warning() -> None:
    assert warnings("child = linear(base, code)", "x = 0.5") == [("W201", "math"), ("W201", "x")]
    assert warnings("child = linear(base, code, math)") == []


def test_one_source_may_be_written_twice_or_have_two_labels() -> None:
    same = check('x = model("./code")', "child = linear(x, code, math, base)")
    assert [source.label for source in same.sources] == ["./base", "./code", "./math"]
    other = check('x = model("./code", id="x")', "child = linear(x, code, math, base)")
    assert [source.label for source in other.sources] == ["./base", "./code", "./math", "x"]


def test_numbers_texts_and_lists_may_have_names() -> None:
    named = check(
        "d = [0.3, 1 / 5]", "s = -2", "child = ties(base, code, math; density=d, scale=s)"
    )
    written = check("child = ties(base, code, math; density=[0.3, 0.2], scale=-2)")
    assert named.graph == written.graph
