"""Arrays that are not computed yet: each remembers the operation and the operands it comes from.

What is asked for as numbers (`Lazy.view`) is computed then, and the rest with the results of a
block. Arrays never change, so in-place operators make new ones.
"""

import operator
from collections.abc import Callable
from typing import Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

from mergec.catalog.dtypes import Dtype

Array = NDArray[Any]

F32, F64, I32, I64, BOOL = "f32", "f64", "i32", "i64", "bool"
NUMPY: dict[str, np.dtype[Any]] = {
    F32: np.dtype(np.float32),
    F64: np.dtype(np.float64),
    I32: np.dtype(np.int32),
    I64: np.dtype(np.int64),
    BOOL: np.dtype(np.bool_),
}
_FLOATS = (F32, F64)
Number = tuple[str, float]
"""A number beside arrays: its kind, `f32`, `f64` or `i64`, and its value."""
KIND = {dtype: kind for kind, dtype in NUMPY.items()}
WIDTH = {BOOL: 0, I32: 1, I64: 2, F32: 3, F64: 4}
"""From narrow to wide: two operands meet in the wider kind."""


class Forcer(Protocol):
    """Computes arrays now."""

    def force(self, x: "Lazy") -> Array:
        """The elements of `x`."""
        ...

    def grows_large(self) -> bool:
        """Count one more operation; whether there are too many to be compiled together."""
        ...

    def compute(self, x: "Lazy") -> None:
        """Make an `array` of `x` without a kernel."""
        ...

    def lend(self, x: "Lazy") -> None:
        """Take the bytes of `x`, which are the reader's, away when the block is finished."""
        ...


@final
class Lazy:
    """A 1-D array of `n` elements of one `kind`.

    `op` is `stored` for a source's bytes in `data`, whose dtype is `of`; `array` for what is
    computed, a numpy array in `data`; or an operation on `args`, arrays or `Number`s. Where
    the bytes are `lent`, they are gone with the block.
    """

    __slots__ = ("args", "data", "forcer", "kind", "lent", "n", "of", "op")
    # Numpy's numbers and arrays leave an operation with an array to the array.
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]  # == is elementwise

    def __init__(
        self,
        forcer: Forcer,
        op: str,
        args: tuple[Any, ...],
        kind: str,
        n: int,
        data: Any = None,
        of: Dtype | None = None,
        *,
        lent: bool = False,
    ) -> None:
        self.forcer = forcer
        self.op = op
        self.args: tuple[Any, ...] = args
        self.kind = kind
        self.n = n
        self.data = data
        self.of = of
        self.lent = lent
        if lent:
            forcer.lend(self)

    def __len__(self) -> int:
        return self.n

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of the elements."""
        return NUMPY[self.kind]

    @property
    def view(self) -> Array:
        """The elements; nobody writes to them."""
        if self.op != "array":
            self.become(self.forcer.force(self))
        elements: Array = self.data
        return elements

    def become(self, elements: Array) -> None:
        """Forget where the elements come from."""
        self.op, self.args, self.data, self.of = "array", (), elements, None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.view, dtype=dtype, copy=copy)

    def __getitem__(self, place: int | slice) -> Any:
        if not isinstance(place, slice):
            return self.view[place]
        start, stop, step = place.indices(self.n)
        if (start, stop, step) == (0, self.n, 1):
            return self
        if self.op == "stored" and step == 1 and self.of is not None:
            width, n = self.of.bits // 8, max(stop - start, 0)
            part = self.data[start * width : (start + n) * width]
            return Lazy(self.forcer, "stored", (), self.kind, n, part, self.of, lent=self.lent)
        return given(self.forcer, self.view[place])

    def __add__(self, other: Any) -> Any:
        return _binary("add", self, other)

    def __sub__(self, other: Any) -> Any:
        return _binary("sub", self, other)

    def __mul__(self, other: Any) -> Any:
        return _binary("mul", self, other)

    def __truediv__(self, other: Any) -> Any:
        return _binary("truediv", self, other)

    def __radd__(self, other: Any) -> Any:
        return _binary("add", other, self)

    def __rsub__(self, other: Any) -> Any:
        return _binary("sub", other, self)

    def __rmul__(self, other: Any) -> Any:
        return _binary("mul", other, self)

    def __rtruediv__(self, other: Any) -> Any:
        return _binary("truediv", other, self)

    def __and__(self, other: Any) -> Any:
        return _binary("and_", self, other)

    def __or__(self, other: Any) -> Any:
        return _binary("or_", self, other)

    def __xor__(self, other: Any) -> Any:
        return _binary("xor", self, other)

    def __eq__(self, other: object) -> Any:
        return _binary("eq", self, other)

    def __ne__(self, other: object) -> Any:
        return _binary("ne", self, other)

    def __lt__(self, other: Any) -> Any:
        return _binary("lt", self, other)

    def __le__(self, other: Any) -> Any:
        return _binary("le", self, other)

    def __gt__(self, other: Any) -> Any:
        return _binary("gt", self, other)

    def __ge__(self, other: Any) -> Any:
        return _binary("ge", self, other)

    def __neg__(self) -> "Lazy":
        return _unary("neg", self)

    def __invert__(self) -> "Lazy":
        return _unary("invert", self)


_COMPARISONS = frozenset(("eq", "ne", "lt", "le", "gt", "ge"))


def given(forcer: Forcer, elements: Array) -> Lazy:
    """An array of numpy's that nobody writes to any more."""
    return Lazy(forcer, "array", (), KIND[elements.dtype], len(elements), elements)


