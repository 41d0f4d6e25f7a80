"""The oracle: numpy on the CPU. Every other backend is compared with it bit for bit."""

import struct
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, final

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from mergec.backends import assignment, numpy_matrices, numpy_rows
from mergec.backends.allocator import keep_freed_blocks
from mergec.backends.backend import Backend
from mergec.backends.overflow import NEVER_OVERFLOWS, NORMAL_FROM, OVERFLOW_FROM
from mergec.catalog.dtypes import SIGNIFICAND_BITS, Dtype
from mergec.ops.threefry import Key, encrypt
from mergec.ops.tree_sum import LEAF

Floats = NDArray[Any]
Mask = NDArray[np.bool_]
Ints = NDArray[Any]

_NUMPY: dict[Dtype, np.dtype[Any]] = {
    Dtype.BF16: np.dtype(ml_dtypes.bfloat16),
    Dtype.F16: np.dtype("<f2"),
    Dtype.F32: np.dtype("<f4"),
    Dtype.F64: np.dtype("<f8"),
}


@final
class ReferenceBackend(Backend):
    """numpy and ml_dtypes, one thread, no compiled code of ours."""

    def __init__(self) -> None:
        keep_freed_blocks()
        self.name = "reference"
        self.xp = NumpyNamespace()

    def load(self, raw: memoryview, dtype: Dtype, work: Dtype) -> Floats:
        """Always a copy, so that the reader may reuse its buffer."""
        if SIGNIFICAND_BITS[dtype] > SIGNIFICAND_BITS[work]:
            raise ValueError(f"{dtype.word} does not fit {work.word}")
        with np.errstate(invalid="ignore"):  # signalling NaN; non-finite elements are counted later
            return np.frombuffer(raw, _NUMPY[dtype]).astype(_NUMPY[work])

    def store(self, block: Floats, dtype: Dtype) -> memoryview:
        """The bytes are a new buffer, except where `block` already has the target dtype."""
        if dtype is not Dtype.F64:
            with np.errstate(all="ignore"):
                block = block.astype(np.float32, copy=False).astype(_NUMPY[dtype], copy=False)
        return np.ascontiguousarray(block).view(np.uint8).data

    def count_non_finite(self, block: Floats) -> int:
        """How many NaN and infinities a work block holds."""
        if not len(block) or _bound(block) < float("inf"):
            return 0
        return len(block) - int(np.count_nonzero(np.isfinite(block)))

    def count_overflow(self, block: Floats, dtype: Dtype) -> int:
        """How many finite elements of `block` become infinite when stored as `dtype`."""
        if dtype not in OVERFLOW_FROM or not len(block):
            return 0
        if _bound(block) <= NEVER_OVERFLOWS:
            return 0
        with np.errstate(all="ignore"):
            rounded = np.abs(block.astype(np.float32, copy=False))
        beyond = rounded >= np.float32(OVERFLOW_FROM[dtype])
        return int(np.count_nonzero(beyond & np.isfinite(block)))

    def count_underflow(self, block: Floats, dtype: Dtype) -> int:
        """How many elements but zeros are stored as `dtype` below its least normal number."""
        with np.errstate(all="ignore"):
            rounded = block if dtype is Dtype.F64 else block.astype(np.float32, copy=False)
            small = np.abs(rounded) < rounded.dtype.type(NORMAL_FROM[dtype])
        return int(np.count_nonzero(small & (block != 0))) if small.any() else 0


