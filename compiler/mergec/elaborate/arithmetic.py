"""Arithmetic on numbers and weights, with the mass rule."""

from dataclasses import replace
from fractions import Fraction

from mergec.diagnostics import Diagnostic, Label
from mergec.elaborate.masks import warn_of_equal_masks
from mergec.elaborate.parameters import Report
from mergec.elaborate.values import (
    ANY_BASE,
    POISON,
    Meaning,
    Poison,
    Weights,
    common_base,
    donor_of,
    gathered,
)
from mergec.elaborate.wording import describe, quoted
from mergec.ir import Amount, GraphBuilder, NodeKey, Schedule, ValueType
from mergec.ir.schedule import is_too_large
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
    if by_zero and isinstance(left, Fraction | Schedule | Weights):
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
    if isinstance(value, Fraction | Schedule):
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
) -> Amount | Weights | None:
    """The value, or None where the operator does not take such operands."""
    if isinstance(left, Fraction | Schedule) and isinstance(right, Fraction | Schedule):
        return _of_numbers(written.op, left, right)
    match written.op, left, right:
        case "+", Weights(), Weights():
            return _added(builder, left, right, Fraction(1))
        case "-", Weights(), Weights():
            return _added(builder, left, right, Fraction(-1))
        case "*", Fraction() | Schedule(), Weights():
            return _scaled(builder, right, left)
        case "*", Weights(), Fraction() | Schedule():
            return _scaled(builder, left, right)
        case "/", Weights(), Fraction() | Schedule():
            return _scaled(builder, left, Fraction(1) / right)
        case _:
            return None


def _of_numbers(op: str, left: Amount, right: Amount) -> Amount:
    match op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case _:
            return left / right


def _scaled(builder: GraphBuilder, value: Weights, factor: Amount) -> Weights:
    """`factor * value`: mass and coefficients scale, a delta keeps its base."""
    mass = factor * value.mass
    key = builder.add("affine", [value.key], {"coefficients": (factor,)}, type=ValueType(mass))
    base = value.base if value.mass == 0 else None
    points = value.points if factor == 1 else frozenset({key})
    return replace(value, key=key, mass=mass, base=base, points=points)


def _added(builder: GraphBuilder, left: Weights, right: Weights, sign: Fraction) -> Weights:
    mass = left.mass + right.mass * sign
    key = builder.add(
        "affine",
        [left.key, right.key],
        {"coefficients": (Fraction(1), sign)},
        type=ValueType(mass),
    )
    base = None
    if left.mass == 1 and right.mass == 1 and sign == -1:
        base = right.key
    elif left.mass == 0 and right.mass == 0:
        base = common_base((left.base, right.base))
    built_from: frozenset[NodeKey] = frozenset()
    if left.mass == 1 and right.mass == 0:
        built_from = left.points
    elif left.mass == 0 and right.mass == 1 and sign == 1:
        built_from = right.points
    return Weights(
        key,
        mass,
        donor_of((left, right)),
        base,
        gathered(key, built_from),
        max(left.draws, right.draws),
        gathered(None, left.masks, right.masks),
        left.rearranged or right.rearranged,
    )


def _of_bounded_size(written: Binary, value: Amount | Weights, report: Report) -> Meaning:
    size = value.mass if isinstance(value, Weights) else value
    parts = [size] if isinstance(size, Fraction) else [part for _, part in size.terms]
    if is_too_large(size):
        message = f"`{quoted(written.span)}` combines too many ramps and choices"
        hint = "write one `match` or `ramp` with the values that you mean"
    elif max(max(p.numerator.bit_length(), p.denominator.bit_length()) for p in parts) > _MAX_BITS:
        message = f"`{quoted(written.span)}` needs a number of more than {_MAX_BITS} bits"
        hint = "write it with fewer digits and smaller exponents"
    else:
        return value
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
    moved = model.mass == 1 and vector.mass == 0 and vector.base not in (None, ANY_BASE)
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