def derived(op: str, kind: str, first: Lazy, *others: Any) -> Lazy:
    """What `op` makes of arrays of one length and of numbers as `number` has them."""
    forcer = first.forcer
    made = Lazy(forcer, op, (first, *others), kind, first.n)
    if forcer.grows_large():
        forcer.compute(made)
    return made


def number(value: float, kind: str) -> Number:
    """A number that meets arrays of `kind`."""
    return (kind if kind in _FLOATS else I64), value


def _unary(op: str, x: Lazy) -> Lazy:
    if x.op == "array":
        return given(x.forcer, getattr(operator, op)(x.data))
    return derived(op, x.kind, x)


def _binary(op: str, left: Any, right: Any) -> Any:
    compute: Callable[[Any, Any], Any] = getattr(operator, op)
    arrays = [each for each in (left, right) if isinstance(each, Lazy)]
    if len(arrays) == 1 and (isinstance(left, np.ndarray) or isinstance(right, np.ndarray)):
        # A matrix: the result is numpy's too.
        return compute(_elements(left, arrays[0]), _elements(right, arrays[0]))
    if all(each.op == "array" for each in arrays):
        # Elements that are there already, such as one for each row, are worth no kernel.
        made: Array = compute(_elements(left, arrays[0]), _elements(right, arrays[-1]))
        return given(arrays[0].forcer, made)
    if len(arrays) == 1:
        kind = arrays[0].kind
        parts = [each if isinstance(each, Lazy) else number(each, kind) for each in (left, right)]
    else:
        kind = left.kind if WIDTH[left.kind] >= WIDTH[right.kind] else right.kind
        parts = [left, right]
        if left.n != right.n:
            raise ValueError(f"arrays of {left.n} and {right.n} elements do not meet")
    result = BOOL if op in _COMPARISONS else kind
    noted = Lazy(arrays[0].forcer, op, tuple(parts), result, arrays[0].n)
    if noted.forcer.grows_large():
        noted.forcer.compute(noted)
    return noted


def _elements(x: Any, array: Lazy) -> Any:
    """As numpy takes an operand: a number has the dtype of the array that it meets."""
    if isinstance(x, Lazy):
        return x.view
    return x if isinstance(x, np.ndarray) else array.dtype.type(x)  # pyright: ignore[reportUnknownVariableType]
