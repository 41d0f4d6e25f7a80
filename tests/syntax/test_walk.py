"""Walks know every node, and what in it is an expression."""

import pytest

from mergec.diagnostics import SourceText
from mergec.syntax import parse_spec
from mergec.syntax.walk import children, expressions, height


@pytest.mark.parametrize(
    ("text", "inside", "levels"),
    [
        ("a", [], 1),
        ("-a", ["a"], 2),
        ("not a", ["a"], 2),
        ("a ++ b", ["a", "b"], 2),
        ("a < b", ["a", "b"], 2),
        ("a and b", ["a", "b"], 2),
        ("[a, b]", ["a", "b"], 2),
        ("f(a, *b; k=c)", ["a", "*b", "c"], 3),
        ("a |> f(b)", ["a", "f(b)"], 3),
        ("a[b..(c)]", ["a", "b", "c"], 2),
        ("a[..b]", ["a", "b"], 2),
        ("select(a, attn & !layers(b..))", ["a", "attn & !layers(b..)"], 6),
        ('rename(a, "b" => "c")', ["a", '"b" => "c"'], 3),
        ("match { attn | layers(a..b) => c, else => d }", ["a", "b", "c", "d"], 4),
    ],
)
def test_what_is_inside_an_expression(text: str, inside: list[str], levels: int) -> None:
    (statement,) = parse_spec(SourceText("a.merge", f"x = {text}")).spec.statements
    (expr,) = expressions(statement)
    assert [each.span.text for each in children(expr)] == inside
    assert height(expr) == levels


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("x = a", ["a"]),
        ('export a as "n" { k = b }', ["a", "b"]),
        ("param x: number", []),
        ("param x: number = a from b to c", ["a", "b", "c"]),
        ("def f(a, *b, c=d) = e", ["d", "e"]),
        ('use "a" as b', []),
        ('require a, "why"', ["a"]),
    ],
)
def test_the_expressions_of_a_statement(text: str, inside: list[str]) -> None:
    (statement,) = parse_spec(SourceText("a.merge", text)).spec.statements
    assert [each.span.text for each in expressions(statement)] == inside
