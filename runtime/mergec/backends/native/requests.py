"""What is asked of a block, in buffers of this machine's memory that kernels write into."""

from typing import Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

from mergec.backends.lazy.array import Lazy
from mergec.backends.lazy.kernel import DIGITS, Call
from mergec.backends.lazy.requests import Answerer, Counts, Request, Sums
from mergec.backends.native.emit import FLAGS, SCRATCH
from mergec.catalog.dtypes import Dtype
from mergec.ops.tree_sum import LEAF

Array = NDArray[Any]


class Lender(Answerer, Protocol):
    """Has memory for kernels."""

    def scratch(self, number: int, nbytes: int) -> Array:
        """Memory that a kernel may use until it returns; several at once by `number`."""
        ...


@final
class EncodedBlock(Request):
    """A result as it is stored, how many elements are not finite then, and how many too small."""

    def __init__(self, answerer: Answerer, x: Lazy, dtype: Dtype) -> None:
        super().__init__(answerer, x)
        self._dtype = dtype
        self._bytes = np.empty(len(x) * dtype.bits // 8, np.uint8)
        self._counts = np.zeros(2, np.int64)

    def add_to(self, call: Call, x: Lazy, number: int) -> None:
        """In the loop of everything elementwise."""
        call.root("store", [x], [self._bytes, self._counts], self._dtype.word)

    @property
    def data(self) -> memoryview:
        """The bytes."""
        self.wait()
        return self._bytes.data

    @property
    def lost(self) -> int:
        """How many elements are NaN or infinite as they are stored."""
        self.wait()
        return int(self._counts[0])

    @property
    def underflow(self) -> int:
        """How many that are not zero are stored as zero, or below the least normal number."""
        self.wait()
        return int(self._counts[1])


@final
class NativeSums(Sums):
    """Written leaf by leaf."""

    def __init__(self, lender: Lender, x: Lazy) -> None:
        super().__init__(lender, x)
        self._lender = lender
        self._found = np.empty(-(-len(x) // LEAF), np.float64)

    def add_to(self, call: Call, x: Lazy, number: int) -> None:
        """With scratch memory for a leaf, or for all elements of the last one padded."""
        last = len(x) % LEAF
        padded = 1 << (last - 1).bit_length() if last else 0
        scratch = self._lender.scratch(number, max(SCRATCH, padded) * 8)
        call.root("sums", [x], [self._found, scratch], numbers=[padded])

    @property
    def found(self) -> Array:
        """All of them."""
        self.wait()
        return self._found


@final
class NativeCounts(Counts):
    """Blocks are counted into the tables of the first of them."""

    def __init__(self, lender: Lender, x: Lazy, shift: int, prefix: int) -> None:
        super().__init__(lender, x, shift, prefix)
        self._lender = lender
        self._two = self.top
        self._tables: Array | None = None

    def add_to(self, call: Call, x: Lazy, number: int) -> None:
        """Count into the tables that there are, or new ones."""
        tables = self._counters()
        if self.top:
            call.root("top", [x], [tables], numbers=[self.shift])
            return
        flags = self._lender.scratch(number, FLAGS)
        call.root("digit", [x], [tables, flags], numbers=[self.shift, self.prefix])

    @property
    def array(self) -> Array:
        """The counts of all digits."""
        self.wait_for_all()
        tables = self._counters()
        if not self._two:
            return tables
        every = np.zeros(DIGITS, np.int64)
        every[: DIGITS // 2] = tables[: DIGITS // 2] + tables[DIGITS // 2 :]
        return every

    def share(self, other: Counts) -> bool:
        """If it has no tables yet, and would use these in the same way."""
        if not isinstance(other, NativeCounts):
            return False
        if other._tables is not None or other._two != self._two:
            return False
        other._tables = self._counters()
        return True

    def absorb(self, counts: Array) -> None:
        """In one table, where the two of a top digit are added."""
        self._tables = self.array + counts
        self._two = False

    def _counters(self) -> Array:
        if self._tables is None:
            self._tables = np.zeros(DIGITS, np.int64)
        return self._tables
