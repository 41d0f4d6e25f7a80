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
        ("param  t:number=5e-1 from(0)to 1", "param t: number = 0.5 from 0 to 1"),
        ("param t:model", "param t: model"),
        ("def f( a,*rest,k = 0.30, )=a", "def f(a, *rest, k=0.3) = a"),
        ("def f()=a", "def f() = a"),
        ('use"x"as y', 'use "x" as y'),
        ('require(a<b)and(not c),"w"', 'require a < b and not c, "w"'),
        ('require not(a and b)or(c),"w"', 'require not (a and b) or c, "w"'),
        ("x = (not) and (b or c)", "x = not and (b or c)"),
        ("x = not ([a])", "x = not ([a])"),
        ("x = not (to) and not (-a)", "x = not (to) and not (-a)"),
        ("export delta ([a])", "export delta ([a])"),
        ("export delta (and)", "export delta (and)"),
        ("x = (a < b) == (c |> f())", "x = (a < b) == c |> f()"),
        ("x = a [0 .. (n)] [ (n+1) ..]", "x = a[0..n][(n + 1)..]"),
        ("x = (-a)[..8]", "x = (-a)[..8]"),
        ("x = -(a[..8])", "x = -a[..8]"),
        ("x = (a++b)++(c++d)", "x = a ++ b ++ (c ++ d)"),
        ("x = (a+b)++(c)", "x = (a + b) ++ c"),
        ("x = (a++b)-c", "x = (a ++ b) - c"),
        ("x = a++b|>f()", "x = (a ++ b) |> f()"),
        ("x = f(a,*(rest))", "x = f(a, *rest)"),
        ("x = f(*(a*b),k=1)", "x = f(*(a*b), k=1)"),
        ("x = match{attn=>1,else=>2,}*a", "x = match { attn => 1, else => 2 }*a"),
        ("x = match{(a&b)|(!(c))|d&(e|f)=>1}", "x = match { a & b | !c | d & (e | f) => 1 }"),
        ("x = match{!(a&b)|(c|d)=>1}", "x = match { !(a & b) | (c | d) => 1 }"),
        ("x = select(a,layers( 0..8 )&!bias,)", "x = select(a, layers(0..8) & !bias)"),
        ('x = rename(a,"b"=>"c",)', 'x = rename(a, "b" => "c")'),
        ("a = b\nlong = c\ndef f() = a\nd = e", "a    = b\nlong = c\ndef f() = a\nd = e"),
        ("def f(a) = # c\n b", "# c\ndef f(a) = b"),
        ('require a # c\n and b, # d\n "w"', '# d\nrequire a  # c\n    and b, "w"'),
        ('use # c\n "x" as y', '# c\nuse "x" as y'),
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


def test_a_long_match_has_an_arm_a_line() -> None:
    arms = ", ".join(f"layers({n}..{n + 1}) & attn => expert_number_{n}" for n in range(3))
    assert formatted(f"child = match {{ {arms}, else => base }}") == (
        "child = match {\n"
        + "".join(f"    layers({n}..{n + 1}) & attn => expert_number_{n},\n" for n in range(3))
        + "    else => base,\n"
        "}\n"
    )


def test_long_statements_of_other_kinds_are_broken() -> None:
    parameters = ", ".join(f"operand_number_{n}" for n in range(6))
    assert formatted(f"def merged({parameters}, *rest, t=0.5) = base") == (
        "def merged(\n" + "".join(f"    operand_number_{n},\n" for n in range(6)) + "    *rest,\n"
        "    t=0.5,\n"
        ") = base\n"
    )
    conditions = " and ".join(f"norm(expert_number_{n} - base) < 3" for n in range(3))
    assert formatted(f'require {conditions}, "why"') == (
        "require norm(expert_number_0 - base) < 3\n"
        "    and norm(expert_number_1 - base) < 3\n"
        '    and norm(expert_number_2 - base) < 3, "why"\n'
    )
    parts = " ++ ".join(f"expert_number_{n}[{n}..{n + 8}]" for n in range(5))
    assert formatted(f"child = {parts}") == (
        "child = expert_number_0[0..8]\n"
        + "".join(f"    ++ expert_number_{n}[{n}..{n + 8}]\n" for n in range(1, 5))
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
def merged(
    a,  # the first
    # all others
    *rest,
    t=0.5,
) = slerp(a, linear(*rest); t=t)
mixed = match {
    # the heads
    attn => base,
    mlp => code,  # skills
    else => linear(
        base,  # inside an arm
    ),
    # no more
}
view = rename(
    mixed,
    "model.*" => "*",  # a tower
)
require finite(child)  # first
    # second
    and norm(child - base) < 3, "why"
"""
    assert formatted(text) == text
