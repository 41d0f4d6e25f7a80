"""A mistake in a spec costs its statement alone, and says what may stand there."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.diagnostics import render_text
from mergec.syntax import (
    SpecFile,
    format_spec,
)
from tests.syntax.parsed import parse, reports
from tests.syntax.spec_trees import specs


def test_one_mistake_costs_one_statement() -> None:
    text = (
        "a = f(x\n"
        "b = f(x y)\n"
        'c = model("./c)\n'
        "d = g(1e400, .5)\n"
        "e = \n"
        "ok = h(x)\n"
        "f = k(x; 3)\n"
        "param p = 3\n"
        "def g(x) x\n"
        "h = x $ y\n"
        'use "lib" as\n'
        "require h"
    )
    assert reports(text) == [
        ("E102", "1:6-1:7", "`(` opened at 1:6 is never closed"),
        ("E101", "2:9-2:10", "unexpected `y`"),
        ("E103", "3:11-3:16", "a string is never closed"),
        ("E104", "4:7-4:12", "`1e400` is too large"),
        ("E104", "4:14-4:16", "`.5` is not a number"),
        ("E101", "5:4-5:4", "the statement ends too early"),
        ("E112", "7:10-7:11", "an operand stands after `;`"),
        ("E101", "8:9-8:10", "unexpected `=`"),
        ("E101", "9:10-9:11", "unexpected `x`"),
        ("E105", "10:7-10:8", "`$` is not a sign of the language"),
        ("E101", "11:13-11:13", "the statement ends too early"),
        ("E101", "12:10-12:10", "the statement ends too early"),
    ]
    assert [each.span.text for each in parse(text).spec.statements] == ["ok = h(x)"]


def test_brackets_and_pipes_may_go_on_in_column_1() -> None:
    text = "a = f(\n  x\n)\n|> g()\n\n\nb = c\n"
    assert reports(text) == []
    assert format_spec(parse(text).spec) == "a = f(x) |> g()\n\nb = c\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = ", "an expression"),
        ("a = f(", "an expression or `)`"),
        ("a = [b,", "an expression or `]`"),
        ("a = f(b c)", "`,`, `;`, `)` or an operator"),
        ("a = b c", "an operator or the end of the statement"),
        ("a = b |> c", "`(`"),
        ("export a as b", "a string"),
        ('export a as "b" "c"', "`{` or the end of the statement"),
        ("export a { = 3 }", "`}` or a name"),
        ("export a { b c }", "`=`"),
    ],
)
def test_an_error_says_what_may_stand_there_as_users_type_it(text: str, expected: str) -> None:
    labels = [found.label for found in parse(text).diagnostics if found.code == "E101"]
    # An open bracket is reported before the grammar is asked.
    if labels:
        assert labels == [f"expected {expected}"]
    else:
        assert [found.code for found in parse(text).diagnostics] == ["E102"]


@given(specs(), st.randoms(use_true_random=False))
def test_no_damage_to_a_spec_raises(spec: SpecFile, random: Random) -> None:
    text = format_spec(spec)
    for _ in range(4):
        text = damaged(text, random)
        result = parse(text)
        assert "error[" in render_text(result.diagnostics) or format_spec(result.spec)
        for found in result.diagnostics:
            assert found.span is not None
            assert 0 <= found.span.start <= found.span.end <= len(text)


def damaged(text: str, random: Random) -> str:
    """`text` with a stretch removed, doubled, or replaced by a sign."""
    start = random.randrange(len(text) + 1)
    end = min(len(text), start + random.choice([0, 1, 1, 2, 8]))
    middle: str = random.choice(
        ["", text[start:end] * 2, *'()[]{},;=+-*/|"#\n\t\\. 0eG:\x00\r\u202eé']
    )
    return text[:start] + middle + text[end:]
