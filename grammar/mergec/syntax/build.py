"""From lark's parse tree of one statement to our nodes."""

from typing import Any

from lark import Token, Tree
from lark.tree import Meta

from mergec.diagnostics import Diagnostic, SourceText, Span
from mergec.syntax import limits, literals
from mergec.syntax.nodes import (
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
    Statement,
    Text,
)
from mergec.syntax.walk import height


def build_statement(
    source: SourceText, tree: "Tree[Token]", docs: tuple[str, ...]
) -> tuple[Statement, tuple[Diagnostic, ...]]:
    """The node of a statement, and what is wrong with the order of its operands (E112, E101).

    Also E108, if it is nested deeper than 200 levels: then no walk over it is safe.
    """
    builder = _Builder(source, docs)
    statement = builder.build(tree)
    levels = height(statement.expr)
    if isinstance(statement, Export):
        levels = max([levels, *(height(setting.value) for setting in statement.settings)])
    if levels > limits.HEIGHT:
        builder.report(
            "E108",
            f"this expression is {levels} levels deep, and {limits.HEIGHT} is the limit",
            statement.expr.span,
            "every operator, call and bracket is a level",
            "bind a part of it to a name, or write a sum as `linear(a, b; weights=[1, 1])`",
        )
    return statement, tuple(builder.found)


class _Builder:
    """One method for each rule of `merge.lark`, called with the parts that were built before."""

    def __init__(self, source: SourceText, docs: tuple[str, ...]) -> None:
        self.source = source
        self.docs = docs
        self.found: list[Diagnostic] = []

    def build(self, tree: "Tree[Token]") -> Statement:
        """Builds from the leaves up and without recursion, for nothing bounds the depth yet."""
        built: dict[int, Any] = {}
        for each in tree.iter_subtrees():
            parts = [built[id(part)] if isinstance(part, Tree) else part for part in each.children]
            built[id(each)] = getattr(self, each.data)(each.meta, parts)
        statement: Statement = built[id(tree)]
        return statement

    def start(self, meta: Meta, parts: list[Any]) -> Statement:
        statement: Statement = parts[0]
        return statement

    def binding(self, meta: Meta, parts: list[Any]) -> Binding:
        name, expr = parts
        return Binding(str(name), expr, self.docs, self.span(meta), self.token(name))

    def export(self, meta: Meta, parts: list[Any]) -> Export:
        delta = isinstance(parts[0], Token) and parts[0].type == "DELTA"
        expr, *rest = parts[1:] if delta else parts
        name: Text | None = None
        settings: tuple[Keyword, ...] = ()
        for part in rest:
            if isinstance(part, Token):
                name = Text(literals.string_value(part), self.token(part))
            else:
                settings = part
        return Export(expr, delta, name, settings, self.docs, self.span(meta))

    def settings(self, meta: Meta, parts: list[Any]) -> tuple[Keyword, ...]:
        return tuple(parts)

    def keyword(self, meta: Meta, parts: list[Any]) -> Keyword:
        name, value = parts
        return Keyword(str(name), value, self.span(meta), self.token(name))

    def pipe(self, meta: Meta, parts: list[Any]) -> Pipe:
        left, call = parts
        return Pipe(left, call, self.span(meta))

    def binary(self, meta: Meta, parts: list[Any]) -> Binary:
        left, sign, right = parts
        return Binary(str(sign), left, right, self.span(meta))

    def negate(self, meta: Meta, parts: list[Any]) -> Negate:
        return Negate(parts[0], self.span(meta))

    def bracketed(self, meta: Meta, parts: list[Any]) -> Expr:
        inner: Expr = parts[0]
        return inner

    def list_literal(self, meta: Meta, parts: list[Any]) -> ListLiteral:
        return ListLiteral(tuple(parts), self.span(meta))

    def name(self, meta: Meta, parts: list[Any]) -> Name:
        return Name(str(parts[0]), self.span(meta))

    def number(self, meta: Meta, parts: list[Any]) -> Number:
        return Number(literals.number_value(parts[0]), self.span(meta))

    def size(self, meta: Meta, parts: list[Any]) -> Size:
        return Size(*literals.size_count(str(parts[0])), self.span(meta))

    def text(self, meta: Meta, parts: list[Any]) -> Text:
        return Text(literals.string_value(parts[0]), self.span(meta))

    def true(self, meta: Meta, parts: list[Any]) -> Bool:
        return Bool(True, self.span(meta))

    def false(self, meta: Meta, parts: list[Any]) -> Bool:
        return Bool(False, self.span(meta))

    def call(self, meta: Meta, parts: list[Any]) -> Call:
        func, *arguments = parts
        operands: list[Expr] = []
        keywords: list[Keyword] = []
        semicolon = False
        for argument in arguments:
            if isinstance(argument, Token):
                if semicolon or keywords:
                    self.second_semicolon(argument)
                semicolon = True
            elif isinstance(argument, Keyword):
                keywords.append(argument)
            else:
                if semicolon or keywords:
                    self.late_operand(argument, keywords)
                operands.append(argument)
        return Call(str(func), tuple(operands), tuple(keywords), self.span(meta), self.token(func))

    def second_semicolon(self, sign: Token) -> None:
        self.report(
            "E101",
            "`;` stands between operands and keywords, once",
            self.token(sign),
            "",
            "write `,` here",
        )

    def late_operand(self, operand: Expr, keywords: list[Keyword]) -> None:
        after = f"the keyword `{keywords[-1].name}`" if keywords else "`;`"
        self.report(
            "E112",
            f"an operand stands after {after}",
            operand.span,
            "this is an operand",
            "write the operands first, then the keywords, as in `f(a, b; k=1)`",
        )

    def report(self, code: str, message: str, span: Span, label: str, help: str) -> None:
        self.found.append(Diagnostic(code, message, span, label, help=(help,)))

    def span(self, meta: Meta) -> Span:
        return Span(self.source, meta.start_pos, meta.end_pos)

    def token(self, token: Token) -> Span:
        return Span(self.source, token.start_pos or 0, token.end_pos or 0)
