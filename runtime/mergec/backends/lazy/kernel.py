"""What a kernel computes, without the numbers and buffers that differ between its calls.

`Kernel` is what is compiled, and the key under which it is found again: the nodes of an expression
in order, and what becomes of some of them. `Call` has the rest: where the elements lie, the
numbers, and where results go. What a buffer is, each engine says for itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mergec.backends.lazy.array import F32, I64, Lazy

Array = NDArray[Any]
DIGITS = 1 << 16
"""How many counts a histogram has."""

Number = tuple[str, int]
"""A number: which of the tables of numbers it is in (`f32`, `f64`, `i64`), and where."""

Operand = int | Number
"""The place of a node among those before, or a number."""


CONSTANT_LAST = frozenset(("rotate_left", "word"))
"""Operations whose last operand is part of the kernel."""


class Node(NamedTuple):
    """One value for each element.

    `op` is `stored` (decode the bytes of `of` in buffer `slot`), `array` (the element in buffer
    `slot`), `take` (the one there whose place its operand says), `iota`, or an operation on `args`;
    `by` is the shift of a rotation, or which one of the two words of a `threefry` is meant.
    """

    op: str
    kind: str
    args: tuple[Operand, ...] = ()
    slot: int = -1
    of: str = ""
    by: int = 0


class Root(NamedTuple):
    """What becomes of the value of `node`, or of two of them; results go to buffer `slot`.

    `store`: encoded as `of`; counted at slot + 1 are those that are not finite then, and those
    that are not zero and not normal then ·
    `array`: as it is · `count`: how many hold · `odd`: how many are NaN or infinite ·
    `interleave`: even and odd elements · `sums`: leaf by leaf, with scratch at slot + 1 ·
    `top` and `digit`: the histogram of a digit, with its shift and prefix at the numbers `at`, and
    for `digit` with scratch at slot + 1.
    """

    what: str
    nodes: tuple[int, ...]
    slot: int
    of: str = ""
    at: tuple[Operand, ...] = ()


class Kernel(NamedTuple):
    """A loop, or several over the same elements."""

    nodes: tuple[Node, ...]
    roots: tuple[Root, ...]
    addresses: int


@dataclass(slots=True)
class Call:
    """The arguments of one call, gathered while its kernel is described."""

    n: int
    buffers: list[Any] = field(default_factory=list[Any])
    nodes: list[Node] = field(default_factory=list[Node])
    roots: list[Root] = field(default_factory=list[Root])
    f32: list[float] = field(default_factory=list[float])
    f64: list[float] = field(default_factory=list[float])
    i64: list[int] = field(default_factory=list[int])
    places: dict[int, int] = field(default_factory=dict[int, int])

    @property
    def kernel(self) -> Kernel:
        """What is to be compiled, if it is not yet."""
        return Kernel(tuple(self.nodes), tuple(self.roots), len(self.buffers))

    def root(
        self,
        what: str,
        values: Sequence[Lazy],
        buffers: Sequence[Any],
        of: str = "",
        numbers: Sequence[int] = (),
    ) -> None:
        """Ask for something that is made of `values`, to be written into `buffers`."""
        nodes = tuple(self._place(value) for value in values)
        at = tuple(self._number(I64, number) for number in numbers)
        self.roots.append(Root(what, nodes, len(self.buffers), of, at))
        self.buffers.extend(buffers)

    def numbers(self) -> tuple[Array, Array, Array]:
        """The tables of numbers, with one at least in each; beyond float32 is an infinity."""
        with np.errstate(over="ignore"):
            narrow = np.array(self.f32 or [0.0], np.float64).astype(np.float32)
        return (
            narrow,
            np.array(self.f64 or [0.0], np.float64),
            np.array(self.i64 or [0], np.int64),
        )

    def _place(self, value: Lazy) -> int:
        """The number of the node for `value`, after those of all that it needs."""
        places = self.places
        stack = [value]
        while stack:
            x = stack[-1]
            known = len(stack)
            for arg in x.args:
                if arg.__class__ is Lazy and id(arg) not in places:
                    stack.append(arg)
            if len(stack) > known:
                continue
            stack.pop()
            if id(x) not in places:
                places[id(x)] = len(self.nodes)
                self.nodes.append(self._node(x))
        return places[id(value)]

    def _node(self, x: Lazy) -> Node:
        op = x.op
        if op in ("stored", "array"):
            if x.data is None:
                raise RuntimeError("a block is used after its bytes are gone")
            self.buffers.append(x.data)
            return Node(op, x.kind, (), len(self.buffers) - 1, x.of.word if x.of else "")
        if op == "take":
            self.buffers.append(x.data)
            return Node(op, x.kind, (self.places[id(x.args[0])],), len(self.buffers) - 1)
        places = self.places
        args, by = (x.args[:-1], x.args[-1]) if op in CONSTANT_LAST else (x.args, 0)
        operands: list[Operand] = [
            places[id(arg)] if arg.__class__ is Lazy else self._number(*arg) for arg in args
        ]
        return Node(op, x.kind, tuple(operands), by=by)

    def _number(self, table: str, value: float) -> Number:
        if table == I64:
            self.i64.append(int(value))
            return table, len(self.i64) - 1
        numbers = self.f32 if table == F32 else self.f64
        numbers.append(float(value))
        return table, len(numbers) - 1
