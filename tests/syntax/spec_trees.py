"""Syntax trees of every kind, and texts that write one tree in many ways."""

import re
from fractions import Fraction
from random import Random

from hypothesis import strategies as st

from mergec.diagnostics import SourceText, Span
from mergec.syntax import (
    Arm,
    Binary,
    Binding,
    Bool,
    Both,
    Call,
    Compare,
    Def,
    DefParameter,
    Either,
    Export,
    Expr,
    Glob,
    Keyword,
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
    Selector,
    Size,
    Slice,
    SpecFile,
    Spread,
    Statement,
    Text,
    Use,
    Without,
)
from mergec.syntax.literals import UNITS
from mergec.syntax.scan import RESERVED

_HERE = Span(SourceText("made.merge", ""), 0, 0)
_TOKEN = re.compile(
    r"""
      "(?:[^"\\]|\\.)*"
    | \|> | \.\. | \+\+ | => | [=<>!]=
    | [A-Za-z_]\w* (?:\.[A-Za-z_]\w*)?
    | [0-9] (?:[eE][+-]|\w|\.(?!\.))*
    | \S
    """,
    re.VERBOSE,
)
_MEANINGFUL = ["as", "delta", "mergec", "not", "and", "or", "from", "to", "select", "layers"]

names = st.one_of(
    st.sampled_from(["base", "code", "as_model", "exporter", "_", "rename", *_MEANINGFUL]),
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True),
).filter(lambda name: name not in RESERVED)
_dotted = names | st.tuples(names, names).map(".".join)
# Before a bracket these three have a meaning of their own.
_called = _dotted.filter(lambda name: name not in ("not", "select", "rename"))

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
            return Name(draw(_dotted), _HERE)
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
    operands = draw(st.lists(inner, max_size=3))
    if draw(st.booleans()):
        operands.append(Spread(draw(inner), _HERE))
    keywords = tuple(draw(st.lists(_keywords(inner), max_size=2)))
    return Call(draw(_called), tuple(operands), keywords, _HERE, _HERE)


@st.composite
def _ranges(draw: st.DrawFn, bounds: st.SearchStrategy[Expr]) -> Range:
    lo, hi = draw(st.tuples(st.none() | bounds, st.none() | bounds).filter(any))
    return Range(lo, hi, _HERE)


def _selectors(bounds: st.SearchStrategy[Expr]) -> st.SearchStrategy[Selector]:
    leaves = st.one_of(
        names.map(lambda name: Role(name, _HERE)),
        strings.map(lambda text: Glob(text, _HERE)),
        _ranges(bounds).map(lambda layers: Layers(layers, _HERE)),
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            inner.map(lambda each: Without(each, _HERE)),
            st.tuples(inner, inner).map(lambda two: Both(*two, _HERE)),
            st.tuples(inner, inner).map(lambda two: Either(*two, _HERE)),
        ),
        max_leaves=4,
    )


@st.composite
def _views(draw: st.DrawFn, inner: st.SearchStrategy[Expr], piped: bool) -> Call:
    """A `select` or `rename`, its first operand left out if it stands after a pipe."""
    operands = [] if piped else [draw(inner)]
    if draw(st.booleans()):
        selection = Selection(draw(_selectors(inner)), _HERE)
        return Call("select", (*operands, selection), (), _HERE, _HERE)
    texts = strings.map(lambda text: Text(text, _HERE))
    renamings = st.builds(Renaming, texts, texts, st.just(_HERE))
    rules = draw(st.lists(renamings, min_size=1, max_size=2))
    return Call("rename", (*operands, *rules), (), _HERE, _HERE)


@st.composite
def _matches(draw: st.DrawFn, inner: st.SearchStrategy[Expr]) -> Match:
    arms = [
        Arm(selector, draw(inner), _HERE)
        for selector in draw(st.lists(_selectors(inner), max_size=2))
    ]
    if not arms or draw(st.booleans()):
        arms.append(Arm(None, draw(inner), _HERE))
    return Match(tuple(arms), _HERE)


@st.composite
def _larger(draw: st.DrawFn, inner: st.SearchStrategy[Expr]) -> Expr:
    match draw(st.integers(0, 10)):
        case 0:
            return draw(_calls(inner))
        case 1:
            return ListLiteral(tuple(draw(st.lists(inner, max_size=3))), _HERE)
        case 2:
            return Negate(draw(inner), _HERE)
        case 3:
            return Not(draw(inner), _HERE)
        case 4:
            sign = draw(st.sampled_from(["+", "-", "*", "/", "++"]))
            return Binary(sign, draw(inner), draw(inner), _HERE)
        case 5:
            sign = draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!=", "in"]))
            return Compare(sign, draw(inner), draw(inner), _HERE)
        case 6:
            return Logic(draw(st.sampled_from(["and", "or"])), draw(inner), draw(inner), _HERE)
        case 7:
            return Slice(draw(inner), draw(_ranges(inner)), _HERE)
        case 8:
            return draw(_matches(inner))
        case 9:
            return draw(_views(inner, piped=False))
        case _:
            return Pipe(draw(inner), draw(_calls(inner) | _views(inner, piped=True)), _HERE)


expressions = st.recursive(_leaves(), _larger, max_leaves=12)


@st.composite
def _exports(draw: st.DrawFn, above: tuple[str, ...]) -> Export:
    name = draw(st.none() | strings)
    return Export(
        draw(expressions),
        draw(st.booleans()),
        None if name is None else Text(name, _HERE),
        tuple(draw(st.lists(_keywords(expressions), max_size=3))),
        above,
        _HERE,
    )


@st.composite
def _params(draw: st.DrawFn, above: tuple[str, ...]) -> Param:
    default = draw(st.none() | expressions)
    lo, hi = draw(st.just((None, None)) | st.tuples(expressions, expressions))
    return Param(draw(names), draw(names), default, lo, hi, above, _HERE, _HERE, _HERE)


@st.composite
def _defs(draw: st.DrawFn, above: tuple[str, ...]) -> Def:
    plain = names.map(lambda name: DefParameter(name, None, _HERE))
    operands = tuple(draw(st.lists(plain, max_size=2)))
    rest = draw(st.none() | plain)
    keyword = st.builds(DefParameter, names, expressions, st.just(_HERE))
    keywords = tuple(draw(st.lists(keyword, max_size=2)))
    expr = draw(expressions)
    return Def(draw(names), operands, rest, keywords, expr, above, _HERE, _HERE)


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    """A statement of any kind."""
    above = tuple(draw(docs))
    match draw(st.integers(0, 5)):
        case 0:
            return draw(_exports(above))
        case 1:
            return draw(_params(above))
        case 2:
            return draw(_defs(above))
        case 3:
            return Use(Text(draw(strings), _HERE), draw(names), above, _HERE, _HERE)
        case 4:
            return Require(draw(expressions), Text(draw(strings), _HERE), above, _HERE)
        case _:
            return Binding(draw(names), draw(expressions), above, _HERE, _HERE)


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
