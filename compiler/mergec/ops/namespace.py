"""The array namespace `xp` that stage kernels are written over: small, closed, and without a sum.

Arrays are 1-D. Beyond what is listed here a kernel uses only the operators `+ - * /`, their
in-place forms on arrays it made itself, comparisons, `& | ^ ~` and indexing by nothing. Python
numbers act as scalars of the array's dtype. Every operation is exact or rounds once to nearest
even, keeps subnormals, and gives the same bits on every backend.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, Protocol, TypeVar, cast

Array = Any
Counts = Any


class ArrayNamespace(Protocol):
    """What an array library must offer a stage. n is the length of a block."""

    def untrapped(self) -> AbstractContextManager[None]:
        """A context in which overflow gives an infinity and no warning."""
        ...

    def where(self, mask: Array, x: Array | float, y: Array | float) -> Array:
        """`x` where `mask` holds, else `y`, by selection of bits; at least one is an array."""
        ...

    def abs(self, x: Array) -> Array:
        """Magnitudes."""
        ...

    def sign(self, x: Array, like: Array) -> Array:
        """-1, +0 or +1 for each element of `x`, in the dtype of `like`."""
        ...

    def widen(self, x: Array) -> Array:
        """`x` in float64; may be `x` itself."""
        ...

    def mask_as(self, mask: Array, like: Array) -> Array:
        """A mask as zeros and ones in the dtype of `like`."""
        ...

    def magnitude_bits(self, x: Array) -> Array:
        """The patterns of the magnitudes: int32 for float32, int64 for float64, never negative."""
        ...

    def histogram(self, x: Array, shift: int, prefix: int) -> Counts:
        """How often each 16-bit digit occurs: 65536 counts, a numpy int64 array on the host.

        The digit is `(magnitude_bits >> shift) & 0xffff`. Only elements count whose
        `magnitude_bits >> (shift + 16)` equals `prefix`.
        """
        ...

    def count(self, mask: Array) -> int:
        """How many elements of a mask hold."""
        ...

    def cumulative_count(self, mask: Array) -> Array:
        """For each element, how many hold up to and including it."""
        ...

    def leaf_sums(self, x: Array) -> list[float]:
        """One sum per leaf of 2^16 elements of a float64 array, the last padded with zeros.

        Each is formed by sixteen halvings `x[:h] + x[h:]`.
        """
        ...

    def iota(self, n: int) -> Array:
        """int32 0 ... n-1. Integer arithmetic on it wraps around modulo 2^32."""
        ...

    def rotate_left(self, x: Array, by: int) -> Array:
        """int32 words rotated left by `by` bits (1 to 31); may use up the memory of `x`."""
        ...

    def interleave(self, even: Array, odd: Array) -> Array:
        """even[0], odd[0], even[1], odd[1], ..."""
        ...


_Kernel = TypeVar("_Kernel", bound=Callable[..., Any])


def untrapped(kernel: _Kernel) -> _Kernel:
    """Decorate a stage's `observe` or `apply`, so that overflow does not surface as a warning.

    It is found when the result is stored, and reported with the tensor's name.
    """

    @wraps(kernel)
    def inside(stage: object, xp: ArrayNamespace, *args: Any, **kwargs: Any) -> Any:
        with xp.untrapped():
            return kernel(stage, xp, *args, **kwargs)

    return cast("_Kernel", inside)
