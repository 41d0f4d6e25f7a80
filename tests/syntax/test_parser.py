"""What a spec says, as a tree with places; and what is reported when it cannot be read."""

from fractions import Fraction

import pytest

from mergec.diagnostics import SourceText, Span
from mergec.syntax import (
    Binary,
    Binding,
    Bool,
    Both,
    Call,
    Def,
    DefParameter,
    Export,
    Expr,
    Glob,
    Layers,
    ListLiteral,
    Logic,
    Match,
    Name,
    Negate,
    Not,
    Number,
    Param,
    Pipe,
    Range,
    Renaming,
    Require,
    Role,
    Selection,
    Size,
    Slice,
    Spread,
    Statement,
    Text,
    Use,
    Without,
    format_spec,
)
from mergec.syntax.walk import children
from tests.syntax.parsed import parse, place, reports

AT = Span(SourceText("a.merge", ""), 0, 0)  # places do not count in comparisons

FIRST = """\
# code-math.merge
base     = model("./base")
code     = model("./code")
math     = model("./math")
instruct = model("./instruct")

child = ties(base, code, math; density=0.3) |> slerp(instruct, t=0.5)
"""


def expression(text: str) -> Expr:
    """The tree of an expression that has no mistakes."""
    result = parse(f"x = {text}\n")
    assert result.diagnostics == ()
    (statement,) = result.spec.statements
    assert isinstance(statement, Binding)
    return statement.expr


def test_the_first_example_is_a_tree_with_exact_places() -> None:
    spec = parse(FIRST).spec
    assert [statement.span.text for statement in spec.statements] == [
        line for line in FIRST.splitlines() if "=" in line
    ]
    child = spec.statements[-1]
    assert isinstance(child, Binding)
    assert child.name_span.text == "child"
    pipe = child.expr
    assert isinstance(pipe, Pipe)
    ties = pipe.left
    assert isinstance(ties, Call)
    assert ties.span.text == "ties(base, code, math; density=0.3)"
    assert ties.func_span.text == "ties"
    assert [operand.span.text for operand in ties.operands] == ["base", "code", "math"]
    (density,) = ties.keywords
    assert (density.name, density.name_span.text) == ("density", "density")
    assert density.value == Number(Fraction(3, 10), density.span)
    assert density.value.span.text == "0.3"
    assert pipe.call.span.text == "slerp(instruct, t=0.5)"
    assert [(comment.text, comment.own_line) for comment in spec.comments] == [
        ("# code-math.merge", True)
    ]
    assert format_spec(spec) == FIRST


def test_spans_cover_brackets_of_operands_but_not_around_the_whole() -> None:
    expr = expression("((a - b)) |> f()")
    assert isinstance(expr, Pipe)
    assert expr.span.text == "((a - b)) |> f()"
    assert expr.left.span.text == "a - b"


@pytest.mark.parametrize(
    ("text", "bracketed"),
    [
        ("a + b - c", "(a + b) - c"),
        ("a - b*c/d", "a - ((b*c)/d)"),
        ("-a*b", "(-a)*b"),
        ("a*-b", "a*(-b)"),
        ("a + b |> f()", "(a + b) |> f()"),
        ("a |> f() |> g(b)", "(a |> f()) |> g(b)"),
        ("f(a + b |> g())", "f((a + b) |> g())"),
        ("--a", "-(-a)"),
        ("-a[0..4][1..]", "-((a[0..4])[1..])"),
        ("a[0..4] ++ b ++ c*d", "((a[0..4]) ++ b) ++ (c*d)"),
        ("a ++ b |> f()", "(a ++ b) |> f()"),
        ("a + b < c |> f()", "(a + b) < (c |> f())"),
        ("not a < b and c or d", "((not (a < b)) and c) or d"),
        ("a or b and not c", "a or (b and (not c))"),
        ("not(a) and b", "(not a) and b"),
        ("match { attn => a < b, else => c } * d", "(match { attn => (a < b), else => c }) * d"),
        ("f(*(rest - base))", "f(*((rest - base)))"),
        ("select(a + b, c | d & !e)", "select((a + b), c | (d & (!e)))"),
        ("select(a, !(b | c) & d)", "select(a, ((!(b | c)) & d))"),
    ],
)
def test_precedence(text: str, bracketed: str) -> None:
    assert expression(text) == expression(bracketed)


