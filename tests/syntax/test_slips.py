"""The slips that people make most are recognised, and each gets its own help."""

import pytest

from mergec.diagnostics import SourceText
from mergec.syntax import parse_spec

_MATCH = "`match { attn => 0.3, else => 0.5 }`"


def helps(text: str) -> list[tuple[str, ...] | None]:
    """The help of everything that is reported."""
    return [found.help for found in parse_spec(SourceText("a.merge", text)).diagnostics]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("x = a |> f", "write `f()`; a pipe goes into a call"),
        ("export a as b", 'write the name as a string: `as "b"`'),
        ('export a "b"', 'write `as "b"`'),
        ("x = 5 GB", "write the size in one word: `5GB`"),
        ("x == 3", "write one `=` to bind a name, as in `x = ...`"),
        ("x = f(a b)", "write `,` before `b`"),
        (
            "x = a\n  y = b",
            "if a statement begins here, remove the spaces before it; it begins in column 1",
        ),
        ("x = a\ny f(b)", "if a statement begins here, write `y = ...`"),
        ("  x = a", "remove the spaces before it; a statement begins in column 1"),
        ("y f(b)", "to bind a name write `y = ...`"),
        ("x = else", "choose another name"),
        ("x = f(k: 3)", "write `=` between a name and its value"),
        ("x = model('a')", 'write `"` around it'),
        ("x = model(../a)", 'write `"../a"`'),
        ("x = model(./a/b-c)", 'write `"./a/b-c"`'),
        ("x = a | f()", "write a pipe as `|>`, and `or` between conditions"),
        ("x = a . b", "write a name of another spec without spaces, as in `common.base`"),
        (
            "x = a.b.c",
            "write a name of another spec with one dot and no spaces, as in `common.base`",
        ),
        ("x: number = 3", "to declare a parameter write `param x: number = ...`"),
        ("x = if a", None),
    ],
)
def test_the_usual_slips_are_recognised(text: str, hint: str | None) -> None:
    assert helps(text) == [None if hint is None else (hint,)]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("match { attn = 1 }", "write `=>` here"),
        ("match { attn: 1 }", "write `=>` here"),
        ("match { attn -> 1 }", "write `=>` here"),
        ("match { attn => 1, else: 2 }", "write `=>` here"),
        ("match { attn => 1 mlp => 2 }", "write `,` before `mlp`"),
        ("match { attn => 1 else => 2 }", "write `,` before `else`"),
        ("match { attn }", f"write `=>` between a selector and its value, as in {_MATCH}"),
        ("match { attn, mlp => 1 }", "write `|` between selectors that share a value"),
        ("match { attn and mlp => 1 }", "write `&` between selectors"),
        ("match { attn or mlp => 1 }", "write `|` between selectors"),
        ("match { not attn => 1 }", "write `!` before a selector, as in `!attn`"),
        (
            "match { 3 => 1 }",
            'write a role such as `attn`, `layers(0..8)`, or a pattern in quotes as `"*.norm.*"`',
        ),
        ("match { experts(0..8) => 1 }", "write `layers(0..8)`"),
        ("match { else => 1, attn => 2 }", "write it as the last arm"),
        ("match { else => 1, else => 2 }", "remove one of them"),
        ("match attn => 1", f"write the arms in braces, as in {_MATCH}"),
        ("match {}", f"write at least one arm, as in {_MATCH}"),
        ("match { layers(3) => 1 }", "write a range of layers, as in `3..4`"),
        ("match { layers(0-8) => 1 }", "write a range with `..`, as in `0..8`"),
        ("a[3]", "write a range of layers, as in `3..4`"),
        ("a[n]", "write a range of layers, as in `n..(n + 1)`"),
        ("a[0:24]", "write a range with `..`, as in `0..24`"),
        ("a[:8]", "write a range of layers, as in `..8`"),
        ("a[]", "write a range of layers, as in `0..24`"),
        ("a[..]", "write a bound before or after `..`, as in `0..24`, `24..` or `..8`"),
        ("a[n + 1..]", "put brackets around a bound that is computed, as in `0..(n + 1)`"),
        (
            "a[-1..]",
            "layers are counted from 0; write a range such as `0..24`, `24..` or `..8`",
        ),
        ("0..24", "a range of layers stands in brackets, as in `a[0..24]` and `layers(0..24)`"),
        ("a + b ++ c", "put brackets where `+` or `-` meets `++`, as in `(a + b) ++ c`"),
        ("a ++ b - c", "put brackets where `++` meets `-`, as in `(a ++ b) - c`"),
        ("f(*rest, a)", "write it once, after the other operands, as in `f(a, *rest; k=1)`"),
        ("[*rest]", "operands are spread in calls only, as in `f(a, *rest)`"),
        ("f(**a)", "spread operands with one `*`, as in `f(a, *rest)`; there are no powers"),
        ("f(k => 3)", "write `=` between a name and its value"),
        ("!a", "write `not` before a condition"),
        ("a & b", "write `and` between conditions"),
        ("a && b", "write `and` between conditions, and `&` between selectors"),
        ("a || b", "write `or` between conditions, and `|` between selectors"),
        ("a < b < c", "comparisons do not chain; write `a < b and b < c`"),
        ("a |> match { attn => b }", "write a call after a pipe, as in `x |> f()`"),
        ("select(a)", "write what it does after the operand, as in `select(x, attn & !bias)`"),
        ("rename(a)", 'write what it does after the operand, as in `rename(x, "model.*" => "*")`'),
        ('rename(a, "b")', 'write what the names become, as in `"model.*" => "*"`'),
        ('rename(a, "b" = "c")', "write `=>` here"),
        ("rename(a, b => c)", 'write names of tensors as strings, as in `"model.*" => "*"`'),
        ("a |> select(b, attn)", "the pipe gives `select` its operand; write only what follows it"),
    ],
)
def test_the_usual_slips_in_an_expression_are_recognised(text: str, hint: str) -> None:
    assert helps(f"x = {text}") == [(hint,)]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("param x = 1", "write the type after the name, as in `param x: number = 1`"),
        ('param x = "a"', 'write the type after the name, as in `param x: text = "a"`'),
        ("param x = true", "write the type after the name, as in `param x: bool = true`"),
        ("param x", "write the type after the name, as in `param x: number`"),
        ("param x int = 1", "write `:` before the type, as in `param x: int`"),
        ("param x: = 1", "write a type: `number`, `int`, `text`, `bool` or `model`"),
        ("param x: int from 0", "write both bounds, as in `from 0 to 1`"),
        ("param x: int = 1 to 3", "write both bounds, as in `from 0 to 1`"),
        ("def f = a", "write the operands in brackets, as in `def f(a, b) = ...`"),
        (
            "def f(a) a",
            "write `=` before what the macro stands for, as in `def f(a, b) = ...`",
        ),
        ("def f(a; k=1) = a", "write `,` here"),
        ("def f(a.b) = a", "write a name without a dot"),
        (
            "def f(a, k=1, b) = a",
            "write the operands first, then the keywords, as in `def f(a, b, k=1) = ...`",
        ),
        (
            "def f(*rest, a) = a",
            "write it once, after the other operands and before the keywords, as in "
            "`def f(a, *rest, k=1) = ...`",
        ),
        ('use "lib/common.merge"', "give the spec a name to read it by: `as common`"),
        ('use "std:classic"', "give the spec a name to read it by: `as classic`"),
        ("use common as c", 'write the path as a string: `use "common" as name`'),
        ('use "a" as "b"', "write the name without quotes"),
        (
            "require norm(a) < 3",
            'add the reason, as in `require finite(child), "no weight is broken"`',
        ),
        (
            "require norm(a) < 3,",
            'add the reason, as in `require finite(child), "no weight is broken"`',
        ),
        ('require norm(a) < 3 "why"', 'write `,` before `"why"`'),
        ("require a, why", 'write the reason in quotes, as in `"no weight is broken"`'),
        ('require a = b, "why"', "write `==` to compare"),
        ('require a b, "why"', "write `and` or `or` between conditions"),
    ],
)
def test_the_usual_slips_in_a_statement_are_recognised(text: str, hint: str) -> None:
    assert helps(text) == [(hint,)]
