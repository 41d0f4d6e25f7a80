"""Diagnostics as users and programs see them."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.diagnostics import (
    CODES,
    Diagnostic,
    Fix,
    Label,
    MergecError,
    SourceText,
    Span,
    explain_code,
    find_code,
    nearest,
    render_json,
    render_text,
    suggestion_help,
    summary_line,
)

SPEC = SourceText("code-math.merge", "\n" * 6 + "child = code + math\n")


def at(source: SourceText, part: str) -> Span:
    start = source.text.index(part)
    return Span(source, start, start + len(part))


def shown(found: Diagnostic) -> list[str]:
    return render_text([found]).splitlines()


def test_the_example_of_the_language() -> None:
    found = Diagnostic(
        "E301",
        "these weights sum to 2, not 1",
        at(SPEC, "code + math"),
        "mass 2",
        help=(
            "for an average, write `linear(code, math)`",
            "to add both skills to a base, write `base + (code - base) + (math - base)`",
        ),
    )
    assert render_text([found]) == (
        "error[E301]: these weights sum to 2, not 1\n"
        "  --> code-math.merge:7:9\n"
        "   |\n"
        " 7 | child = code + math\n"
        "   |         ^^^^^^^^^^^ mass 2\n"
        "   |\n"
        "   = help: for an average, write `linear(code, math)`\n"
        "   = help: to add both skills to a base, write "
        "`base + (code - base) + (math - base)`\n"
    )


def test_without_a_place_there_is_no_frame() -> None:
    found = Diagnostic("E701", "there is no `./x`", None, notes=("a",), help=("b",))
    assert shown(found) == ["error[E701]: there is no `./x`", "   = note: a", "   = help: b"]


def test_further_places_have_lines_of_their_own() -> None:
    source = SourceText("a.merge", "a = 1\nb = f(a)\n" + "\n" * 9 + "c = f(a, b)\n")
    found = Diagnostic(
        "E208",
        "`c` is wrong",
        at(source, "c = f(a, b)"),
        "here",
        labels=(
            Label(at(source, "a, b"), "these"),
            Label(at(source, "a = 1"), "made here"),
            Label(at(SourceText("b.merge", "x = y\n"), "y"), "and here"),
        ),
    )
    assert shown(found) == [
        "error[E208]: `c` is wrong",
        "   --> a.merge:12:1",
        "    |",
        "  1 | a = 1",
        "    | ----- made here",
        "...",
        " 12 | c = f(a, b)",
        "    | ^^^^^^^^^^^ here",
        "    |       ---- these",
        "   ::: b.merge:1:5",
        "    |",
        "  1 | x = y",
        "    |     - and here",
    ]


def test_a_span_of_several_lines_shows_its_ends() -> None:
    source = SourceText("a.merge", "a = f(\n  x,\n  y,\n  z\n  )\n")
    assert shown(Diagnostic("E209", "too many", at(source, source.text[4:-1]), "three"))[2:] == [
        "   |",
        " 1 | a = f(",
        "   |     ^^",
        "...",
        " 5 |   )",
        "   |   ^ three",
    ]
    whole = Diagnostic("E209", "too many", Span(source, 0, 7), "line")
    assert shown(whole)[3:] == [" 1 | a = f(", "   | ^^^^^^ line"]


def test_marks_stand_under_what_they_mark() -> None:
    source = SourceText("a.merge", '\tx = "数学\u0301\u202e" + y\r\n')
    assert shown(Diagnostic("E201", "no `y`", at(source, "y"), "\u202e"))[3:] == [
        ' 1 |     x = "数学\u0301\\u{202e}" + y',
        "   |                          ^ \\u{202e}",
    ]
    assert shown(Diagnostic("E201", "no", at(source, "数学\u0301")))[4] == "   |          ^^^^"


def test_the_end_of_a_text_is_a_place() -> None:
    source = SourceText("a.merge", "a =")
    assert shown(Diagnostic("E101", "ends", Span(source, 3, 3)))[3:] == [" 1 | a =", "   |    ^"]
    empty = SourceText("a.merge", "")
    assert shown(Diagnostic("E109", "empty", Span(empty, 0, 0)))[3:] == [" 1 |", "   | ^"]


def test_a_very_long_line_is_cut_around_the_place() -> None:
    source = SourceText("a.merge", "x" * 5_000 + "!" + "y" * 5_000)
    line, mark = shown(Diagnostic("E105", "`!`", at(source, "!")))[3:]
    assert line == " 1 | ..." + "x" * 60 + "!" + "y" * 99 + "..."
    assert mark == "   |    " + " " * 60 + "^"


@given(st.text(), st.text(), st.integers(0, 20), st.integers(0, 20))
def test_nothing_a_terminal_acts_upon_is_printed(
    text: str, message: str, start: int, length: int
) -> None:
    source = SourceText(message, text)
    begin = min(start, len(text))
    span = Span(source, begin, min(begin + length, len(text)))
    found = Diagnostic(
        "E101", message, span, message, (Label(span, message),), (message,), (message,)
    )
    plain = render_text([found])
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", plain)
    colored = render_text([found], color=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain


def test_colour_changes_no_character() -> None:
    found = Diagnostic("W201", "`a` is unused", at(SPEC, "code"), "here", help=("b",))
    colored = render_text([found], color=True)
    assert colored.startswith("\x1b[1;33mwarning[W201]\x1b[0m")
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == render_text([found])


def test_the_summary_counts() -> None:
    error, warning = Diagnostic("E101", "", None), Diagnostic("W201", "", None)
    assert summary_line([]) == ""
    assert summary_line([warning]) == "1 warning"
    assert summary_line([error, warning, error]) == "2 errors, 1 warning"


def test_a_denied_warning_is_an_error_to_everyone() -> None:
    found = Diagnostic("W201", "`a` is unused", None, denied=True)
    assert shown(found) == ["error[W201]: `a` is unused"]
    assert summary_line([found]) == "1 error"
    assert (found.exit, MergecError([found]).exit) == (3, 3)
    fields = json.loads(render_json([found]))[0]
    assert (fields["severity"], fields["exit"]) == ("error", 3)


def test_json_has_the_same_fields() -> None:
    place = {
        "file": "code-math.merge",
        "start": {"line": 7, "column": 9, "offset": 14},
        "end": {"line": 7, "column": 13, "offset": 18},
    }
    span = at(SPEC, "code")
    found = Diagnostic(
        "E201",
        "no `é`",
        span,
        "here",
        (Label(span, "there"),),
        ("why",),
        ("what",),
        Fix(span, "math", safe=False),
    )
    text = render_json([found, Diagnostic("W701", "file", None)])
    assert text.isascii()
    assert json.loads(text) == [
        {
            "code": "E201",
            "slug": "unknown-name",
            "severity": "error",
            "message": "no `é`",
            **place,
            "label": "here",
            "labels": [{**place, "text": "there"}],
            "notes": ["why"],
            "help": ["what"],
            "fix": {**place, "replacement": "math", "safe": False},
            "exit": 3,
        },
        {
            "code": "W701",
            "slug": "index-total",
            "severity": "warning",
            "message": "file",
            "file": None,
            "start": None,
            "end": None,
            "label": "",
            "labels": [],
            "notes": [],
            "help": [],
            "fix": None,
            "exit": 0,
        },
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tise", "ties"),
        ("Ties", "ties"),
        ("tie", "ties"),
        ("dares", "dare"),
        ("t", None),
        ("median", None),
        ("x" * 10_000, None),
    ],
)
def test_the_nearest_name(name: str, expected: str | None) -> None:
    assert nearest(name, ["slerp", "dare", "ties"]) == expected


def test_what_exists_is_listed_if_nothing_is_near() -> None:
    many = [f"operator{n}" for n in range(11)]
    assert suggestion_help("zzz", many, "operators") == (
        "known operators: " + ", ".join(f"`operator{n}`" for n in range(8)) + " and 3 more"
    )
    assert suggestion_help("zzz", [], "bindings") == "there are no bindings"


def test_a_code_has_a_page() -> None:
    page = explain_code("E105", ("a = 'b'\n", "error[E105]: ...\n"))
    lines = page.splitlines()
    assert lines[:3] == ["E105 bad-character", "", "A character that a spec may not hold."]
    assert lines[-9:] == [
        "Example:",
        "",
        "    a = 'b'",
        "",
        "prints",
        "",
        "    error[E105]: ...",
        "",
        "Exit status 3.",
    ]
    assert max(map(len, lines)) <= 90


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_explained_in_a_few_sentences(code: str) -> None:
    sentences = CODES[code].explanation.rstrip(".").split(". ")
    assert 2 <= len(sentences) <= 5
    assert max(map(len, explain_code(code, None).splitlines())) <= 90


def test_the_page_of_a_warning_says_what_it_changes() -> None:
    last = explain_code("W201", None).splitlines()[-1]
    assert last == "A warning; it changes the exit status only where `--deny` names it."


def test_a_code_is_found_by_number_and_by_slug() -> None:
    for text in ("E105", " e105", "Bad-Character"):
        row = find_code(text)
        assert row is not None
        assert row.id == "E105"
    assert find_code("E999") is None