@pytest.mark.parametrize(
    ("text", "kind", "operands"),
    [
        ("not and b", Logic, ["not", "b"]),
        ("not or not not", Logic, ["not", "not not"]),
        ("not - not", Binary, ["not", "not"]),
        ("not [0..4]", Slice, ["not"]),
        ("not[0..4]", Slice, ["not"]),
        ("not (and)", Not, ["and"]),
        ("not\n  (a)", Not, ["a"]),
        ("select + rename", Binary, ["select", "rename"]),
        ("layers(a)", Call, ["a"]),
        ("a |> not(b)", Pipe, ["a", "not(b)"]),
        ("lib.select(a)", Call, ["a"]),
        ("from + to", Binary, ["from", "to"]),
    ],
)
def test_words_with_a_meaning_are_names_elsewhere(
    text: str, kind: type[Expr], operands: list[str]
) -> None:
    expr = expression(text)
    assert isinstance(expr, kind)
    written = [each.span.text for each in children(expr) if not isinstance(each, Number)]
    assert written == operands


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        ("param t: number", Param("t", "number", None, None, None, (), *[AT] * 3)),
        ("param from: to = as", Param("from", "to", Name("as", AT), None, None, (), *[AT] * 3)),
        (
            "## how far\nparam t: number = 0.5 from -1 to n",
            Param(
                "t",
                "number",
                Number(Fraction(1, 2), AT),
                Negate(Number(Fraction(1), AT), AT),
                Name("n", AT),
                ("how far",),
                *[AT] * 3,
            ),
        ),
        (
            "## m\ndef f(a, *rest, k=1,) = a",
            Def(
                "f",
                (DefParameter("a", None, AT),),
                DefParameter("rest", None, AT),
                (DefParameter("k", Number(Fraction(1), AT), AT),),
                Name("a", AT),
                ("m",),
                AT,
                AT,
            ),
        ),
        ("def f() = a", Def("f", (), None, (), Name("a", AT), (), AT, AT)),
        ('## u\nuse "a.merge" as b', Use(Text("a.merge", AT), "b", ("u",), AT, AT)),
        (
            '## r\nrequire a, "why"',
            Require(Name("a", AT), Text("why", AT), ("r",), AT),
        ),
    ],
)
def test_statements(text: str, statement: Statement) -> None:
    result = parse(text)
    assert result.diagnostics == ()
    assert result.spec.statements == (statement,)


def test_a_match_has_arms_with_exact_places() -> None:
    expr = expression('match {\nattn => 0.3, layers(..8) & !"*.bias" => a, else => b |> f(),\n}')
    assert isinstance(expr, Match)
    assert [arm.span.text for arm in expr.arms] == [
        "attn => 0.3",
        'layers(..8) & !"*.bias" => a',
        "else => b |> f()",
    ]
    both = expr.arms[1].selector
    layers = Layers(Range(None, Number(Fraction(8), AT), AT), AT)
    assert both == Both(layers, Without(Glob("*.bias", AT), AT), AT)
    assert both is not None
    assert both.span.text == 'layers(..8) & !"*.bias"'
    assert expr.arms[0].selector == Role("attn", AT)
    assert expr.arms[2].selector is None


def test_views_end_with_a_selection_or_renamings() -> None:
    expr = expression('select(a, attn) |> rename("a.*" => "*", "b" => "c")')
    assert isinstance(expr, Pipe)
    assert isinstance(expr.left, Call)
    assert [each.span.text for each in expr.left.operands] == ["a", "attn"]
    assert isinstance(expr.left.operands[1], Selection)
    assert expr.call.operands == (
        Renaming(Text("a.*", AT), Text("*", AT), AT),
        Renaming(Text("b", AT), Text("c", AT), AT),
    )
    assert [each.span.text for each in expr.call.operands] == ['"a.*" => "*"', '"b" => "c"']


def test_slices_and_spreads_have_exact_places() -> None:
    expr = expression("lib.f(a, *dare(rest - base; density=0.1); k=(b)[n..(n + 2)])")
    assert isinstance(expr, Call)
    assert expr.func_span.text == "lib.f"
    spread = expr.operands[-1]
    assert isinstance(spread, Spread)
    assert spread.span.text == "*dare(rest - base; density=0.1)"
    part = expr.keywords[0].value
    assert isinstance(part, Slice)
    assert (part.span.text, part.range.span.text) == ("(b)[n..(n + 2)]", "n..(n + 2)")


