"""The oracle: numpy on the CPU. Every other backend is compared with it bit for bit."""

import struct
from contextlib import AbstractContextManager
from typing import Any, final

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from mergec.backends.allocator import keep_freed_blocks
from mergec.backends.backend import Backend
from mergec.backends.overflow import NEVER_OVERFLOWS, OVERFLOW_FROM
from mergec.catalog.dtypes import SIGNIFICAND_BITS, Dtype
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
        sums: list[float] = _halve(x[:whole].reshape(-1, LEAF))
        rest = x[whole:]
        if len(rest):
            # Halving first adds zeros to whatever fits the lower half: pad no further than that.
            width = 1 << (len(rest) - 1).bit_length()
            padded = np.zeros((1, width), x.dtype)
            padded[0, : len(rest)] = rest
            sums += _halve(padded)
        return sums

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

    def interleave(self, even: NDArray[Any], odd: NDArray[Any]) -> NDArray[Any]:
        """Alternating."""
        both = np.empty(2 * len(even), even.dtype)
        both[0::2] = even
        both[1::2] = odd
        return both


def _bound(block: Floats) -> float:
    """The largest magnitude, NaN if there is one: a quick look before a count."""
    return float(np.maximum(-block.min(), block.max()))


def _bits(x: Floats | float, like: Floats, word: np.dtype[Any]) -> Any:
    return np.asarray(x, like.dtype).view(word)


def _halve(rows: Floats) -> list[float]:
    width = rows.shape[1]
    while width > 1:
        width //= 2
        rows = rows[:, :width] + rows[:, width:]
    sums: list[float] = rows[:, 0].tolist()
    return sums
