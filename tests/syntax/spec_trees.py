"""Syntax trees of every kind, and texts that write one tree in many ways."""

import re
from fractions import Fraction
from random import Random

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
)
from mergec.syntax.literals import UNITS
from mergec.syntax.scan import RESERVED

_HERE = Span(SourceText("made.merge", ""), 0, 0)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\|>|[A-Za-z_]\w*|[0-9](?:[eE][+-]|[\w.])*|\S')

names = st.one_of(
    st.sampled_from(["base", "code", "as", "delta", "mergec", "as_model", "exporter", "_"]),
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True),
).filter(lambda name: name not in RESERVED)

# What the language refuses even in strings is left out: controls and line separators.
_characters = st.characters(
    exclude_categories=("Cs", "Cc", "Zl", "Zp", "Cf"), include_characters='\\"#\n\tß中'
)
strings = st.text(_characters, max_size=12)
docs = st.lists(st.from_regex(r"[a-z# ]{0,12}", fullmatch=True).map(str.rstrip), max_size=2)


@st.composite
def numbers(draw: st.DrawFn) -> Number:
    """Numbers that a decimal literal can write."""
    digits = draw(st.integers(0, 10**12) | st.integers(0, 10**38))
    exponent = draw(st.integers(-300, 200) | st.integers(-6, 6))
    return Number(digits * Fraction(10) ** exponent, _HERE)


@st.composite
def _leaves(draw: st.DrawFn) -> Expr:
    match draw(st.integers(0, 4)):
        case 0:
            return Name(draw(names), _HERE)
        case 1:
            return draw(numbers())
        case 2:
            count = Fraction(draw(st.integers(0, 10**6)))
            return Size(count, draw(st.sampled_from(sorted(UNITS))), _HERE)
        case 3:
            return Text(draw(strings), _HERE)
        case _:
            return Bool(draw(st.booleans()), _HERE)


@st.composite
def _keywords(draw: st.DrawFn, values: st.SearchStrategy[Expr]) -> Keyword:
    return Keyword(draw(names), draw(values), _HERE, _HERE)


@st.composite
def _calls(draw: st.DrawFn, inner: st.SearchStrategy[Expr]) -> Call:
    operands = tuple(draw(st.lists(inner, max_size=3)))
    keywords = tuple(draw(st.lists(_keywords(inner), max_size=2)))
    return Call(draw(names), operands, keywords, _HERE, _HERE)


@st.composite
def _larger(draw: st.DrawFn, inner: st.SearchStrategy[Expr]) -> Expr:
    match draw(st.integers(0, 4)):
        case 0:
            return draw(_calls(inner))
        case 1:
            return ListLiteral(tuple(draw(st.lists(inner, max_size=3))), _HERE)
        case 2:
            return Negate(draw(inner), _HERE)
        case 3:
            sign = draw(st.sampled_from("+-*/"))
            return Binary(sign, draw(inner), draw(inner), _HERE)
        case _:
            return Pipe(draw(inner), draw(_calls(inner)), _HERE)


expressions = st.recursive(_leaves(), _larger, max_leaves=12)


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    """A binding or an export."""
    above = tuple(draw(docs))
    expr = draw(expressions)
    if draw(st.booleans()):
        return Binding(draw(names), expr, above, _HERE, _HERE)
    name = draw(st.none() | strings)
    return Export(
        expr,
        draw(st.booleans()),
        None if name is None else Text(name, _HERE),
        tuple(draw(st.lists(_keywords(expressions), max_size=3))),
        above,
        _HERE,
    )


@st.composite
def specs(draw: st.DrawFn) -> SpecFile:
    """A spec of one to four statements, without comments."""
    edition = draw(st.sampled_from([None, 1]))
    return SpecFile(edition, tuple(draw(st.lists(statements(), min_size=1, max_size=4))), (), _HERE)


def scatter(text: str, random: Random) -> tuple[str, list[str]]:
    """A formatted spec with comments and line breaks put between tokens, and those comments."""
    comments: list[str] = []
    lines: list[str] = []
    for number, line in enumerate(text.splitlines()):
        if line.startswith("##") or (number == 0 and re.match(r"mergec \d", line)):
            lines.append(line)
            continue
        out, end = "", 0
        for token in _TOKEN.finditer(line):
            if out and token.group() != "(":  # `export delta (x)` is not `export delta(x)`
                out += random.choice(["", "", "", "", "\n  ", " ", "\n "])
                if random.random() < 0.2:
                    comments.append(f"{random.choice(['#', '##', '# #'])} note {len(comments)}")
                    out += f" {comments[-1]}\n    "
            out += line[end : token.end()]
            end = token.end()
        lines.append(out)
        if random.random() < 0.2:
            comments.append(f"# note {len(comments)}")
            lines.append(random.choice(["", "\n\n", "    "]) + comments[-1] + "\n")
    return "\n".join(lines) + "\n", comments
