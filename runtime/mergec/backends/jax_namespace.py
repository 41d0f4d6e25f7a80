"""The array namespace over JAX: elementwise in XLA, the rest in numpy on the host.

What counts, adds, ranks or rearranges would be compiled for each length of row and number of rows,
and XLA's scatter, sort and scan are slow on a CPU, where numpy sees XLA's memory without a copy.
So these are the reference's own code, as are matrices, which stay numpy's arrays throughout: on a
CPU both libraries call the same kind of LAPACK.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from mergec.backends.jax_block import Block, Device, capacity
from mergec.backends.reference import NumpyNamespace
from mergec.ops.threefry import Key, encrypt

Mask = Block
Matrix = NDArray[Any]


@final
class JaxNamespace:
    """`mergec.ops.namespace.ArrayNamespace` over blocks of JAX arrays."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._numpy = NumpyNamespace()
        self._steps: dict[int, Any] = {}

    def untrapped(self) -> AbstractContextManager[None]:
        """Numpy converts numbers to a block's dtype, and would warn."""
        return np.errstate(all="ignore")

    def where(self, mask: Mask, x: Block | float, y: Block | float) -> Block:
        """By selection."""
        like = x if isinstance(x, Block) else y
        assert isinstance(like, Block)
        return self._made("where", mask, like.argument(x), like.argument(y))

    def abs(self, x: Block) -> Block:
        """Magnitudes."""
        return self._made("abs", x)

    def sign(self, x: Block, like: Block) -> Block:
        """By two comparisons."""
        return self._made("sign", x, like.dtype)

    def widen(self, x: Block) -> Block:
        """`x` in float64."""
        return self._converted(x, np.dtype(np.float64))

    def narrow(self, x: Block, like: Block) -> Block:
        """Rounded to nearest even."""
        return self._converted(x, like.dtype)

    def sqrt(self, x: Block) -> Block:
        """Square roots."""
        return self._made("sqrt", x)

    def mask_as(self, mask: Mask, like: Block) -> Block:
        """Zeros and ones."""
        return self._converted(mask, like.dtype)

    def magnitude_bits(self, x: Block) -> Block:
        """Patterns with the sign bit cleared."""
        return self._made("magnitude_bits", x)

    def iota(self, n: int) -> Block:
        """int32 0 ... n-1."""
        size = capacity(n)
        if size not in self._steps:
            self._steps[size] = self._device.put(np.arange(size, dtype=np.int32))
        return Block(self._device, self._steps[size], n)

    def rotate_left(self, x: Block, by: int) -> Block:
        """The right shift brings in zeros."""
        return self._made("rotate_left", x, np.int32(by), np.int32(32 - by))

    def threefry(self, key: Key, low: Block, high: Block) -> tuple[Block, Block]:
        """One operation after the other."""
        return encrypt(self, key, low, high)

    def interleave(self, even: Block, odd: Block) -> Block:
        """Alternating."""
        n = 2 * len(even)
        both = self._device.programs["interleave"](even.data, odd.data, capacity(n))
        return Block(self._device, both, n)

    def exp(self, x: Block) -> Block:
        """Exponentials."""
        return self._made("exp", x)

    def log(self, x: Block) -> Block:
        """Logarithms."""
        return self._made("log", x)

    def tanh(self, x: Block) -> Block:
        """Hyperbolic tangents."""
        return self._made("tanh", x)

    def histogram(self, x: Block, shift: int, prefix: int) -> NDArray[Any]:
        """Counts of one 16-bit digit."""
        return self._numpy.histogram(x.view, shift, prefix)

    def count(self, mask: Mask) -> int:
        """How many hold."""
        return self._numpy.count(mask.view)

    def cumulative_count(self, mask: Mask) -> Block:
        """Inclusive."""
        return self._place(self._numpy.cumulative_count(mask.view))

    def leaf_sums(self, x: Block) -> list[float]:
        """Halvings of rows of 2^16."""
        return self._numpy.leaf_sums(x.view)

    def row_sums(self, x: Block, row: int) -> Block:
        """Halvings of rows."""
        return self._place(self._numpy.row_sums(x.view, row))

    def column_sums(self, x: Block, row: int) -> Block:
        """Halvings of columns."""
        return self._place(self._numpy.column_sums(x.view, row))

    def row_max(self, x: Block, row: int) -> Block:
        """The largest of each row."""
        return self._place(self._numpy.row_max(x.view, row))

    def row_ranks(self, x: Block, row: int) -> Block:
        """By a stable sort of the patterns."""
        return self._place(self._numpy.row_ranks(x.view, row))

    def spread(self, values: Block, row: int) -> Block:
        """Each element `row` times."""
        return self._place(self._numpy.spread(values.view, row))

    def tile(self, values: Block, times: int) -> Block:
        """All elements `times` times."""
        return self._place(self._numpy.tile(values.view, times))

    def floats(self, values: Sequence[float]) -> Block:
        """A float64 block."""
        return self._place(self._numpy.floats(values))

    def integers(self, values: Sequence[int]) -> Block:
        """An int64 block."""
        return self._place(self._numpy.integers(values))

    def host(self, x: Block) -> list[Any]:
        """Python's numbers."""
        return self._numpy.host(x.view)

    def low_rank(
        self, b: Block, a: Block, rank: int, start: int, count: int, *, turned: bool
    ) -> Block:
        """Outer products, added up."""
        found = self._numpy.low_rank(b.view, a.view, rank, start, count, turned=turned)
        return self._place(found)

    def take(self, table: Block, places: Block) -> Block:
        """By indexing."""
        return self._place(self._numpy.take(table.view, places.view))

    def join(self, blocks: Sequence[Block]) -> Block:
        """Concatenated."""
        return self._place(self._numpy.join([block.view for block in blocks]))

    def reorder(self, x: Block, order: Sequence[int], width: int) -> Block:
        """By indexing."""
        return self._place(self._numpy.reorder(x.view, order, width))

    def matrix(self, x: Block, columns: int) -> Matrix:
        """A numpy array, read-only."""
        return self._numpy.matrix(x.view, columns)

    def flat(self, matrix: Matrix) -> Block:
        """A block again."""
        return self._place(self._numpy.flat(matrix))

    def svd(self, matrix: Matrix) -> tuple[Matrix, Block, Matrix]:
        """LAPACK's."""
        u, values, vt = self._numpy.svd(matrix)
        return u, self._place(values), vt

    def by_units(self, x: Block, count: int, width: int) -> Matrix:
        """A numpy array."""
        return self._numpy.by_units(x.view, count, width)

    def assign(self, gains: Matrix) -> list[int]:
        """Scipy's."""
        return self._numpy.assign(gains)

    def solve(self, matrix: Matrix, right: Matrix) -> Matrix:
        """LAPACK's."""
        return self._numpy.solve(matrix, right)

    def _converted(self, x: Block, dtype: np.dtype[Any]) -> Block:
        return x if x.dtype == dtype else self._made("convert", x, dtype)

    def _made(self, name: str, x: Block, *others: Any) -> Block:
        return Block(self._device, self._device.programs[name](x.data, *others), x.n)

    def _place(self, x: NDArray[Any]) -> Block:
        return self._device.place(x)
