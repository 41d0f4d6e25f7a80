"""`# mergec: allow W203 because ...`: which warnings it allows, and what is wrong with it."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.diagnostics import (
    Diagnostic,
    SourceText,
    Span,
    apply_fixes,
    render_text,
    sort_by_position,
)
from mergec.syntax import format_spec, parse_spec
from mergec.syntax.allow import apply_allows


def warn(text: str, *places: tuple[str, str]) -> list[Diagnostic]:
    """A warning for each code and the last place of its text."""
    source = SourceText("a.merge", text)
    return [
        Diagnostic(code, "", Span(source, text.rindex(part), text.rindex(part) + len(part)))
        for code, part in places
    ]


def left(text: str, found: Sequence[Diagnostic], *, complete: bool = True) -> list[tuple[str, str]]:
    """What `text` does not allow of `found`, and what is added: codes and the text there."""
    spec = parse_spec(SourceText("a.merge", text)).spec
    remaining = apply_allows(spec, found, complete=complete)
    return [(each.code, each.span.text if each.span else "") for each in remaining]


REMOVE = "remove the comment, and correct what it is about"
ALLOW = "# mergec: allow W204 because it is meant"


@pytest.mark.parametrize(
    "text",
    [
        f"{ALLOW}\na = f(x, x)\n",
        f"a = f(x, x)  {ALLOW}\n",
        f"a = f(x, x)  {ALLOW}",  # the last line without its newline
        f"a = f(x, x)  {ALLOW}\nb = f(x)  # mergec says more\n",
        f"# more\n{ALLOW}\n# and more\na = f(x, x)\n",
        f"{ALLOW}\n## What a is.\n## And why.\na = f(x, x)\n",
        f"## What a is.\n{ALLOW}\na = f(x, x)\n",
        f'{ALLOW}\nexport f(x, x) as "a"\n',
        f"{ALLOW}\nexport f(\n  x, x\n) {{ dtype = f32 }}\n",
        f"mergec 1\n  {ALLOW}\na = f(x, x)\n",
        f"b = 1\n{ALLOW}\na = f(x, x)\nc = 2\n",
        f"b = 1  # mergec and others\n{ALLOW}\na = f(x, x)\nc = 2\n",
        f"a = f(  {ALLOW}\n  x, x\n)\n",
        f"a = f(\n  x, x\n)  {ALLOW}\n",
        f"a = f(\n  {ALLOW}\n  x, x\n)\n",
        "#mergec:allow W204 because it is meant\na = f(x, x)\n",
        "# mergec: allow W203,W204 , W203 because it is meant\na = f(x, x)\n",
        "# mergec:  allow  W203 W204  because  because it is\na = f(x, x)\n",
    ],
)
def test_a_warning_in_the_statement_is_allowed(text: str) -> None:
    for each in (text, text.replace("\n", "\r\n")):
        assert left(each, warn(each, ("W204", "x, x")), complete=False) == []


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (f"{ALLOW}\n\na = f(x, x)\n", [("W204", "x, x")]),  # an empty line stands between
        (f"{ALLOW}\nb = 1\na = f(x, x)\n", [("W204", "x, x")]),
        (f"b = 1  {ALLOW}\na = f(x, x)\n", [("W204", "x, x")]),
        (f"a = f(x, x)\n{ALLOW}\n", [("W204", "x, x")]),  # below, and above nothing
        (f"a = f(x, x)\n{ALLOW}", [("W204", "x, x")]),
        (f"mergec 1 {ALLOW}\na = f(x, x)\n", [("W204", "x, x")]),
        (f"{ALLOW}\na = f(x, x)\n", [("W203", "x, x")]),
    ],
)
def test_a_warning_elsewhere_is_not_allowed(text: str, places: list[tuple[str, str]]) -> None:
    for each in (text, text.replace("\n", "\r\n")):
        remaining = left(each, warn(each, *places))
        assert sorted(remaining) == [*places, ("W207", ALLOW)]


def test_each_of_two_statements_has_its_own() -> None:
    text = f"{ALLOW}\na = f(x, x)\nb = f(y, y)  {ALLOW}\nc = f(z, z)\n"
    places = [("W204", "x, x"), ("W204", "y, y"), ("W204", "z, z")]
    assert left(text, warn(text, *places)) == [("W204", "z, z")]


def test_one_allow_allows_every_warning_of_its_code() -> None:
    text = f"{ALLOW}\na = f(f(x, x), g(y, y))\n"
    assert left(text, warn(text, ("W204", "x, x"), ("W204", "y, y"))) == []


def test_a_second_allow_of_one_warning_allows_nothing() -> None:
    text = f"{ALLOW}\na = f(x, x)  {ALLOW}\n"
    spec = parse_spec(SourceText("a.merge", text)).spec
    (found,) = apply_allows(spec, warn(text, ("W204", "x, x")), complete=True)
    assert found.span is not None
    assert (found.code, found.span.start) == ("W207", text.rindex("#"))


def test_findings_of_other_texts_and_of_files_stay() -> None:
    text = f"{ALLOW}\na = f(x, x)\n"
    other = SourceText("b.merge", text)
    found = [
        Diagnostic("W204", "", Span(other, text.index("x, x"), len(text) - 2)),
        Diagnostic("W204", "", None),
    ]
    codes = [code for code, _ in left(text, found)]
    assert codes == ["W204", "W207", "W204"]


def test_a_text_that_says_nothing_to_mergec_changes_nothing() -> None:
    text = "# mergec is the compiler\n## mergec: allow W204 because docs are docs\na = f(x, x)\n"
    found = warn(text, ("W204", "x, x"), ("W201", "a"))
    spec = parse_spec(SourceText("a.merge", text)).spec
    assert apply_allows(spec, found, complete=True) == sort_by_position(found)


def test_after_an_error_no_allow_is_called_unused() -> None:
    text = f"{ALLOW}\na = f(x x)\n{ALLOW}\nb = 1\n# mergec: allow\n"
    parsed = parse_spec(SourceText("a.merge", text))
    found = apply_allows(parsed.spec, parsed.diagnostics, complete=True)
    assert [each.code for each in found] == ["E101", "W208"]


@pytest.mark.parametrize(
    ("code", "alone"),
    [
        ("W101", True),
        ("W201", True),
        ("W202", False),
        ("W203", False),
        ("W206", True),
        ("W302", True),
        ("W401", False),
        ("W703", False),
    ],
)
def test_without_the_sources_only_what_the_text_says_is_missed(code: str, alone: bool) -> None:
    text = f"# mergec: allow {code} because it is meant\na = 1\n"
    assert left(text, []) == [("W207", text.splitlines()[0])]
    assert bool(left(text, [], complete=False)) == alone
    # That a comment stands at no statement, the text says.
    assert left("a = 1\n" + text.splitlines()[0], [], complete=False) != []


@pytest.mark.parametrize(
    ("comment", "message", "help"),
    [
        (
            "# mergec:",
            "`# mergec:` is followed by nothing",
            "write, for example, `# mergec: allow W203 because ...`",
        ),
        (
            "# mergec: alow W204 because x",
            "`alow` is nothing that `# mergec:` can say",
            "write `# mergec: allow W204 because x`",
        ),
        (
            "# Mergec: Allow W204 because x",
            "`Allow` is nothing that `# mergec:` can say",
            "write `# mergec: allow W204 because x`",
        ),
        (
            "# mergec: allow",
            "this `allow` names no warning",
            "write, for example, `# mergec: allow W203 because ...`",
        ),
        (
            "# mergec: allow because x",
            "this `allow` names no warning",
            "write, for example, `# mergec: allow W203 because x`",
        ),
        (
            "# mergec: allow W204",
            "this `allow` gives no reason",
            "write `# mergec: allow W204 because ...`",
        ),
        (
            "# mergec: allow W204 because",
            "this `allow` gives no reason",
            "write `# mergec: allow W204 because ...`",
        ),
        (
            "# mergec: allow W204, W205 it is meant",
            "this `allow` gives no reason",
            "write `# mergec: allow W204, W205 because it is meant`",
        ),
        (
            "# mergec: allow E301, W204 because x",
            "`E301` is an error, and errors cannot be allowed",
            "write `# mergec: allow W204 because x`",
        ),
        (
            "# mergec: allow E301 because x",
            "`E301` is an error, and errors cannot be allowed",
            REMOVE,
        ),
        (
            "# mergec: allow W207 because x",
            "`W207` is about comments like this one, and cannot be allowed",
            REMOVE,
        ),
        (
            "# mergec: allow W204, W999 because x",
            "`W999` is not the code of a warning",
            "write `# mergec: allow W204 because x`",
        ),
        (
            "# mergec: allow w204 because x",
            "`w204` is not the code of a warning",
            "write `# mergec: allow W204 because x`",
        ),
        (
            "# mergec: allow repeated-parent because x",
            "`repeated-parent` is not the code of a warning",
            "write `# mergec: allow W204 because x`",
        ),
        (
            "# mergec: allow all",
            "`all` is not the code of a warning",
            "write, for example, `# mergec: allow W203 because all`",
        ),
        (
            "# mergec: allow W204 " + "very " * 20,
            "this `allow` gives no reason",
            "write `# mergec: allow W204 because ...`",
        ),
    ],
)
def test_what_is_no_allow_is_told_its_right_form(comment: str, message: str, help: str) -> None:
    text = f"{comment}\r\na = f(x, x)\r\n"
    spec = parse_spec(SourceText("a.merge", text)).spec
    found = apply_allows(spec, warn(text, ("W204", "x, x")), complete=True)
    assert [each.code for each in found] == ["W208", "W204"]  # a bad one allows nothing
    wrong = found[0]
    assert wrong.span is not None
    assert (wrong.message, wrong.span.text) == (message, comment.rstrip())
    assert wrong.help == (help,)
    if help != REMOVE:
        right = parse_spec(SourceText("a.merge", help.split("`")[1] + "\na = f(x, x)\n")).spec
        assert {each.code for each in apply_allows(right, [], complete=True)} == {"W207"}


def test_an_unused_allow_is_shown() -> None:
    text = "# mergec: allow W204, W205 because it is meant\na = f(x, x)\n"
    spec = parse_spec(SourceText("a.merge", text)).spec
    assert render_text(apply_allows(spec, warn(text, ("W204", "x, x")), complete=True)) == (
        "warning[W207]: this `allow` of `W205` allows nothing\n"
        "  --> a.merge:1:1\n"
        "   |\n"
        " 1 | # mergec: allow W204, W205 because it is meant\n"
        "   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ there is no such warning to allow\n"
        "   |\n"
        "   = help: remove `W205` from the comment\n"
    )
    assert render_text(apply_allows(spec, [], complete=True)).splitlines()[0] == (
        "warning[W207]: this `allow` of `W204` and `W205` allows nothing"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"# x\n{ALLOW}\na = 1\n", "# x\na = 1\n"),
        (f"a = 1 \t {ALLOW}\nb = 2\n", "a = 1\nb = 2\n"),
        (f"a = 1 {ALLOW}", "a = 1"),
        (f"a = f(\n  {ALLOW}\n  x)\n", "a = f(\n  x)\n"),
        (f"  {ALLOW}\na = f(x) {ALLOW}\n", "a = f(x)\n"),
        (
            "# mergec: allow W204, W302, W201 because  it is\na = f(x, x)\n",
            "# mergec: allow W204 because it is\na = f(x, x)\n",
        ),
        # The place may be what is wrong with these.
        (f"{ALLOW}\n\na = 1\n", f"{ALLOW}\n\na = 1\n"),
        (f"a = 1\n{ALLOW}", f"a = 1\n{ALLOW}"),
    ],
)
def test_an_unused_allow_is_removed_where_that_is_safe(before: str, after: str) -> None:
    for end in ("\n", "\r\n"):
        text = before.replace("\n", end)
        spec = parse_spec(SourceText("a.merge", text)).spec
        places = [("W204", "x, x")] if "x, x" in text else []
        found = apply_allows(spec, warn(text, *places), complete=True)
        assert apply_fixes(text, found)[0] == after.replace("\n", end)
        assert all(each.fix is not None for each in found)


@pytest.mark.parametrize(
    "text",
    [
        f"{ALLOW}\na = f(x,x)\n",
        f"a = f(x,x) {ALLOW}\n",
        f"a = f( {ALLOW}\n x, x)\n",
        f"a = f(x,\n  {ALLOW}\n  x)\n",
        f"a = f(x,\n  x {ALLOW}\n  )\n",
        f"a = f(x,\n  x) {ALLOW}\n",
        f"## Docs.\n{ALLOW}\nexport f(x,x)\n",
    ],
)
def test_formatting_takes_no_allow_from_its_statement(text: str) -> None:
    formatted = format_spec(parse_spec(SourceText("a.merge", text)).spec)
    spec = parse_spec(SourceText("a.merge", formatted)).spec
    found = Diagnostic("W204", "", spec.statements[0].span)
    assert apply_allows(spec, [found], complete=True) == ()


PARTS = (
    "a = f(x, x)",
    "export f(",
    "  x, x",
    ")",
    "",
    "## Docs.",
    ALLOW,
    f"  {ALLOW}",
    f"b = 1 {ALLOW}",
    f"c = f(x, x) {ALLOW}",
    "# mergec: allow W204, W205 because it is",
    "# mergec: allow W205",
)


@given(st.lists(st.sampled_from(PARTS), max_size=12), st.sampled_from(("\n", "\r\n")))
def test_fixing_once_is_enough(lines: list[str], end: str) -> None:
    text = end.join(lines)
    fixed, made = apply_fixes(text, looked_at(text))
    found = looked_at(fixed)
    assert apply_fixes(fixed, found) == (fixed, 0)
    assert len(found) == len(looked_at(text)) - made


def looked_at(text: str) -> tuple[Diagnostic, ...]:
    """What is left of a W204 for each call with two equal operands."""
    source = SourceText("a.merge", text)
    parsed = parse_spec(source)
    calls = [Span(source, place, place + 4) for place in places_of("x, x", text)]
    found = [*parsed.diagnostics, *(Diagnostic("W204", "", call) for call in calls)]
    return apply_allows(parsed.spec, found, complete=True)


def places_of(part: str, text: str) -> list[int]:
    return [place for place in range(len(text)) if text.startswith(part, place)]
