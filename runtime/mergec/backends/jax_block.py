"""The arrays of the JAX backend: any length, but few shapes, for XLA compiles once for each shape.

A tensor's last block may have any length. So a block lies at the start of an array of one of a few
capacities, and what lies behind it is noise that no result depends on: elementwise operations run
over noise as well, and whatever counts, adds or rearranges sees a numpy view without it. Every
operation is a program of its own, so XLA has no product and sum to contract; numbers are arguments
of it, converted to the array's dtype before.
"""

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from mergec.backends.jax_programs import OPERATORS, programs
from mergec.ops.tree_sum import LEAF

# Biases and the scales of norms fit. To compile for one more length costs more than it saves.
_SMALL = 1 << 12


def capacity(n: int) -> int:
    """The length of the array that holds `n` elements: 2¹², 2¹⁶ or a power of two above."""
    return _SMALL if n <= _SMALL else max(LEAF, 1 << (n - 1).bit_length())


@final
class Device:
    """Where blocks lie, and the programs that make blocks of blocks."""

    def __init__(self, jax: Any, device: Any) -> None:
        self.programs = programs(jax)
        self._put = jax.device_put
        self._device = device

    def put(self, x: NDArray[Any]) -> Any:
        """An array of JAX with the elements of one of numpy's that nobody writes to any more."""
        return self._put(x, self._device)

    def place(self, x: NDArray[Any]) -> "Block":
        """A block with the elements of a 1-D array that nobody writes to any more."""
        n, size = len(x), capacity(len(x))
        if n < size:
            padded = np.zeros(size, x.dtype)
            padded[:n] = x
            x = padded
        return Block(self, self.put(x), n)


@final
class Block:
    """A 1-D array of `n` elements. In-place operators make a new one, as JAX's arrays are fixed."""

    __slots__ = ("data", "device", "n")
    # Numpy's numbers and arrays leave an operation with a block to the block.
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]  # == is elementwise

    def __init__(self, device: Device, data: Any, n: int) -> None:
        self.device = device
        self.data = data
        self.n = n

    def __len__(self) -> int:
        return self.n

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of the elements."""
        dtype: np.dtype[Any] = self.data.dtype
        return dtype

    @property
    def view(self) -> NDArray[Any]:
        """The elements as numpy's, read-only; on a CPU the same memory."""
        elements: NDArray[Any] = np.asarray(self.data)
        return elements[: self.n]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.view, dtype=dtype, copy=copy)

    def __getitem__(self, place: int | slice) -> Any:
        if not isinstance(place, slice):
            return self.view[place]
        start, stop, step = place.indices(self.n)
        n = max(stop - start, 0)
        if (start, step) == (0, 1) and capacity(n) == len(self.data):
            return Block(self.device, self.data, n)
        return self.device.place(self.view[place].copy())

    def argument(self, other: Any) -> Any:
        """Another operand as a program takes it: an array, or a number in this block's dtype."""
        if isinstance(other, Block):
            return other.data
        return self.dtype.type(other)

    def _binary(self, name: str, other: Any) -> Any:
        if isinstance(other, np.ndarray):  # a matrix: the result is numpy's too
            return OPERATORS[name](self.view, other)
        found = self.device.programs[name](self.data, self.argument(other))
        return Block(self.device, found, self.n)

    def _reflected(self, name: str, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            return OPERATORS[name](other, self.view)
        found = self.device.programs[name](self.argument(other), self.data)
        return Block(self.device, found, self.n)

    def _unary(self, name: str) -> "Block":
        return Block(self.device, self.device.programs[name](self.data), self.n)

    def __add__(self, other: Any) -> Any:
        return self._binary("add", other)

    def __sub__(self, other: Any) -> Any:
        return self._binary("sub", other)

    def __mul__(self, other: Any) -> Any:
        return self._binary("mul", other)

    def __truediv__(self, other: Any) -> Any:
        number = not isinstance(other, (Block, np.ndarray))
        return self._binary("divide_by" if number else "truediv", other)

    def __radd__(self, other: Any) -> Any:
        return self._reflected("add", other)

    def __rsub__(self, other: Any) -> Any:
        return self._reflected("sub", other)

    def __rmul__(self, other: Any) -> Any:
        return self._reflected("mul", other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._reflected("truediv", other)

    def __and__(self, other: Any) -> Any:
        return self._binary("and_", other)

    def __or__(self, other: Any) -> Any:
        return self._binary("or_", other)

    def __xor__(self, other: Any) -> Any:
        return self._binary("xor", other)

    def __eq__(self, other: object) -> Any:
        return self._binary("eq", other)

    def __ne__(self, other: object) -> Any:
        return self._binary("ne", other)

    def __lt__(self, other: Any) -> Any:
        return self._binary("lt", other)

    def __le__(self, other: Any) -> Any:
        return self._binary("le", other)

    def __gt__(self, other: Any) -> Any:
        return self._binary("gt", other)

    def __ge__(self, other: Any) -> Any:
        return self._binary("ge", other)

    def __neg__(self) -> "Block":
        return self._unary("neg")

    def __invert__(self) -> "Block":
        return self._unary("invert")
