"""Hostile specs: each is refused, or read, in little time and without deep recursion."""

import time

import pytest

from mergec.diagnostics import SourceText
from mergec.syntax import format_spec, parse_spec
from mergec.syntax.limits import BRACKETS, DIAGNOSTICS, HEIGHT, NAME_LENGTH, TOKENS


def codes(text: str) -> list[str]:
    return [found.code for found in parse_spec(SourceText("a.merge", text)).diagnostics]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a = " + "(" * 1_000_000, "E108"),
        ("a = " + "[" * (BRACKETS + 1) + "]" * (BRACKETS + 1), "E108"),
        ("a = " + "+".join("1" * 100_000), "E107"),
        ("a = " + "+".join("1" * 20_000), "E108"),
        ("a = " + "+".join("1" * (HEIGHT + 1)), "E108"),
        ("a = " + "-" * 20_000 + "1", "E108"),
        ("a = x" + "|>f()" * 10_000, "E108"),
        ("a = " + "match { b => " * 300_000, "E108"),
        ("a = " + "{" * 1_000_000, "E108"),
        ("a = b" + "[0.." * 300_000, "E108"),
        ("a = b" + "[0..1]" * 10_000, "E108"),
        ("a = " + "++".join("b" * 20_000), "E108"),
        ("a = select(b, " + "|".join("c" * 20_000) + ")", "E108"),
        ("a = match { " + "&".join("c" * 20_000) + " => 1 }", "E108"),
        ("a = b |> select(" + "!" * 20_000 + "c)", "E108"),
        ("a = match { " + "|".join("c" * 100_000) + " => 1 }", "E107"),
        ("require " + " and ".join("b" * 20_000) + ', "why"', "E108"),
        ("require " + "not " * 20_000 + 'b, "why"', "E108"),
        ("param a: number = " + "+".join("1" * 20_000), "E108"),
        ("def f(k=" + "-" * 20_000 + "1) = b", "E108"),
        ('use "' + "x" * 65_537 + '" as a', "E107"),
        ("a = " + "9" * 5_000, "E104"),
        ("a = " + "9" * 41, "E104"),
        ("a = 1e401", "E104"),
        ("a = 1e-401", "E104"),
        ("a = 0.1e-400", "E104"),
        ("a = 1e" + "9" * 100_000, "E104"),
        ("a = 0.0001KB", "E104"),
        ("a = 5gb", "E104"),
        ("a = 0x10", "E104"),
        ("a = 3x", "E104"),
        ("a = 1_000", "E104"),
        ("a = ٣", "E105"),
        ("é = 3", "E105"),
        ("a = b\x00", "E105"),
        ("a = b # \u202e", "E105"),
        ('a = "\u2066"', "E105"),
        ("a = b\rc = d", "E105"),
        ("a = b\x0c", "E105"),
        ("a = b\u2028", "E105"),
        (r'a = "\q"', "E105"),
        ('a = "' + "x" * 65_537 + '"', "E107"),
        ("a" * (NAME_LENGTH + 1) + " = 3", "E107"),
        ('a = "' + "\\" * 100_000, "E103"),
        ('a = "x', "E103"),
        ("", "E109"),
        ("# only comments\n" * 1000, "E109"),
        ("mergec 1\n", "E109"),
        ("mergec 2\na = b", "E110"),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else None,
)
def test_refused(text: str, code: str) -> None:
    before = time.process_time()
    assert codes(text) == [code]
    # Generous, for a busy machine: a quadratic step would take minutes.
    assert time.process_time() - before < 10


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "(" * BRACKETS + "b" + ")" * BRACKETS,
        "a = " + "[" * BRACKETS + "b" + "]" * BRACKETS,
        "a = " + "+".join("1" * HEIGHT),
        "a = " + "-" * (HEIGHT - 1) + "1",
        "a = x" + "|>f()" * (HEIGHT - 2),
        "a = [" + "1," * 5_000 + "]",
        "a = match { " + "attn => 1, " * 5_000 + "else => 2 }",
        "a = " + "match { attn => " * BRACKETS + "b" + "}" * BRACKETS,
        "a = match { " + "|".join("c" * (HEIGHT - 1)) + " => 1 }",
        "a = select(b, " + "!" * (HEIGHT - 3) + "c)",
        "a = b" + "[0..1]" * (HEIGHT - 1),
        "a = " + "++".join("b" * HEIGHT),
        "require " + " or ".join("b" * HEIGHT) + ', "why"',
        "require " + "not " * (HEIGHT - 1) + 'b, "why"',
        "def f(" + "a," * 5_000 + ") = b",
        "a = rename(b, " + '"x.*" => "*", ' * 5_000 + ")",
        "a = " + ("not" + " " * 50) * (HEIGHT - 1),
        "a = " + "9" * 40,
        "a = 1e-400",
        "a = 1e308",
        "a" * NAME_LENGTH + " = 3",
        'a = "' + "x" * 65_534 + '"',
        "a = f(b)\r\nc = d\r\n",
    ],
    ids=lambda value: value[:12],
)
def test_read(text: str) -> None:
    result = parse_spec(SourceText("a.merge", text))
    assert result.diagnostics == ()
    formatted = format_spec(result.spec)
    assert parse_spec(SourceText("a.merge", formatted)).spec == result.spec


def test_the_search_for_mistakes_ends() -> None:
    assert codes("$ " * 1_000) == ["E105"] * (DIAGNOSTICS + 1)
    assert codes("a = b c\n" * 1_000) == ["E101"] * DIAGNOSTICS
    assert codes("a\n" * (TOKENS + 1)) == ["E107"]
