"""Contracts as a spec writes them."""

from collections.abc import Callable
from fractions import Fraction

from mergec.elaborate.print_number import NOWHERE, rational
from mergec.ir import Condition, Fact
from mergec.syntax.nodes import (
    Binary,
    Bool,
    Compare,
    Expr,
    ListLiteral,
    Logic,
    Negate,
    Not,
    Number,
    Text,
)


def condition_expr(condition: Condition, fact: Callable[[Fact], Expr]) -> Expr:
    """The expression that means `condition`; `fact` prints the facts in it."""
    if isinstance(condition, Fact):
        return fact(condition)
    if isinstance(condition, bool):
        return Bool(condition, NOWHERE)
    if isinstance(condition, str):
        return Text(condition, NOWHERE)
    if isinstance(condition, Fraction):
        return _number(condition)
    first, *others = (condition_expr(operand, fact) for operand in condition.operands)
    match condition.op:
        case "not":
            return Not(first, NOWHERE)
        case "negate":
            return Negate(first, NOWHERE)
        case "and" | "or":
            return Logic(condition.op, first, others[0], NOWHERE)
        case "in":
            return Compare("in", first, ListLiteral(tuple(others), NOWHERE), NOWHERE)
        case "+" | "-" | "*" | "/":
            return Binary(condition.op, first, others[0], NOWHERE)
        case _:
            return Compare(condition.op, first, others[0], NOWHERE)


def _number(value: Fraction) -> Expr:
    # In a contract a sign is an operation of its own; a difference is worked out.
    if value >= 0:
        return rational(value)
    return Binary("-", Number(Fraction(0), NOWHERE), rational(-value), NOWHERE)
