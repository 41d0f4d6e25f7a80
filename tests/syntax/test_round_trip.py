"""What the formatter writes means what was read, keeps every comment, and is final."""

import re
from fractions import Fraction
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from mergec.diagnostics import SourceText, Span
from mergec.syntax import (
    Binary,
    Binding,
    Bool,
    Call,
    Export,
    Expr,
    Keyword,
    ListLiteral,
    Name,
    Negate,
    Number,
    Pipe,
    Size,
    SpecFile,
    Statement,
    Text,
    format_spec,
    parse_spec,
)
from mergec.syntax.literals import UNITS

_HERE = Span(SourceText("made", ""), 0, 0)
_RESERVED = set("param def use export require match else true false".split())
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\|>|[A-Za-z_]\w*|[0-9](?:[eE][+-]|[\w.])*|\S')

names = st.one_of(
    st.sampled_from(["base", "code", "as", "delta", "mergec", "as_model", "exporter", "_"]),
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True),
).filter(lambda name: name not in _RESERVED)
# As the language has them: no controls, no bidirectional marks, no line separators.
strings = st.text(
    st.characters(
        exclude_categories=("Cs", "Cc", "Zl", "Zp", "Cf"), include_characters='\\"#\n\tß中'
    ),
    max_size=12,
)
decimals = st.builds(
    lambda digits, exponent: Fraction(digits) * Fraction(10) ** exponent,
    st.integers(0, 10**12) | st.integers(0, 10**38),
    st.integers(-300, 200) | st.integers(-6, 6),
)


def expressions() -> st.SearchStrategy[Expr]:
    """Trees of every kind of node, each small."""
    leaves: st.SearchStrategy[Expr] = st.one_of(
        names.map(lambda name: Name(name, _HERE)),
        decimals.map(lambda value: Number(value, _HERE)),
        st.builds(
            lambda count, unit: Size(Fraction(count), unit, _HERE),
            st.integers(0, 10**6),
            st.sampled_from(sorted(UNITS)),
        ),
        strings.map(lambda value: Text(value, _HERE)),
        st.booleans().map(lambda value: Bool(value, _HERE)),
    )
    return st.recursive(leaves, _larger, max_leaves=12)


def _larger(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    calls = st.builds(
        lambda func, operands, keywords: Call(
            func, tuple(operands), tuple(keywords), _HERE, _HERE
        ),
        names,
        st.lists(inner, max_size=3),
        st.lists(keywords_of(inner), max_size=2),
    )
    return st.one_of(
        calls,
        st.lists(inner, max_size=3).map(lambda items: ListLiteral(tuple(items), _HERE)),
        inner.map(lambda operand: Negate(operand, _HERE)),
        st.builds(
            lambda op, left, right: Binary(op, left, right, _HERE),
            st.sampled_from("+-*/"),
            inner,
            inner,
        ),
        st.builds(lambda left, call: Pipe(left, call, _HERE), inner, calls),
    )


def keywords_of(values: st.SearchStrategy[Expr]) -> st.SearchStrategy[Keyword]:
    """A keyword parameter or setting."""
    return st.builds(lambda name, value: Keyword(name, value, _HERE, _HERE), names, values)


docs = st.lists(
    st.from_regex(r"[a-z# ]{0,12}", fullmatch=True).map(str.rstrip), max_size=2
).map(tuple)
statements: st.SearchStrategy[Statement] = st.one_of(
    st.builds(
        lambda name, expr, doc: Binding(name, expr, doc, _HERE, _HERE),
        names,
        expressions(),
        docs,
    ),
    st.builds(
        lambda expr, delta, name, settings, doc: Export(
            expr, delta, name, tuple(settings), doc, _HERE
        ),
        expressions(),
        st.booleans(),
        st.none() | strings.map(lambda value: Text(value, _HERE)),
        st.lists(keywords_of(expressions()), max_size=3),
        docs,
    ),
)
specs = st.builds(
    lambda edition, each: SpecFile(edition, tuple(each), (), _HERE),
    st.sampled_from([None, 1]),
    st.lists(statements, min_size=1, max_size=4),
)


def parsed(text: str) -> SpecFile:
    result = parse_spec(SourceText("made.merge", text))
    assert result.diagnostics == ()
    return result.spec


@given(specs)
def test_what_is_printed_parses_to_the_same_tree(spec: SpecFile) -> None:
    text = format_spec(spec)
    assert parsed(text) == spec
    assert format_spec(parsed(text)) == text


@given(specs, st.randoms(use_true_random=False))
def test_comments_and_line_breaks_anywhere_change_no_meaning(
    spec: SpecFile, random: Random
) -> None:
    text, comments = scatter(format_spec(spec), random)
    messy = parsed(text)
    assert messy == spec
    once = format_spec(messy)
    again = parsed(once)
    assert again == spec
    assert sorted(bare(comment.text) for comment in again.comments) == sorted(map(bare, comments))
    assert format_spec(again) == once


def scatter(text: str, random: Random) -> tuple[str, list[str]]:
    """`text` with comments and line breaks between any two tokens of its statements."""
    choice = random.choice
    comments: list[str] = []
    lines: list[str] = []
    for number, line in enumerate(text.splitlines()):
        if line.startswith("##") or line.startswith("mergec ") and number == 0:
            lines.append(line)
            continue
        out = ""
        for token in _TOKEN.finditer(line):
            gap = choice(["", "", "", " ", "\n  ", "comment", "own"]) if out else ""
            if gap in ("comment", "own"):
                comments.append(f"{choice(['#', '##', '# #'])} note {len(comments)}")
                gap = (" " if gap == "comment" else "\n ") + comments[-1] + "\n    "
            out += (gap or " ") + token.group() if out else line[: token.start()] + token.group()
        lines.append(out)
    return "\n".join(lines) + "\n", comments


def bare(comment: str) -> str:
    """A comment moved above a statement has one `#`, lest it become the statement's docs."""
    return comment.lstrip("#")
