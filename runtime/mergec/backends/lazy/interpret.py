"""Lazy arrays computed by the eager library, one operation after the other.

For expressions that are too large to be compiled, such as the exact election of a hundred models:
compilers need more than linear time for a loop's body.
"""

import operator
from typing import Any

from mergec.backends.lazy.array import Lazy
from mergec.backends.lazy.eager import Eager, Elements


def interpret(x: Lazy) -> None:
    """Compute `x` and all that it comes from, which are `array`s then."""
    eager = x.forcer.eager
    stack = [x]
    with eager.xp.untrapped():
        while stack:
            waiting = [a for a in _args(stack[-1]) if isinstance(a, Lazy) and a.op != "array"]
            if waiting:
                stack.extend(waiting)
                continue
            node = stack.pop()
            if node.op != "array":
                node.become(_elements(node, eager))


def _args(x: Lazy) -> tuple[Any, ...]:
    """What `x` comes from; a word from what its pair comes from, for a pair is no array."""
    return (*x.args[0].args, x.args[1]) if x.op == "word" else x.args


def _elements(x: Lazy, eager: Eager) -> Elements:
    args = [_operand(arg, x, eager) for arg in _args(x)]
    if x.op == "stored":
        assert x.of is not None
        return eager.decoded(x.data, x.of, x.kind)
    if x.op == "iota":
        return eager.xp.iota(x.n)
    if x.op == "take":
        return eager.xp.take(x.data, args[0])
    if x.op == "convert":
        return eager.converted(args[0], x.kind)
    if x.op == "sign":
        return eager.converted(eager.xp.sign(args[0], args[0]), x.kind)
    if x.op == "word":
        low, high, first, second, word = args
        return eager.xp.threefry((first, second), low, high)[word]
    if x.op in ("where", "abs", "sqrt", "magnitude_bits", "rotate_left"):
        return getattr(eager.xp, x.op)(*args)
    return getattr(operator, x.op)(*args)


def _operand(arg: Any, x: Lazy, eager: Eager) -> Any:
    """An array's elements; a number as the library takes it beside the arrays of `x`."""
    if isinstance(arg, Lazy):
        return arg.data
    if isinstance(arg, int):
        return arg
    if x.op in ("where", "word"):
        return arg[1]
    kind = next(each for each in x.args if isinstance(each, Lazy)).kind
    return eager.scalar(arg[1], kind)