@final
class NumpyNamespace:
    """`mergec.ops.namespace.ArrayNamespace` over numpy."""

    def untrapped(self) -> AbstractContextManager[None]:
        """Numpy would warn; warnings are not how mergec reports an overflow."""
        return np.errstate(all="ignore")

    def where(self, mask: Mask, x: Floats | float, y: Floats | float) -> Floats:
        """By bits: `numpy.where` takes ten times as long on a mask that branches cannot predict."""
        like = x if isinstance(x, np.ndarray) else y
        assert isinstance(like, np.ndarray)
        word = np.dtype(f"i{like.dtype.itemsize}")
        chosen = -mask.view(np.int8).astype(word)
        if isinstance(y, float) and struct.pack("<d", y) == bytes(8):
            chosen &= _bits(x, like, word)
            return chosen.view(like.dtype)
        kept = _bits(y, like, word)
        chosen &= _bits(x, like, word) ^ kept
        chosen ^= kept
        return chosen.view(like.dtype)

    def abs(self, x: Floats) -> Floats:
        """Magnitudes."""
        return np.abs(x)

    def sign(self, x: Floats, like: Floats) -> Floats:
        """By two comparisons, which are vectorised; `numpy.sign` is not."""
        signs = (x > 0).view(np.int8) - (x < 0).view(np.int8)
        return signs.astype(like.dtype)

    def widen(self, x: Floats) -> Floats:
        """`x` in float64."""
        return x.astype(np.float64, copy=False)

    def narrow(self, x: Floats, like: Floats) -> Floats:
        """Rounded to nearest even."""
        return x.astype(like.dtype, copy=False)

    def sqrt(self, x: Floats) -> Floats:
        """Square roots."""
        return np.sqrt(x)

    def mask_as(self, mask: Mask, like: Floats) -> Floats:
        """Zeros and ones."""
        return mask.view(np.int8).astype(like.dtype)

    def magnitude_bits(self, x: Floats) -> Ints:
        """Patterns with the sign bit cleared."""
        word = np.dtype(f"i{x.dtype.itemsize}")
        return x.view(word) & np.iinfo(word).max

    def histogram(self, x: Floats, shift: int, prefix: int) -> Ints:
        """Counts of one 16-bit digit."""
        lanes = x.dtype.itemsize // 2
        if shift == 16 * (lanes - 1):  # the top digit: all elements, and the sign is in it
            counts = np.bincount(x.view(np.uint16)[lanes - 1 :: lanes], minlength=65536)
            counts[:32768] += counts[32768:]
            counts[32768:] = 0
            return counts
        bits = self.magnitude_bits(x)
        bits = bits[bits >> (shift + 16) == prefix]
        return np.bincount((bits >> shift) & 0xFFFF, minlength=65536)

    def count(self, mask: Mask) -> int:
        """How many hold."""
        return int(np.count_nonzero(mask))

    def cumulative_count(self, mask: Mask) -> Ints:
        """Inclusive."""
        return np.cumsum(mask, dtype=np.int32)

    def leaf_sums(self, x: Floats) -> list[float]:
        """Halvings of rows of 2^16."""
        whole = len(x) - len(x) % LEAF
        sums: list[float] = numpy_rows.row_sums(x[:whole], LEAF).tolist()
        if whole < len(x):
            sums += numpy_rows.row_sums(x[whole:], len(x) - whole).tolist()
        return sums

    def row_sums(self, x: Floats, row: int) -> Floats:
        """Halvings of rows."""
        return numpy_rows.row_sums(x, row)

    def column_sums(self, x: Floats, row: int) -> Floats:
        """Halvings of columns."""
        return numpy_rows.column_sums(x, row)

    def row_max(self, x: Floats, row: int) -> Floats:
        """The largest of each row."""
        return numpy_rows.row_max(x, row)

    def row_ranks(self, x: Floats, row: int) -> Ints:
        """By a stable sort of the patterns."""
        return numpy_rows.row_ranks(self.magnitude_bits(x), row)

    def spread(self, values: NDArray[Any], row: int) -> NDArray[Any]:
        """Each element `row` times."""
        return np.repeat(values, row)

    def tile(self, values: NDArray[Any], times: int) -> NDArray[Any]:
        """All elements `times` times."""
        return np.tile(values, times)

    def floats(self, values: Sequence[float]) -> Floats:
        """A float64 array."""
        return np.array(values, np.float64)

    def integers(self, values: Sequence[int]) -> Ints:
        """An int64 array."""
        return np.array(values, np.int64)

    def host(self, x: NDArray[Any]) -> list[Any]:
        """Python's numbers."""
        numbers: list[Any] = x.tolist()
        return numbers

    def low_rank(
        self, b: Floats, a: Floats, rank: int, start: int, count: int, *, turned: bool
    ) -> Floats:
        """Outer products, added up."""
        return numpy_rows.low_rank(b, a, rank, start, count, turned=turned)

    def take(self, table: NDArray[Any], places: Ints) -> NDArray[Any]:
        """By indexing."""
        return table[places]

    def join(self, blocks: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Concatenated."""
        return np.concatenate(blocks)

    def reorder(self, x: NDArray[Any], order: Sequence[int], width: int) -> NDArray[Any]:
        """By indexing."""
        return numpy_rows.in_units(x, len(order), width).take(list(order), axis=1).reshape(-1)

    def iota(self, n: int) -> Ints:
        """int32 0 ... n-1."""
        return np.arange(n, dtype=np.int32)

    def rotate_left(self, x: Ints, by: int) -> Ints:
        """On unsigned views, whose right shift brings in zeros."""
        words = x.view(np.uint32)
        turned = words << by
        words >>= 32 - by
        turned |= words
        return turned.view(np.int32)

    def threefry(self, key: Key, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """One operation after the other."""
        return encrypt(self, key, low, high)

    def interleave(self, even: NDArray[Any], odd: NDArray[Any]) -> NDArray[Any]:
        """Alternating."""
        both = np.empty(2 * len(even), even.dtype)
        both[0::2] = even
        both[1::2] = odd
        return both

    def exp(self, x: Floats) -> Floats:
        """Exponentials."""
        return np.exp(x)

    def log(self, x: Floats) -> Floats:
        """Logarithms."""
        return np.log(x)

    def tanh(self, x: Floats) -> Floats:
        """Hyperbolic tangents."""
        return np.tanh(x)

    def matrix(self, x: Floats, columns: int) -> Floats:
        """A view."""
        return numpy_rows.in_rows(x, columns)

    def flat(self, matrix: Floats) -> Floats:
        """A view if the matrix is in row order."""
        return np.ascontiguousarray(matrix).reshape(-1)

    def svd(self, matrix: Floats) -> tuple[Floats, Floats, Floats]:
        """LAPACK's."""
        return numpy_matrices.svd(matrix)

    def by_units(self, x: Floats, count: int, width: int) -> Floats:
        """A view where nothing stands before the units, or one number is a unit's width."""
        return numpy_rows.in_units(x, count, width).swapaxes(0, 1).reshape(count, -1)

    def assign(self, gains: Floats) -> list[int]:
        """Scipy's."""
        return assignment.assign(gains)

    def solve(self, matrix: Floats, right: Floats) -> Floats:
        """LAPACK's."""
        return numpy_matrices.solve(matrix, right)


def _bound(block: Floats) -> float:
    """The largest magnitude, NaN if there is one: a quick look before a count."""
    return float(np.maximum(-block.min(), block.max()))


def _bits(x: Floats | float, like: Floats, word: np.dtype[Any]) -> Any:
    return np.asarray(x, like.dtype).view(word)
