"""Arrays that are not computed yet: each remembers the operation and the operands it comes from.

What is asked for as numbers (`Lazy.view`) is computed then, and the rest with the results of a
block. Arrays never change, so in-place operators make new ones.
"""

import operator
from collections.abc import Callable
from typing import Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

from mergec.backends.lazy.eager import Eager, Elements
from mergec.catalog.dtypes import Dtype

F32, F64, I32, I64, BOOL = "f32", "f64", "i32", "i64", "bool"
_FLOATS = (F32, F64)
Number = tuple[str, float]
"""A number beside arrays: its kind, `f32`, `f64` or `i64`, and its value."""
WIDTH = {BOOL: 0, I32: 1, I64: 2, F32: 3, F64: 4}
"""From narrow to wide: two operands meet in the wider kind."""


class Forcer(Protocol):
    """Computes arrays now."""

    @property
    def eager(self) -> Eager:
        """The library of the arrays that are computed."""
        ...

    def force(self, x: "Lazy") -> Elements:
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
    computed, an array of the eager library in `data`; or an operation on `args`, arrays or
    `Number`s. Where the bytes are `lent`, they are gone with the block.
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
    def dtype(self) -> Any:
        """That of the elements."""
        return self.forcer.eager.dtypes[self.kind]

    @property
    def view(self) -> Elements:
        """The elements; nobody writes to them."""
        if self.op != "array":
            self.become(self.forcer.force(self))
        return self.data

    def become(self, elements: Elements) -> None:
        """Forget where the elements come from."""
        self.op, self.args, self.data, self.of = "array", (), elements, None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.forcer.eager.on_host(self.view), dtype=dtype, copy=copy)

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


def given(forcer: Forcer, elements: Elements) -> Lazy:
    """An array of the eager library that nobody writes to any more."""
    kind = forcer.eager.kinds[elements.dtype]
    return Lazy(forcer, "array", (), kind, len(elements), elements)


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
    library = arrays[0].forcer.eager.array
    if len(arrays) == 1 and (isinstance(left, library) or isinstance(right, library)):
        # A matrix: the result is the library's too.
        return compute(_elements(left, arrays[0]), _elements(right, arrays[0]))
    if all(each.op == "array" for each in arrays):
        # Elements that are there already, such as one for each row, are worth no kernel.
        made = compute(_elements(left, arrays[0]), _elements(right, arrays[-1]))
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
    """As the library takes an operand: a number has the dtype of the array that it meets."""
    if isinstance(x, Lazy):
        return x.view
    eager = array.forcer.eager
    return x if isinstance(x, eager.array) else eager.scalar(x, array.kind)
