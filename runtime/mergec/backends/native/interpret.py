"""Lazy arrays computed by numpy, one operation after the other, as the reference does.

For expressions that are too large to be compiled, such as the exact election of a hundred models:
LLVM needs more than linear time for a loop's body.
"""

import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mergec.backends.native.lazy import F32, NUMPY, Lazy
from mergec.backends.reference import NumpyNamespace, ReferenceBackend
from mergec.catalog.dtypes import Dtype

Array = NDArray[Any]
_NUMPY = NumpyNamespace()
_REFERENCE = ReferenceBackend()


def interpret(x: Lazy) -> None:
    """Compute `x` and all that it comes from, which are `array`s then."""
    stack = [x]
    with np.errstate(all="ignore"):
        while stack:
            waiting = [a for a in _args(stack[-1]) if isinstance(a, Lazy) and a.op != "array"]
            if waiting:
                stack.extend(waiting)
                continue
            node = stack.pop()
            if node.op != "array":
                node.become(_elements(node))


def _args(x: Lazy) -> tuple[Any, ...]:
    """What `x` comes from; a word from what its pair comes from, for a pair is no array."""
    return (*x.args[0].args, x.args[1]) if x.op == "word" else x.args


def _elements(x: Lazy) -> Array:
    args = [_operand(arg, x) for arg in _args(x)]
    if x.op == "stored":
        assert x.of is not None
        raw: Any = x.data
        loaded: Array = _REFERENCE.load(raw, x.of, Dtype.F32 if x.kind == F32 else Dtype.F64)
        return loaded
    if x.op == "iota":
        return _NUMPY.iota(x.n)
    if x.op == "take":
        return _NUMPY.take(x.data, args[0])
    if x.op == "convert":
        return np.asarray(args[0]).astype(NUMPY[x.kind])
    if x.op == "sign":
        return _NUMPY.sign(args[0], np.empty(0, NUMPY[x.kind]))
    if x.op == "word":
        low, high, first, second, word = args
        return _NUMPY.threefry((first, second), low, high)[word]
    if x.op in ("where", "abs", "sqrt", "magnitude_bits", "rotate_left"):
        found: Array = getattr(_NUMPY, x.op)(*args)
        return found
    made: Array = getattr(operator, x.op)(*args)
    return made


def _operand(arg: Any, x: Lazy) -> Any:
    """An array's elements; a number as numpy takes it beside the arrays of `x`."""
    if isinstance(arg, Lazy):
        return arg.data
    if not isinstance(arg, tuple):
        return arg
    if x.op in ("where", "word"):
        return arg[1]
    return next(each for each in x.args if isinstance(each, Lazy)).dtype.type(arg[1])
