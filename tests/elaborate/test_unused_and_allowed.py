"""What nothing uses is told, and what a comment allows is not."""

import pytest

from tests.elaborate.checked_specs import Finding, found, warnings

CHILD = "child = linear(base, code, math)"
SOURCE = 'spare = model("./spare")'

UNUSED: list[tuple[list[str], list[Finding]]] = [
    ([CHILD], []),
    ([CHILD, SOURCE], [("W201", "spare")]),
    ([CHILD, "param p: number = 1"], [("W201", "p")]),
    ([CHILD, "def f(x) = x"], [("W201", "f")]),
    ([CHILD, 'use "std:classic" as std'], [("W201", "std")]),
    (["def f(x) = linear(x, code, math)", "child = f(base)"], []),
    # what a macro's body uses is used, and what only a contract asks of too
    (["def f(x) = linear(x, code, math)", CHILD], [("W201", "f")]),
    ([CHILD, SOURCE, 'require norm(spare) < 9, "small"'], []),
    ([CHILD, SOURCE, "export child"], [("W201", "spare")]),
    ([CHILD, 'export linear(base, code) as "x"'], [("W201", "child")]),
    (["w = 0.5", "v = w", CHILD], [("W201", "v")]),
]


@pytest.mark.parametrize(("lines", "places"), UNUSED)
def test_what_nothing_uses_is_a_warning(lines: list[str], places: list[Finding]) -> None:
    assert warnings(*lines) == places


BECAUSE = "because it is kept for later"
ALLOWED: list[tuple[list[str], list[str]]] = [
    ([f"# mergec: allow W201 {BECAUSE}", SOURCE], []),
    ([f"{SOURCE}  # mergec: allow W201 {BECAUSE}"], []),
    ([f"# mergec: allow W201, W205 {BECAUSE}", SOURCE], ["W207"]),
    (["# mergec: allow W201", SOURCE], ["W208", "W201"]),
    ([f"# mergec: allow E201 {BECAUSE}", SOURCE], ["W208", "W201"]),
    ([f"# mergec: allow W204 {BECAUSE}", SOURCE], ["W207", "W201"]),
    ([SOURCE, f"# mergec: allow W201 {BECAUSE}"], ["W201", "W207"]),
    # known only from tensors, so nobody can say yet that it allows nothing
    ([f"# mergec: allow W203 {BECAUSE}", SOURCE], ["W201"]),
]


@pytest.mark.parametrize(("lines", "codes"), ALLOWED)
def test_a_comment_allows_the_warnings_of_its_statement(lines: list[str], codes: list[str]) -> None:
    assert [code for code, _ in warnings(CHILD, *lines, "export child")] == codes


def test_a_comment_of_a_used_spec_allows_what_is_found_there() -> None:
    twice = "def f(x) = linear(x, x)\n"
    allow = "# mergec: allow W204 because one model counts double\n"
    lines = 'use "used.merge" as used', "child = used.f(ties(base, code, math))"
    assert warnings(*lines, used={"used.merge": twice}) == [("W204", "x")]
    assert warnings(*lines, used={"used.merge": allow + twice}) == []


def test_what_is_allowed_is_not_shown_beside_errors_either() -> None:
    lines = [CHILD, f"# mergec: allow W204 {BECAUSE}", "x = linear(code, code)"]
    diagnostics = found(*lines, "y = linear(x, nothing)")
    assert [each.code for each in diagnostics] == ["E201"]
