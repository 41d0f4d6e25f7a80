"""Arithmetic on numbers and weights, with the mass rule."""

from fractions import Fraction

from mergec.diagnostics import Diagnostic, Label
from mergec.elaborate.masks import warn_of_equal_masks
from mergec.elaborate.parameters import Report
from mergec.elaborate.values import POISON, Meaning, Poison, Weights
from mergec.elaborate.wording import describe, quoted
from mergec.ir import GraphBuilder, ValueType
from mergec.syntax.nodes import Binary, Expr, Negate

# Rationals stay below this size, so that a spec cannot make arithmetic itself the work.
_MAX_BITS = 4096


def combine(
    builder: GraphBuilder, written: Binary, left: Meaning, right: Meaning, report: Report
) -> Meaning:
    """The meaning of `left op right`; POISON after reporting what is wrong."""
    if isinstance(left, Poison) or isinstance(right, Poison):
        return POISON
    by_zero = written.op == "/" and isinstance(right, Fraction) and right == 0
    if by_zero and isinstance(left, Fraction | Weights):
        return _division_by_zero(written, report)
    value = _combined(builder, written, left, right)
    if value is None:
        return _refuse(written, left, right, report)
    if written.op in "+-" and isinstance(left, Weights) and isinstance(right, Weights):
        _warn_of_foreign_delta(written, left, right, report)
        warn_of_equal_masks([(written.left, left), (written.right, right)], report)
    return _of_bounded_size(written, value, report)


def negate(builder: GraphBuilder, written: Negate, value: Meaning, report: Report) -> Meaning:
    """The meaning of `-value`."""
    if isinstance(value, Poison):
        return POISON
    if isinstance(value, Weights):
        return _scaled(builder, value, Fraction(-1))
    if isinstance(value, Fraction):
        return -value
    message = f"`-` needs a number or weights, and this is {describe(value)}"
    hint = f"write `{quoted(written.operand.span)}` without the `-`"
    report(Diagnostic("E305", message, written.span, help=(hint,)))
    return POISON


def difference(builder: GraphBuilder, model: Weights, base: Weights) -> Weights:
    """`model - base`, the task vector of a model."""
    return _added(builder, model, base, Fraction(-1))


def _combined(
    builder: GraphBuilder, written: Binary, left: Meaning, right: Meaning
) -> Fraction | Weights | None:
    """The value, or None where the operator does not take such operands."""
    match written.op, left, right:
        case "+", Fraction(), Fraction():
            return left + right
        case "-", Fraction(), Fraction():
            return left - right
        case "*", Fraction(), Fraction():
            return left * right
        case "/", Fraction(), Fraction():
            return left / right
        case "+", Weights(), Weights():
            return _added(builder, left, right, Fraction(1))
        case "-", Weights(), Weights():
            return _added(builder, left, right, Fraction(-1))
        case "*", Fraction(), Weights():
            return _scaled(builder, right, left)
        case "*", Weights(), Fraction():
            return _scaled(builder, left, right)
        case "/", Weights(), Fraction():
            return _scaled(builder, left, 1 / right)
        case _:
            return None


def _scaled(builder: GraphBuilder, value: Weights, factor: Fraction) -> Weights:
    """`factor * value`: mass and coefficients scale, a delta keeps its base."""
    mass = value.mass * factor
    key = builder.add("affine", [value.key], {"coefficients": (factor,)}, type=ValueType(mass))
    base = value.base if value.mass == 0 else None
    points = value.points if factor == 1 else frozenset({key})
    return Weights(key, mass, value.donor, base, points, value.draws, value.masks)


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
    points = frozenset({key})
    if left.mass == 1 and right.mass == 0:
        points |= left.points
    elif left.mass == 0 and right.mass == 1 and sign == 1:
        points |= right.points
    draws = max(left.draws, right.draws)
    return Weights(key, mass, left.donor, base, points, draws, left.masks | right.masks)


def _of_bounded_size(written: Binary, value: Fraction | Weights, report: Report) -> Meaning:
    size = value if isinstance(value, Fraction) else value.mass
    if max(size.numerator.bit_length(), size.denominator.bit_length()) <= _MAX_BITS:
        return value
    message = f"`{quoted(written.span)}` needs a number of more than {_MAX_BITS} bits"
    hint = "write it with fewer digits and smaller exponents"
    report(Diagnostic("E104", message, written.span, help=(hint,)))
    return POISON


def _division_by_zero(written: Binary, report: Report) -> Poison:
    message = f"`{quoted(written.span)}` divides by zero"
    hint = "divide by another number, as in `code / 2`"
    report(Diagnostic("E307", message, written.right.span, "this is 0", help=(hint,)))
    return POISON


def _warn_of_foreign_delta(written: Binary, left: Weights, right: Weights, report: Report) -> None:
    """W301 for a model plus or minus a delta whose base is no model it was built from."""
    point: tuple[Expr, Weights] = written.left, left
    delta: tuple[Expr, Weights] = written.right, right
    if left.mass == 0 and written.op == "+":
        point, delta = delta, point
    model, vector = point[1], delta[1]
    moved = model.mass == 1 and vector.mass == 0 and vector.base is not None
    if not moved or vector.base in model.points:
        return
    message = f"`{quoted(delta[0].span)}` is a delta of another base"
    report(
        Diagnostic(
            "W301",
            message,
            delta[0].span,
            "not a delta of what it is added to",
            labels=(Label(point[0].span, "the model it is added to"),),
            notes=("this is how a chat vector is moved; it is legal, and shown in the plan",),
            help=("if that is meant, leave it as it is",),
        )
    )


def _refuse(written: Binary, left: Meaning, right: Meaning, report: Report) -> Poison:
    message = f"`{written.op}` cannot combine {describe(left)} and {describe(right)}"
    hints = {
        "*": "multiply weights by a number, as in `0.5 * code`",
        "/": "divide weights by a number, as in `code / 2`",
    }
    hint = hints.get(written.op, "add weights to weights, as in `base + (code - base)`")
    report(Diagnostic("E305", message, written.span, help=(hint,)))
    return POISON
