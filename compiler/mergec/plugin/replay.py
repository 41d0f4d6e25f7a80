"""Run a tape: on blocks, over the array namespace of stages, and on the numbers of the host."""

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from operator import add, eq, ge, gt, le, lt, mul, ne, sub
from typing import Any

from mergec.catalog.dtypes import Dtype
from mergec.ops.namespace import Array, ArrayNamespace
from mergec.ops.rounding import coefficient
from mergec.plugin.tape import Arg, Operation, Ref, Tape

Numbers = Mapping[int, float | bool]
"""What is known of a whole tensor: the tape's numbers and flags, by the indexes of their values."""


def on_blocks(
    xp: ArrayNamespace,
    tape: Tape,
    blocks: Sequence[Array],
    numbers: Numbers,
    work: Dtype,
    wanted: Sequence[int],
) -> list[Array]:
    """The `wanted` arrays for one block of each operand; a number is rounded once to `work`."""
    order = tape.needed(*wanted)
    values: dict[int, Any] = dict(enumerate(blocks))
    last = {ref: i for i in order for ref in _operation(tape, i).refs}
    for i in order:
        each = _operation(tape, i)
        args = [_argument(arg, values, numbers, work) for arg in each.args]
        values[i] = _computed(xp, each, args, blocks[0])
        for ref in each.refs:
            if last[ref] == i and ref not in wanted:
                values.pop(ref, None)
    return [values[i] for i in wanted]


def on_host(tape: Tape, numbers: Numbers, size: int, sweep: int) -> dict[int, float | bool]:
    """`numbers` and what follows from them and the tensor's `size` before pass `sweep`."""
    known = dict(numbers)
    for i, each in enumerate(tape.operations, tape.inputs):
        if each.kind in ("number", "flag") and each.level <= sweep and i not in known:
            if each.name == "size":
                known[i] = float(size)
            elif each.name != "sum":
                args = [known[a.index] if isinstance(a, Ref) else a for a in each.args]
                known[i] = _ON_HOST[each.name](*args)
    return known


def _operation(tape: Tape, index: int) -> Operation:
    found = tape.operation(index)
    assert found is not None
    return found


def _argument(arg: Arg, values: Mapping[int, Any], numbers: Numbers, work: Dtype) -> Any:
    if not isinstance(arg, Ref):
        return _rounded(arg, work)
    if arg.index in values:
        return values[arg.index]
    number = numbers[arg.index]
    return number if isinstance(number, bool) else _rounded(number, work)


def _rounded(number: float, work: Dtype) -> float:
    if not number or not math.isfinite(number):
        return number
    return coefficient(Fraction(number), work, None)


def _computed(xp: ArrayNamespace, each: Operation, args: list[Any], like: Array) -> Array:
    """One operation; `like` is an array of the block's length and dtype."""
    match each.name, args:
        case "add", [x, y]:
            return y + x if isinstance(x, float) else x + y
        case "subtract", [x, y]:
            return -y + x if isinstance(x, float) else x - y
        case "multiply", [x, y]:
            return y * x if isinstance(x, float) else x * y
        case "divide", [x, y]:
            # A library may take a number by an array for the product with the reciprocal.
            return (_full(xp, x, like) if isinstance(x, float) else x) / y
        case "negative", [x]:
            return -x
        case "abs", [x]:
            return xp.abs(x)
        case "sign", [x]:
            return xp.sign(x, x)
        case "sqrt", [x]:
            return xp.sqrt(x)
        case "exp", [x]:
            return xp.narrow(xp.exp(xp.widen(x)), like)
        case "tanh", [x]:
            return xp.narrow(xp.tanh(xp.widen(x)), like)
        case "where", [bool() as flag, x, y]:
            chosen = x if flag else y
            return _full(xp, chosen, like) if isinstance(chosen, float) else chosen
        case "where", [mask, float() as x, float() as y]:
            return xp.where(mask, _full(xp, x, like), y)
        case "where", [mask, x, y]:
            return xp.where(mask, x, y)
        case "not", [mask]:
            return ~mask
        case (("and" | "or" | "xor"), [x, y]):
            return _ON_HOST[each.name](x, y)
        case name, [x, y]:
            if isinstance(x, float):
                return _ON_HOST[_TURNED[name]](y, x)
            return _ON_HOST[name](x, y)
        case _:
            raise AssertionError(each.name)


_TURNED = {
    **{"less": "greater", "less_equal": "greater_equal", "greater": "less"},
    **{"greater_equal": "less_equal", "equal": "equal", "not_equal": "not_equal"},
}


def _full(xp: ArrayNamespace, number: float, like: Array) -> Array:
    """`number` for every element."""
    return xp.mask_as((like == like) | (like != like), like) * number


def _divide(x: float, y: float) -> float:
    """As arrays do."""
    if y:
        return x / y
    if not x or math.isnan(x) or math.isnan(y):
        return math.nan
    return math.copysign(math.inf, x) * math.copysign(1.0, y)


def _exp(x: float) -> float:
    return math.exp(x) if x < 710.0 else math.inf


def _sign(x: float) -> float:
    return float((x > 0) - (x < 0))


def _sqrt(x: float) -> float:
    return math.sqrt(x) if x >= 0 else math.nan


def _negative(x: float) -> float:
    return -x


def _chosen(flag: bool, x: float, y: float) -> float:
    return x if flag else y


def _and(x: Any, y: Any) -> Any:
    return x & y


def _or(x: Any, y: Any) -> Any:
    return x | y


def _xor(x: Any, y: Any) -> Any:
    return x ^ y


def _not(flag: bool) -> bool:
    return not flag


_ON_HOST: Mapping[str, Callable[..., Any]] = {
    "add": add,
    "subtract": sub,
    "multiply": mul,
    "divide": _divide,
    "negative": _negative,
    "abs": math.fabs,
    "sign": _sign,
    "sqrt": _sqrt,
    "exp": _exp,
    "tanh": math.tanh,
    "where": _chosen,
    "less": lt,
    "less_equal": le,
    "greater": gt,
    "greater_equal": ge,
    "equal": eq,
    "not_equal": ne,
    "and": _and,
    "or": _or,
    "xor": _xor,
    "not": _not,
}
