"""A node of the graph as the expression that a spec would write for it."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from mergec.elaborate.print_number import (
    NOWHERE,
    number_expr,
    range_tree,
    rational,
    selector_tree,
)
from mergec.ir import Amount, Schedule, TensorSelector, Value, part_statistics
from mergec.ops import OPERATORS
from mergec.syntax.nodes import (
    Arm,
    Binary,
    Bool,
    Call,
    Expr,
    Keyword,
    ListLiteral,
    Match,
    Name,
    Negate,
    Renaming,
    Selection,
    Slice,
    Text,
)

# A longer stack is written as a call: a chain of `++` is as deep as it is long.
_LONGEST_STACK = 20

PrintNumber = Callable[[Amount], Expr]


def node_expr(
    op: str,
    params: Mapping[str, Value],
    operands: Sequence[Expr],
    number: PrintNumber = number_expr,
) -> Expr:
    """The expression for `op` applied to operands, every parameter spelled out.

    `number` prints the numbers in it. What the compiler derives, such as the key of a mask, is not
    printed; a `checked` node is what it marks.
    """
    match op:
        case "source" | "adapter":
            return _source("model" if op == "source" else "adapter", params)
        case "checked":
            return operands[0]
        case "affine":
            return _affine(params["coefficients"], operands, number)
        case "slice":
            low, high = (_bound(params[name]) for name in ("lo", "hi"))
            return Slice(operands[0], range_tree(low, high), NOWHERE)
        case "stack":
            return _stack(operands, untie=params["untie"] is True)
        case "match":
            return _match(params["selectors"], operands)
        case "select":
            selector = params["selector"]
            assert isinstance(selector, TensorSelector)
            return call("select", [*operands, Selection(selector_tree(selector), NOWHERE)])
        case "rename":
            return call("rename", [*operands, *_renamings(params["rules"])])
        case "as_model":
            return call("as_model", operands, {"why": Text(str(params["why"]), NOWHERE)})
        case _:
            combined, statistics = part_statistics(operands, params)
            return call(op, combined, _settings(op, params, number, statistics))


def call(func: str, operands: Sequence[Expr], keywords: Mapping[str, Expr] | None = None) -> Call:
    """`func(operands; keywords)`."""
    given = [Keyword(name, value, NOWHERE, NOWHERE) for name, value in (keywords or {}).items()]
    return Call(func, tuple(operands), tuple(given), NOWHERE, NOWHERE)


def _source(func: str, params: Mapping[str, Value]) -> Expr:
    label, ref, rev = params["label"], params["ref"], params["rev"]
    keywords = {"id": label if label != ref else None, "rev": rev}
    texts = {k: Text(str(v), NOWHERE) for k, v in keywords.items() if v is not None}
    return call(func, [Text(str(ref), NOWHERE)], texts)


def _affine(coefficients: Value, operands: Sequence[Expr], number: PrintNumber) -> Expr:
    """`0.5*x`, `-x`, `x - y`; a single operand is always multiplied, be it by 1."""
    assert isinstance(coefficients, tuple)
    total: Expr | None = None
    for factor, operand in zip(coefficients, operands, strict=True):
        assert isinstance(factor, Fraction | Schedule)
        negative = isinstance(factor, Fraction) and factor < 0
        sign = "-" if negative else "+"
        size = factor if not negative or total is None else -factor
        if size == 1 and len(operands) > 1:
            term = operand
        elif size == -1:
            term = Negate(operand, NOWHERE)
        else:
            term = Binary("*", number(size), operand, NOWHERE)
        total = term if total is None else Binary(sign, total, term, NOWHERE)
    assert total is not None
    return total


def _stack(operands: Sequence[Expr], *, untie: bool) -> Expr:
    # A stack that stands first in another would become one with it.
    first = operands[0]
    nested = isinstance(first, Binary) and first.op == "++"
    if untie or nested or not 1 < len(operands) <= _LONGEST_STACK:
        return call("stack", operands, {"untie": Bool(value=untie, span=NOWHERE)} if untie else {})
    total = first
    for operand in operands[1:]:
        total = Binary("++", total, operand, NOWHERE)
    return total


def _match(selectors: Value, operands: Sequence[Expr]) -> Expr:
    assert isinstance(selectors, tuple)
    arms: list[Arm] = []
    for selector, operand in zip(selectors, operands, strict=True):
        assert isinstance(selector, TensorSelector | None)
        arms.append(Arm(None if selector is None else selector_tree(selector), operand, NOWHERE))
    return Match(tuple(arms), NOWHERE)


def _renamings(rules: Value) -> list[Expr]:
    assert isinstance(rules, tuple)
    pairs = [rule for rule in rules if isinstance(rule, tuple)]
    return [
        Renaming(Text(str(old), NOWHERE), Text(str(new), NOWHERE), NOWHERE) for old, new in pairs
    ]


def _settings(
    op: str, params: Mapping[str, Value], number: PrintNumber, statistics: Sequence[Expr]
) -> dict[str, Expr]:
    """The declared parameters in the order of the signature; those that are `none` left out."""
    settings: dict[str, Expr] = {}
    for parameter in OPERATORS[op].parameters:
        if parameter.kind == "sources":
            settings[parameter.name] = ListLiteral(tuple(statistics), NOWHERE)
            continue
        value = params.get(parameter.name)
        if value is not None:
            settings[parameter.name] = _value(value, number, word=parameter.kind == "word")
    return settings


def _value(value: Value, number: PrintNumber, *, word: bool) -> Expr:
    if isinstance(value, tuple):
        items = [_value(item, number, word=word) for item in value]
        return ListLiteral(tuple(items), NOWHERE)
    if isinstance(value, bool):
        return Bool(value, NOWHERE)
    if isinstance(value, str):
        return Name(value, NOWHERE) if word else Text(value, NOWHERE)
    if isinstance(value, int):
        return rational(Fraction(value))
    assert isinstance(value, Fraction | Schedule)
    return number(value)


def _bound(value: Value) -> int | None:
    assert isinstance(value, int | None)
    return value