def test_literals_are_exact() -> None:
    expr = expression(r'[0.1, 1e-3, 007, 5GB, 1.5GiB, true, false, "\"\\\n\t é", ]')
    assert isinstance(expr, ListLiteral)
    at = expr.span
    assert expr.items == (
        Number(Fraction(1, 10), at),
        Number(Fraction(1, 1000), at),
        Number(Fraction(7), at),
        Size(Fraction(5), "GB", at),
        Size(Fraction(3, 2), "GiB", at),
        Bool(True, at),
        Bool(False, at),
        Text('"\\\n\t é', at),
    )


@pytest.mark.parametrize("text", ["f(a; k=1)", "f(a, k=1)", "f(a, k=1,)", "f( a,k = 1 )"])
def test_either_sign_may_stand_before_keywords(text: str) -> None:
    assert expression(text) == expression("f(a, k=1)")


@pytest.mark.parametrize(
    ("text", "delta", "expr"),
    [
        ("export delta", False, "delta"),
        ("export delta x", True, "x"),
        ("export delta delta", True, "delta"),
        ("export delta (x - y)", True, "(x - y)"),
        ("export delta(x)", False, "delta(x)"),
        ("export delta - x", False, "delta - x"),
        ("export delta |> f()", False, "delta |> f()"),
        ("export delta [0..8]", False, "delta[0..8]"),
        ("export delta and x", False, "delta and x"),
        ("export delta not x", True, "not x"),
        ('export delta as "n"', False, "delta"),
        ('export delta as as "n"', True, "as"),
        ("export delta # why\n  x", True, "x"),
        ("export delta # why\n  + x", False, "delta + x"),
        ('export delta # why\n  as # "n"\n  "n"', False, "delta"),
    ],
)
def test_delta_is_a_name_unless_an_expression_follows(text: str, delta: bool, expr: str) -> None:
    result = parse(text)
    assert result.diagnostics == ()
    (statement,) = result.spec.statements
    assert isinstance(statement, Export)
    assert (statement.delta, statement.expr) == (delta, expression(expr))


def test_words_that_are_not_reserved_are_names() -> None:
    assert reports("as = f(delta, mergec)\nmergec = as\nexporter = true_\n") == []


def test_an_export_has_a_name_and_settings() -> None:
    (statement,) = parse('export a - b as "n" {\n  dtype = bf16, shard = 5GB,\n}\n').spec.statements
    assert isinstance(statement, Export)
    assert isinstance(statement.expr, Binary)
    assert statement.name is not None
    assert (statement.name.value, statement.name.span.text) == ("n", '"n"')
    assert [(each.name, each.value.span.text) for each in statement.settings] == [
        ("dtype", "bf16"),
        ("shard", "5GB"),
    ]


def test_the_lines_above_a_statement_document_it() -> None:
    spec = parse("## far\n\n# plain\n## one\n##two\nx = a\n## after\n\n### rule\ny = b\n").spec
    assert [statement.docs for statement in spec.statements] == [("one", "two"), ()]
    assert [comment.text for comment in spec.comments] == [
        "## far",
        "# plain",
        "## after",
        "### rule",
    ]


def test_the_edition_is_the_first_line() -> None:
    assert parse("mergec 1  # ours\nx = a\n").spec.edition == 1
    assert parse("x = a\n").spec.edition is None
    assert parse("mergec = a\n").spec.edition is None
    assert reports("# ours\nmergec 1\nx = a\n") == [
        ("E101", "2:1-2:7", "`mergec` begins no statement")
    ]
    assert reports("x = a\nmergec 1\n") == [("E101", "2:1-2:7", "unexpected `mergec`")]


def test_the_place_of_a_span_is_that_of_an_editor() -> None:
    (found,) = parse("x = a\r\ny = é\r\n").diagnostics
    assert place(found) == "2:5-2:6"
    assert isinstance(found.span, Span)
    assert isinstance(expression("-a"), Negate)
    assert isinstance(expression("a"), Name)
