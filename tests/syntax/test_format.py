"""The one way to write things, by example."""

import pytest

from mergec.diagnostics import SourceText
from mergec.syntax import format_spec, parse_spec


def formatted(text: str) -> str:
    result = parse_spec(SourceText("a.merge", text))
    assert result.diagnostics == ()
    once = format_spec(result.spec)
    assert format_spec(parse_spec(SourceText("a.merge", once)).spec) == once
    return once


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("x=f( a,b,k = 1 )", "x = f(a, b; k=1)"),
        ("x = f(a; k=1)", "x = f(a, k=1)"),
        ("x = f(k=1,)", "x = f(k=1)"),
        ("x = a+b |> f()", "x = (a + b) |> f()"),
        ("x = a*b |> f()", "x = a*b |> f()"),
        ("x = base + 0.7 * (code-base)", "x = base + 0.7*(code - base)"),
        ("x = (a - (b - c)) + (d * e)", "x = a - (b - c) + d*e"),
        ("x = a / (b / c)", "x = a/(b/c)"),
        ("x = -(a + b)", "x = -(a + b)"),
        ("x = ((a)) - (-b)", "x = a - -b"),
        ("x = (a |> f()) + b", "x = (a |> f()) + b"),
        ("x = f((a |> g()))", "x = f(a |> g())"),
        ("x = [1.50, 1e-3, 1E3, 1e30, 0.0, 5.0GB]", "x = [1.5, 0.001, 1000, 1e30, 0, 5GB]"),
        ('export(a)as"n"{dtype=bf16,}', 'export a as "n" { dtype = bf16 }'),
        ("export a {}", "export a"),
        ("export delta (-a)", "export delta (-a)"),
        ("export delta (a - b)", "export delta a - b"),
        ("x = a\n\n\n\ny = b", "x = a\n\ny = b"),
        ("\n\n# c\n\n\nx = a # d\n## e\ny = b\n#f", "# c\n\nx = a  # d\n## e\ny = b\n#f"),
        ("long = a\nx = b\n\ny = c", "long = a\nx    = b\n\ny = c"),
        ("long = a\n# c\nx = b", "long = a\n# c\nx = b"),
        ("mergec 1 # c\nx = a", "mergec 1  # c\nx = a"),
        ("x = a + # c\n  b", "x = a  # c\n    + b"),
        ("x = a * # c\n  b", "# c\nx = a*b"),
        ("x = # c\n a # d\n # e\n", "# c\nx = a  # d\n# e"),
    ],
)
def test_short(text: str, canonical: str) -> None:
    assert formatted(text) == canonical + "\n"


def test_long_lines_are_broken() -> None:
    operands = ", ".join(f"operand_number_{n}" for n in range(7))
    assert formatted(f"child = ties({operands}, density=0.3)") == (
        "child = ties(\n"
        + "".join(f"    operand_number_{n},\n" for n in range(6))
        + "    operand_number_6;\n"
        "    density=0.3,\n"
        ")\n"
    )


def test_a_long_chain_has_a_stage_or_term_a_line() -> None:
    calls = " |> ".join(f"stage(operand_number_{n}, t=0.{n})" for n in range(1, 4))
    assert formatted(f"child = linear(a, b) |> {calls}") == (
        "child = linear(a, b)\n"
        "  |> stage(operand_number_1, t=0.1)\n"
        "  |> stage(operand_number_2, t=0.2)\n"
        "  |> stage(operand_number_3, t=0.3)\n"
    )
    terms = " + ".join(f"0.{n}*(expert_number_{n} - base)" for n in range(1, 5))
    assert formatted(f"child = base + {terms}") == (
        "child = base\n" + "".join(f"    + 0.{n}*(expert_number_{n} - base)\n" for n in range(1, 5))
    )


def test_comments_stay_with_what_they_stand_at() -> None:
    text = """\
child = ties(
    # the one they came from
    base,
    code,  # skills
    math;
    density=0.3,
    # no weights
)
  # a little
  |> slerp(instruct, t=0.5)  # end
sum = base
    + 0.7*(code - base)  # code
    # and mathematics
    + 0.3*(math - base)
export child as "child" {
    dtype = bf16,  # as the base
    # small
    shard = 1GB,
}
"""
    assert formatted(text) == text
