"""What a `require` says, as data: facts and statistics of values, compared and combined."""

from collections.abc import Mapping
from fractions import Fraction

from mergec.frozen import frozen
from mergec.ir.graph import NodeKey

Known = bool | str | Fraction | int | float


@frozen
class Fact:
    """Something known of values only later, such as `license` or `norm`, by their nodes."""

    kind: str
    operands: tuple[NodeKey, ...]


@frozen
class Operation:
    """`op` is one of `not and or < <= > >= == != + - * / negate in`.

    The operands of `in` are what is looked for and then the members of the list. A fact that joins
    several texts by ` + ` is in a list if each of them is.
    """

    op: str
    operands: "tuple[Condition, ...]"


Condition = bool | str | Fraction | Fact | Operation


def facts(condition: Condition) -> tuple[Fact, ...]:
    """The facts that a condition names, each once, in the order in which they are written."""
    if isinstance(condition, Fact):
        return (condition,)
    if not isinstance(condition, Operation):
        return ()
    return tuple(dict.fromkeys(fact for part in condition.operands for fact in facts(part)))


def evaluate(condition: Condition, known: Mapping[Fact, Known]) -> Known:
    """The value of a condition whose facts are all known; ZeroDivisionError as it says.

    `and` and `or` look at their second operand only if the first does not decide. Numbers are
    compared exactly: a statistic is a float64, and a literal is a rational.
    """
    if isinstance(condition, Fact):
        return known[condition]
    if not isinstance(condition, Operation):
        return condition
    first = evaluate(condition.operands[0], known)
    match condition.op:
        case "not":
            return not first
        case "and":
            return first and evaluate(condition.operands[1], known)
        case "or":
            return first or evaluate(condition.operands[1], known)
        case "negate":
            return -_number(first)
        case "in":
            members = [evaluate(member, known) for member in condition.operands[1:]]
            parts = first.split(" + ") if isinstance(first, str) else [first]
            return all(part in members for part in parts)
        case _:
            return _binary(condition.op, first, evaluate(condition.operands[1], known))


def _binary(op: str, left: Known, right: Known) -> Known:
    if op == "==":
        return left == right
    if op == "!=":
        return left != right
    a, b = _number(left), _number(right)
    match op:
        case "<":
            return a < b
        case "<=":
            return a <= b
        case ">":
            return a > b
        case ">=":
            return a >= b
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            return a / b
        case _:
            raise AssertionError(f"{op} is no operation")


def _number(value: Known) -> Fraction | float:
    """The checker has found this to be a number."""
    if isinstance(value, bool | str):
        raise TypeError(f"{value!r} is not a number")
    return Fraction(value) if isinstance(value, int) else value
