"""What an exact meaning is: for one operator or stage, by its name, a function of rationals."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import chain

from mergec.frozen import frozen
from mergec.ir import Value

Vector = tuple[Fraction, ...]
Params = Mapping[str, Value]
ONE = Fraction(1)


class NotStatedError(Exception):
    """Raised by a meaning for parameters that it does not cover; its words say which."""


@frozen
class Applied:
    """An operator with its operands' values, all of one tensor.

    `has_base` tells that the first operand is a model. `tensor` is the name that masks are drawn
    for, `shape` the tensor's; `shapes` are those of the operands, where a statistic has another.
    """

    op: str
    params: Params
    operands: Sequence[Vector]
    has_base: bool
    tensor: str
    shape: tuple[int, ...] = ()
    shapes: tuple[tuple[int, ...], ...] = ()

    def __getitem__(self, name: str) -> Value:
        return self.params[name]

    def number(self, name: str) -> Fraction:
        """A parameter that is a number."""
        return _rational(self.params[name])

    def numbers(self, name: str, count: int) -> list[Fraction]:
        """A parameter that has a number for each operand, or one for all."""
        value = self.params[name]
        if isinstance(value, tuple):
            return [_rational(item) for item in value]
        return [_rational(value)] * count

    def rows(self, operand: Vector) -> list[Vector]:
        """The rows of an operand of the tensor's shape: its last axis."""
        length = self.shape[-1] if self.shape else 1
        return [operand[start : start + length] for start in range(0, len(operand), length or 1)]

    @property
    def deltas(self) -> Sequence[Vector]:
        """The operands after the base; all of them where there is none."""
        return self.operands[1:] if self.has_base else self.operands

    def on_base(self, merged: Vector) -> Vector:
        """`merged` itself, or added to the base where there is one."""
        return combine([ONE, ONE], [self.operands[0], merged]) if self.has_base else merged


OverAll = Callable[[Sequence[Applied]], Sequence[Applied]]


def _each_once(at: Applied) -> list[Fraction]:
    return [ONE] * len(at.operands)


def _not_over_all(tensors: Sequence[Applied]) -> Sequence[Applied]:
    raise NotStatedError(f"{tensors[0].op} over the whole model")


def as_one_vector(tensors: Sequence[Applied]) -> Sequence[Applied]:
    """Over all tensors an operator is what it is over one vector of all their elements."""
    first = tensors[0]
    operands = [
        tuple(chain.from_iterable(parts))
        for parts in zip(*(each.operands for each in tensors), strict=True)
    ]
    shape = (len(operands[0]),)
    params = {**first.params, "scope": "tensor"}
    shapes = (shape,) * len(operands)
    return [replace(first, params=params, operands=operands, shape=shape, shapes=shapes)]


@frozen
class Meaning:
    """What an operator gives, on rationals and without a line of stage code.

    `reach` says by how much each operand counts, at most, in any element of the result: rounding
    moves an element by no more than a share of what it is added up from. `spread` tells that every
    element depends on all, so that the largest decides. `rounds` tells that choices are between
    numbers that were rounded on the way, so that equals on paper may differ in a run; or that the
    result may be far more sensitive to such roundings than `reach` says. `over_all` gives what to
    compute where statistics over all tensors of a value count, given the operator applied to each
    of them in order: one application to all elements, or one for each tensor.
    """

    name: str
    value: Callable[[Applied], Vector]
    reach: Callable[[Applied], Sequence[Fraction]]
    spread: bool
    rounds: bool
    over_all: OverAll = _not_over_all

    def __call__(self, at: Applied) -> Vector:
        """The elements of the result. NotStatedError for edge cases of another tool."""
        if at.params.get("dialect") is not None:
            raise NotStatedError(f"{at.op} with a dialect")
        return self.value(at)


def means(
    *names: str,
    reach: Callable[[Applied], Sequence[Fraction]] = _each_once,
    spread: bool = False,
    rounds: bool = False,
    over_all: OverAll = _not_over_all,
) -> Callable[[Callable[[Applied], Vector]], tuple[Meaning, ...]]:
    """Decorate a function of `mergec.verify.exact`: it is what operators of these names give.

    By default no operand counts more than once, as in an average or a selection.
    """

    def state(value: Callable[[Applied], Vector]) -> tuple[Meaning, ...]:
        return tuple(Meaning(name, value, reach, spread, rounds, over_all) for name in names)

    return state


def combine(coefficients: Sequence[Fraction], operands: Sequence[Vector]) -> Vector:
    """The sum of the operands times their coefficients."""
    pairs = list(zip(coefficients, operands, strict=True))
    return tuple(sum((c * x[j] for c, x in pairs), Fraction(0)) for j in range(len(operands[0])))


def sign(value: Fraction) -> int:
    """1, 0 or -1."""
    return (value > 0) - (value < 0)


def square_root(value: Fraction) -> Fraction:
    """Irrational, so it passes through float64."""
    return Fraction(math.sqrt(value))


def columns(operands: Sequence[Vector]) -> list[tuple[Fraction, ...]]:
    """What stands at each index, in the order of the operands."""
    return list(zip(*operands, strict=True))


def _rational(value: Value) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, Fraction | int):
        raise TypeError(f"{value!r} is not a number")
    return Fraction(value)
