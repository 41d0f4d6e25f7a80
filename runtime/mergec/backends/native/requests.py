"""What stages and the executor ask of a block, answered together by one kernel."""

from abc import ABC, abstractmethod
from typing import Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

from mergec.backends.native.emit import DIGITS, FLAGS, SCRATCH
from mergec.backends.native.kernel import Call
from mergec.backends.native.lazy import F32, Lazy
from mergec.catalog.dtypes import Dtype
from mergec.ops.tree_sum import LEAF

Array = NDArray[Any]


class Answerer(Protocol):
    """Answers requests of its thread."""

    def answer(self) -> None:
        """All requests that are open."""
        ...

    def scratch(self, number: int, nbytes: int) -> Array:
        """Memory that a kernel may use until it returns; several at once by `number`."""
        ...


class Request(ABC):
    """Something to be made of `x`; dropped from here once it is there."""

    def __init__(self, answerer: Answerer, x: Lazy) -> None:
        self.answerer = answerer
        self.x: Lazy | None = x

    @abstractmethod
    def add_to(self, call: Call, x: Lazy, number: int) -> None:
        """Ask `call` for it, as its request of that number."""

    def wait(self) -> None:
        """Return when it is there."""
        if self.x is not None:
            self.answerer.answer()


@final
class EncodedBlock(Request):
    """A result as it is stored, and how many of its elements are not finite then."""

    def __init__(self, answerer: Answerer, x: Lazy, dtype: Dtype) -> None:
        super().__init__(answerer, x)
        self._dtype = dtype
        self._bytes = np.empty(len(x) * dtype.bits // 8, np.uint8)
        self._lost = np.zeros(1, np.int64)

    def add_to(self, call: Call, x: Lazy, number: int) -> None:
        """In the loop of everything elementwise."""
        call.root("store", [x], [self._bytes, self._lost], self._dtype.word)

    @property
    def data(self) -> memoryview:
        """The bytes."""
        self.wait()
        return self._bytes.data

    @property
    def lost(self) -> int:
        """How many elements are NaN or infinite as they are stored."""
        self.wait()
        return int(self._lost[0])


@final
class Sums(Request):
    """The sums of a block's leaves."""

    def __init__(self, answerer: Answerer, x: Lazy) -> None:
        super().__init__(answerer, x)
        self.found = np.empty(-(-len(x) // LEAF), np.float64)

    def add_to(self, call: Call, x: Lazy, number: int) -> None:
        """With scratch memory for a leaf, or for all elements of the last one padded."""
        last = len(x) % LEAF
        padded = 1 << (last - 1).bit_length() if last else 0
        scratch = self.answerer.scratch(number, max(SCRATCH, padded) * 8)
        call.root("sums", [x], [self.found, scratch], numbers=[padded])


@final
class Leaf:
    """One of the sums, a number as soon as it is looked at."""

    __slots__ = ("number", "sums")

    def __init__(self, sums: Sums, number: int) -> None:
        self.sums = sums
        self.number = number

    def __float__(self) -> float:
        self.sums.wait()
        return float(self.sums.found[self.number])


@final
class Counts(Request):
    """A histogram; those of further blocks are counted into it by `+=`."""

    def __init__(self, answerer: Answerer, x: Lazy, shift: int, prefix: int) -> None:
        super().__init__(answerer, x)
        self._shift, self._prefix = shift, prefix
        self._top = shift == (16 if x.kind == F32 else 48)
        self._tables: Array | None = None
        self._last: Counts | None = None

    def add_to(self, call: Call, x: Lazy, number: int) -> None:
        """Count into the tables that there are, or new ones."""
        tables = self._counters()
        if self._top:
            call.root("top", [x], [tables], numbers=[self._shift])
            return
        flags = self.answerer.scratch(number, FLAGS)
        call.root("digit", [x], [tables, flags], numbers=[self._shift, self._prefix])

    def __iadd__(self, other: "Counts | Array") -> "Counts":
        pending = isinstance(other, Counts) and other.x is not None and other._tables is None
        if isinstance(other, Counts) and pending and other._top == self._top:
            other._tables = self._counters()
            self._last = other
        else:
            self.wait()
            self._tables = self.array + np.asarray(other)
            self._top = False
        return self

    def __add__(self, other: "Counts | Array") -> Array:
        total: Array = self.array + np.asarray(other)
        return total

    def __len__(self) -> int:
        return DIGITS

    def __getitem__(self, place: Any) -> Any:
        return self.array[place]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.array, dtype=dtype, copy=copy)

    def nonzero(self) -> tuple[Array, ...]:
        """Which digits occur."""
        return self.array.nonzero()

    def wait(self) -> None:
        """Return when all that was added is there; what is asked last is not answered before."""
        super().wait()
        if self._last is not None:
            self._last.wait()

    @property
    def array(self) -> Array:
        """The counts of all digits."""
        self.wait()
        tables = self._counters()
        if not self._top:
            return tables
        every = np.zeros(DIGITS, np.int64)
        every[: DIGITS // 2] = tables[: DIGITS // 2] + tables[DIGITS // 2 :]
        return every

    def _counters(self) -> Array:
        if self._tables is None:
            self._tables = np.zeros(DIGITS, np.int64)
        return self._tables
