"""From lark's parse tree of one statement to our nodes."""

from collections.abc import Sequence
from typing import Any

from lark import Token, Tree
from lark.tree import Meta

from mergec.diagnostics import Diagnostic, Label, SourceText, Span
from mergec.syntax import limits, literals
from mergec.syntax.nodes import (
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
    Spread,
    Statement,
    Text,
    Use,
    Without,
)
from mergec.syntax.walk import expressions, height


def build_statement(
    source: SourceText, tree: "Tree[Token]", docs: tuple[str, ...]
) -> tuple[Statement, tuple[Diagnostic, ...]]:
    """The node of a statement, and what is wrong with its order (E101, E112, E113).

    Also E108, if it is nested deeper than 200 levels: then no walk over it is safe.
    """
    builder = _Builder(source, docs)
    statement = builder.build(tree)
    highest = max(expressions(statement), key=height, default=None)
    if highest is not None and (levels := height(highest)) > limits.HEIGHT:
        builder.report(
            "E108",
            f"this expression is {levels} levels deep, and {limits.HEIGHT} is the limit",
            highest.span,
            "every operator, call, selector and bracket is a level",
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
                name = self.quoted(part)
            else:
                settings = part
        return Export(expr, delta, name, settings, self.docs, self.span(meta))

    def settings(self, meta: Meta, parts: list[Any]) -> tuple[Keyword, ...]:
        return tuple(parts)

    def param(self, meta: Meta, parts: list[Any]) -> Param:
        name, kind, *rest = parts
        default, lo, hi = None, None, None
        for part in rest:
            if len(part) == 1:
                (default,) = part
            else:
                lo, hi = part
        spans = (self.span(meta), self.token(name), self.token(kind))
        return Param(str(name), str(kind), default, lo, hi, self.docs, *spans)

    def default(self, meta: Meta, parts: list[Any]) -> tuple[Expr]:
        return (parts[0],)

    def bounds(self, meta: Meta, parts: list[Any]) -> tuple[Expr, Expr]:
        return (parts[0], parts[1])

    def define(self, meta: Meta, parts: list[Any]) -> Def:
        name, *parameters, expr = parts
        operands: list[DefParameter] = []
        rests: list[DefParameter] = []
        keywords: list[DefParameter] = []
        for parameter, spread in parameters:
            if spread:
                if rests or keywords:
                    self.late_rest(parameter)
                rests.append(parameter)
            elif parameter.default is not None:
                keywords.append(parameter)
            else:
                if keywords:
                    self.late_parameter(parameter, keywords[-1])
                elif rests:
                    self.late_rest(rests[-1])
                operands.append(parameter)
        rest = rests[0] if rests else None
        return Def(
            str(name),
            tuple(operands),
            rest,
            tuple(keywords),
            expr,
            self.docs,
            self.span(meta),
            self.token(name),
        )

    def parameter(self, meta: Meta, parts: list[Any]) -> tuple[DefParameter, bool]:
        """A parameter of a macro, and whether it collects the rest."""
        if parts[0].type == "STAR":
            return DefParameter(str(parts[1]), None, self.span(meta)), True
        default = parts[1] if len(parts) > 1 else None
        return DefParameter(str(parts[0]), default, self.span(meta)), False

    def use(self, meta: Meta, parts: list[Any]) -> Use:
        path, name = parts
        return Use(self.quoted(path), str(name), self.docs, self.span(meta), self.token(name))

    def require(self, meta: Meta, parts: list[Any]) -> Require:
        condition, why = parts
        return Require(condition, self.quoted(why), self.docs, self.span(meta))

    def keyword(self, meta: Meta, parts: list[Any]) -> Keyword:
        name, value = parts
        return Keyword(str(name), value, self.span(meta), self.token(name))

    def logic(self, meta: Meta, parts: list[Any]) -> Logic:
        left, word, right = parts
        return Logic(str(word), left, right, self.span(meta))

    def negation(self, meta: Meta, parts: list[Any]) -> Not:
        return Not(parts[0], self.span(meta))

    def compare(self, meta: Meta, parts: list[Any]) -> Compare:
        left, sign, right = parts
        return Compare(str(sign), left, right, self.span(meta))

    def pipe(self, meta: Meta, parts: list[Any]) -> Pipe:
        left, call = parts
        return Pipe(left, call, self.span(meta))

    def binary(self, meta: Meta, parts: list[Any]) -> Binary:
        left, sign, right = parts
        return Binary(str(sign), left, right, self.span(meta))

    def negate(self, meta: Meta, parts: list[Any]) -> Negate:
        return Negate(parts[0], self.span(meta))

    def slice(self, meta: Meta, parts: list[Any]) -> Slice:
        value, layers = parts
        return Slice(value, layers, self.span(meta))

    def range(self, meta: Meta, parts: list[Any]) -> Range:
        before = not isinstance(parts[0], Token)
        after = not isinstance(parts[-1], Token)
        return Range(parts[0] if before else None, parts[-1] if after else None, self.span(meta))

    def bracketed(self, meta: Meta, parts: list[Any]) -> Expr | Selector:
        inner: Expr | Selector = parts[0]
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
        return self.quoted(parts[0])

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
        self.spreads(operands)
        return Call(str(func), tuple(operands), tuple(keywords), self.span(meta), self.token(func))

    def view(self, meta: Meta, parts: list[Any]) -> Call:
        func, *operands = parts
        return Call(str(func), tuple(operands), (), self.span(meta), self.token(func))

    def spread(self, meta: Meta, parts: list[Any]) -> Spread:
        return Spread(parts[0], self.span(meta))

    def selection(self, meta: Meta, parts: list[Any]) -> Selection:
        return Selection(parts[0], self.span(meta))

    def renaming(self, meta: Meta, parts: list[Any]) -> Renaming:
        old, new = parts
        return Renaming(self.quoted(old), self.quoted(new), self.span(meta))

    def match(self, meta: Meta, parts: list[Any]) -> Match:
        arms: list[Arm] = parts
        for arm in arms[:-1]:
            if arm.selector is None:
                self.early_else(arm, arms[-1])
                break
        return Match(tuple(arms), self.span(meta))

    def arm(self, meta: Meta, parts: list[Any]) -> Arm:
        selector, value = parts
        return Arm(None if isinstance(selector, Token) else selector, value, self.span(meta))

    def either(self, meta: Meta, parts: list[Any]) -> Either:
        return Either(parts[0], parts[1], self.span(meta))

    def both(self, meta: Meta, parts: list[Any]) -> Both:
        return Both(parts[0], parts[1], self.span(meta))

    def without(self, meta: Meta, parts: list[Any]) -> Without:
        return Without(parts[0], self.span(meta))

    def role(self, meta: Meta, parts: list[Any]) -> Role:
        return Role(str(parts[0]), self.span(meta))

    def glob(self, meta: Meta, parts: list[Any]) -> Glob:
        return Glob(literals.string_value(parts[0]), self.span(meta))

    def layers(self, meta: Meta, parts: list[Any]) -> Layers:
        word, layers = parts
        if word != "layers":
            message = f"`{str(word)[:40]}(...)` is no selector"
            label = "the only selector with a range is `layers`"
            self.report("E101", message, self.token(word), label, "write `layers(0..8)`")
        return Layers(layers, self.span(meta))

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

    def late_parameter(self, parameter: DefParameter, keyword: DefParameter) -> None:
        self.report(
            "E112",
            f"the operand `{parameter.name}` stands after the keyword `{keyword.name}`",
            parameter.span,
            "this parameter has no default",
            "write the operands first, then the keywords, as in `def f(a, b, k=1) = ...`",
        )

    def late_rest(self, rest: DefParameter) -> None:
        self.report(
            "E113",
            f"`*{rest.name}` is not the last operand of the macro",
            rest.span,
            "this collects all operands that are left",
            "write it once, after the other operands and before the keywords, as in "
            f"`def f(a, *{rest.name}, k=1) = ...`",
        )

    def spreads(self, operands: Sequence[Expr]) -> None:
        for operand in operands[:-1]:
            if isinstance(operand, Spread):
                self.report(
                    "E113",
                    "a spread operand is not the last one",
                    operand.span,
                    "other operands follow",
                    "write it once, after the other operands, as in `f(a, *rest; k=1)`",
                )

    def early_else(self, arm: Arm, last: Arm) -> None:
        twice = last.selector is None
        self.found.append(
            Diagnostic(
                "E101",
                "`else` stands twice" if twice else "`else` stands before other arms",
                arm.span,
                "it fits every tensor, so that no arm after it is reached",
                (Label(last.span, "this is the last arm"),),
                help=("remove one of them" if twice else "write it as the last arm",),
            )
        )

    def report(self, code: str, message: str, span: Span, label: str, help: str) -> None:
        self.found.append(Diagnostic(code, message, span, label, help=(help,)))

    def quoted(self, token: Token) -> Text:
        return Text(literals.string_value(token), self.token(token))

    def span(self, meta: Meta) -> Span:
        return Span(self.source, meta.start_pos, meta.end_pos)

    def token(self, token: Token) -> Span:
        return Span(self.source, token.start_pos or 0, token.end_pos or 0)
