"""Lazy arrays on the CPU: numpy's arrays, and kernels that LLVM compiles."""

from collections.abc import Callable, Sequence
from threading import local
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from mergec.backends.lazy.array import F64, Lazy, given
from mergec.backends.lazy.kernel import Call
from mergec.backends.lazy.namespace import LazyNamespace
from mergec.backends.native.engine import Engine
from mergec.backends.native.numpy_arrays import NUMPY, NumpyArrays
from mergec.backends.native.ranking import LEAST_ROW, scratch_bytes
from mergec.backends.native.requests import NativeCounts, NativeSums

Array = NDArray[Any]


@final
class _Scratch(local):
    """The scratch memory of one thread."""

    def __init__(self) -> None:
        self.known: dict[int, Array] = {}


@final
class NativeNamespace(LazyNamespace):
    """Rooms are numpy's arrays; kernels get their addresses."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(NumpyArrays())
        self._engine = engine
        self._scratch = _Scratch()

    def run(self, call: Call) -> None:
        """By its compiled kernel."""
        compiled: Callable[..., None] = self._engine.compiled(call.kernel)
        numbers: Sequence[Array] = call.numbers()
        compiled(call.n, *map(_address, (*numbers, *call.buffers)))

    def room(self, n: int, kind: str) -> Array:
        """Not cleared but for the first element, to which a total is added."""
        elements = np.empty(n, NUMPY[kind])
        elements[:1] = 0
        return elements

    def contents(self, room: Array) -> Array:
        """The room itself."""
        return room

    def counts(self, x: Lazy, shift: int, prefix: int) -> NativeCounts:
        """Counted by the kernel."""
        return NativeCounts(self, x, shift, prefix)

    def sums(self, x: Lazy) -> NativeSums:
        """Summed by the kernel."""
        return NativeSums(self, x)

    def row_ranks(self, x: Lazy, row: int) -> Lazy:
        """By a radix sort of the patterns, where they have 32 bits and the row is worth it."""
        if x.kind == F64 or row < LEAST_ROW:
            return given(self, self.eager.xp.row_ranks(x.view, row))
        patterns, ranks = self.magnitude_bits(x).view, np.empty(x.n, np.int64)
        scratch = self.scratch(0, scratch_bytes(row))
        addresses = map(_address, (patterns, ranks, scratch))
        patterns_at, ranks_at, scratch_at = addresses
        self._engine.rank(patterns_at, x.n // row, row, ranks_at, scratch_at)
        return given(self, ranks)

    def scratch(self, number: int, nbytes: int) -> Array:
        """This thread's memory of that number."""
        known = self._scratch.known
        if number not in known or known[number].nbytes < nbytes:
            known[number] = np.empty(nbytes, np.uint8)
        return known[number]


def _address(buffer: Any) -> int:
    if not isinstance(buffer, np.ndarray):
        buffer = np.frombuffer(buffer, np.uint8)
    interface: dict[str, Any] = buffer.__array_interface__
    address: int = interface["data"][0]
    return address
