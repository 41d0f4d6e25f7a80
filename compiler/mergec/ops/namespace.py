"""The array namespace `xp` that stage kernels are written over: small, closed, and without a sum.

Arrays are 1-D; where rows are meant, a block holds whole rows of the length that is given. Beyond
what is listed here a kernel uses only the operators `+ - * /`, their in-place forms on arrays it
made itself, comparisons, `& | ^ ~` and indexing by nothing. Python numbers act as scalars of the
array's dtype; none is divided by an array, which torch does by a reciprocal. Every operation but
those of `Approximate` is exact or rounds once to nearest even, keeps subnormals unless the backend
says that it does not, and gives the same bits on every backend.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, Protocol, TypeVar, cast

Array = Any
Counts = Any
Leaf = Any
"""A sum: a float, or what `float` makes one of; then it may be computed first."""


class Approximate(Protocol):
    """What libraries compute as they like, to a few units in the last place.

    A stage that calls any of these says so (`Stage.approximate`). Matrices are 2-D arrays made by
    `matrix`; they know `@`, `.T`, `+ - *` and scalars, and go back by `flat`. All in float64.
    """

    def exp(self, x: Array) -> Array:
        """The exponentials."""
        ...

    def log(self, x: Array) -> Array:
        """The natural logarithms of positive numbers."""
        ...

    def tanh(self, x: Array) -> Array:
        """Hyperbolic tangents."""
        ...

    def matrix(self, x: Array, columns: int) -> Array:
        """A 1-D array as a matrix of rows of `columns` elements; may be a view of it."""
        ...

    def flat(self, matrix: Array) -> Array:
        """A matrix's elements, row by row, as a 1-D array; may be a view of it."""
        ...

    def svd(self, matrix: Array) -> tuple[Array, Array, Array]:
        """U, σ and Vᵀ of m×n, thin: m×k, k falling values, k×n, with k the lesser of m and n.

        NaN everywhere if the iteration does not converge, as where the matrix has NaN.
        """
        ...

    def by_units(self, x: Array, count: int, width: int) -> Array:
        """`x` as [anything, count, width]: a matrix of a row for each unit; may be a view of it."""
        ...

    def assign(self, gains: Array) -> list[int]:
        """The column of each row of a square matrix, each once, that have the largest sum.

        Those of the diagonal where no others gain more than 10⁻¹² of the magnitudes summed, and
        columns that may be exchanged at no loss in their order. Raises E603 without scipy, E806
        for what is not finite.
        """
        ...

    def solve(self, matrix: Array, right: Array) -> Array:
        """X with `matrix @ X = right`, for a symmetric positive definite matrix, by Cholesky.

        NaN everywhere if the matrix is not positive definite.
        """
        ...


class ArrayNamespace(Approximate, Protocol):
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

    def narrow(self, x: Array, like: Array) -> Array:
        """A float64 array rounded once to the dtype of `like`; may be `x` itself."""
        ...

    def sqrt(self, x: Array) -> Array:
        """Square roots, correctly rounded."""
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

    def leaf_sums(self, x: Array) -> Sequence[Leaf]:
        """One sum per leaf of 2^16 elements of a float64 array, the last padded with zeros.

        Each is formed by sixteen halvings `x[:h] + x[h:]`.
        """
        ...

    def row_sums(self, x: Array, row: int) -> Array:
        """One float64 sum for each row of a float64 array.

        A row is padded with zeros to the next power of two and halved, as a leaf is.
        """
        ...

    def column_sums(self, x: Array, row: int) -> Array:
        """One float64 sum for each column: rows of zeros up to the next power of two, halved."""
        ...

    def row_max(self, x: Array, row: int) -> Array:
        """The largest element of each row, which must not be NaN; +0 if that is a zero."""
        ...

    def row_ranks(self, x: Array, row: int) -> Array:
        """The place of each magnitude in its row, from 0 for the least; equals by index."""
        ...

    def spread(self, values: Array, row: int) -> Array:
        """Each element `row` times in a row: one value per row, given to the row's elements."""
        ...

    def tile(self, values: Array, times: int) -> Array:
        """The whole array `times` times: one value per column, given to every row."""
        ...

    def floats(self, values: Sequence[float]) -> Array:
        """Numbers of the host as a float64 array."""
        ...

    def integers(self, values: Sequence[int]) -> Array:
        """Numbers of the host as an int64 array."""
        ...

    def host(self, x: Array) -> list[Any]:
        """An array's elements as numbers of the host."""
        ...

    def low_rank(
        self, b: Array, a: Array, rank: int, start: int, count: int, *, turned: bool
    ) -> Array:
        """`count` elements, from `start` on, of B·A for B of `rank` columns and A of `rank` rows.

        Each is b₀·a₀ + b₁·a₁ + …, added in this order; products and sums round by themselves.
        `turned` asks for elements of (B·A)ᵀ.
        """
        ...

    def take(self, table: Array, places: Array) -> Array:
        """The elements of `table` at each of `places`, integers from 0."""
        ...

    def join(self, blocks: Sequence[Array]) -> Array:
        """Arrays, at least one, one behind the other, in a new one that may be kept for later."""
        ...

    def reorder(self, x: Array, order: Sequence[int], width: int) -> Array:
        """`x` as [anything, len(order), width], with the middle axis in this order; a new array."""
        ...

    def iota(self, n: int) -> Array:
        """int32 0 ... n-1. Integer arithmetic on it wraps around modulo 2^32."""
        ...

    def rotate_left(self, x: Array, by: int) -> Array:
        """int32 words rotated left by `by` bits (1 to 31); may use up the memory of `x`."""
        ...

    def threefry(self, key: tuple[int, int], low: Array, high: Array) -> tuple[Array, Array]:
        """Random words of the counters (low, high), int32 arrays: `mergec.ops.threefry.encrypt`.

        A primitive, because it is a hundred operations where others are one.
        """
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
