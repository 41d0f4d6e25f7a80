"""Arithmetic on numbers and weights, with the mass rule."""

from fractions import Fraction

from mergec.diagnostics import Diagnostic, Label
from mergec.elaborate.parameters import Report, describe
from mergec.elaborate.values import POISON, Meaning, Poison, Weights
from mergec.ir import GraphBuilder, ValueType
from mergec.syntax.nodes import Binary, Negate

# Rationals stay below this size, so that a spec cannot make arithmetic itself the work.
_MAX_BITS = 4096


def combine(
    builder: GraphBuilder, written: Binary, left: Meaning, right: Meaning, report: Report
) -> Meaning:
    """The meaning of `left op right`; POISON after reporting what is wrong."""
    if isinstance(left, Poison) or isinstance(right, Poison):
        return POISON
    if _is_number(left) and _is_number(right):
        return _on_numbers(written, left, right, report)
    if written.op in "+-" and isinstance(left, Weights) and isinstance(right, Weights):
        sign = 1 if written.op == "+" else -1
        return _sum(builder, written, left, right, Fraction(sign), report)
    if written.op == "*" and _is_number(left) and isinstance(right, Weights):
        return scaled(builder, right, left)
    if written.op == "*" and isinstance(left, Weights) and _is_number(right):
        return scaled(builder, left, right)
    if written.op == "/" and isinstance(left, Weights) and _is_number(right):
        return _divide(builder, written, left, right, report)
    return _refuse(written, left, right, report)


def negate(builder: GraphBuilder, written: Negate, value: Meaning, report: Report) -> Meaning:
    """The meaning of `-value`."""
    if isinstance(value, Poison):
        return POISON
    if isinstance(value, Weights):
        return scaled(builder, value, Fraction(-1))
    if isinstance(value, Fraction):
        return -value
    message = f"`-` needs a number or weights, and this is {describe(value)}"
    report(Diagnostic("E305", message, written.span, help=("remove the `-`",)))
    return POISON


def scaled(builder: GraphBuilder, value: Weights, factor: Fraction) -> Weights:
    """`factor * value`: mass and coefficients scale, a delta keeps its base."""
    mass = value.mass * factor
    key = builder.add(
        "affine", [value.key], {"coefficients": (factor,)}, type=ValueType(mass)
    )
    base = value.base if value.mass == 0 else None
    points = value.points if factor == 1 else frozenset({key})
    return Weights(key, mass, value.donor, base, points, value.draws)


def difference(builder: GraphBuilder, model: Weights, base: Weights) -> Weights:
    """`model - base`, the task vector of a model."""
    return _added(builder, model, base, Fraction(-1))


def _is_number(value: Meaning) -> bool:
    return isinstance(value, Fraction)


def _on_numbers(written: Binary, left: Meaning, right: Meaning, report: Report) -> Meaning:
    assert isinstance(left, Fraction) and isinstance(right, Fraction)
    if written.op == "/" and right == 0:
        return _division_by_zero(written, report)
    value = {
        "+": lambda: left + right,
        "-": lambda: left - right,
        "*": lambda: left * right,
        "/": lambda: left / right,
    }[written.op]()
    if max(value.numerator.bit_length(), value.denominator.bit_length()) <= _MAX_BITS:
        return value
    message = "this number needs more than 4096 bits"
    report(Diagnostic("E104", message, written.span, help=("write it with fewer digits",)))
    return POISON


def _divide(
    builder: GraphBuilder, written: Binary, left: Weights, right: Meaning, report: Report
) -> Meaning:
    assert isinstance(right, Fraction)
    if right == 0:
        return _division_by_zero(written, report)
    return scaled(builder, left, 1 / right)


def _division_by_zero(written: Binary, report: Report) -> Poison:
    message = f"`{written.right.span.text}` is 0, so nothing can be divided by it"
    report(Diagnostic("E307", message, written.right.span, "this is 0", help=("divide by something else",)))
    return POISON


def _sum(
    builder: GraphBuilder, written: Binary, left: Weights, right: Weights, sign: Fraction, report: Report
) -> Weights:
    result = _added(builder, left, right, sign)
    foreign = (
        left.mass == 1 and right.mass == 0 and right.base is not None
        and right.base not in left.points
    )
    if foreign:
        message = f"`{written.right.span.text}` is a delta of another base"
        report(
            Diagnostic(
                "W301",
                message,
                written.right.span,
                "not a delta of what it is added to",
                labels=(Label(written.left.span, "the model it is added to"),),
                notes=("this is how a chat vector is moved; it is legal, and shown in the plan",),
                help=("if that is meant, leave it as it is",),
            )
        )
    return result


def _added(builder: GraphBuilder, left: Weights, right: Weights, sign: Fraction) -> Weights:
    mass = left.mass + sign * right.mass
    key = builder.add(
        "affine",
        [left.key, right.key],
        {"coefficients": (Fraction(1), sign)},
        type=ValueType(mass),
    )
    base = None
    if left.mass == 1 and right.mass == 1 and sign == -1:
        base = right.key
    elif left.mass == 0 and right.mass == 0 and left.base == right.base:
        base = left.base
    keeps_point = left.mass == 1 and right.mass == 0
    points = left.points | {key} if keeps_point else frozenset({key})
    return Weights(key, mass, left.donor, base, points, max(left.draws, right.draws))


def _refuse(written: Binary, left: Meaning, right: Meaning, report: Report) -> Poison:
    message = f"`{written.op}` cannot combine {describe(left)} and {describe(right)}"
    hints = {
        "*": "multiply weights by a number, as in `0.5 * code`",
        "/": "divide weights by a number, as in `code / 2`",
    }
    hint = hints.get(written.op, "add weights to weights, as in `base + (code - base)`")
    report(Diagnostic("E305", message, written.span, help=(hint,)))
    return POISON
