"""The array namespace over PyTorch's tensors, computed at once.

Only operations that round once and in a stated order are used: no `add(alpha=)`, `lerp`, `addcmul`,
no library sum, no sort that is not stable.
"""

import struct
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, final

import numpy as np

from mergec.backends import assignment
from mergec.ops.threefry import Key, encrypt
from mergec.ops.tree_sum import LEAF

Tensor = Any


@final
class TorchNamespace:
    """`mergec.ops.namespace.ArrayNamespace` over torch."""

    def __init__(self, torch: Any, device: str) -> None:
        self._torch = torch
        self._device = device

    def untrapped(self) -> AbstractContextManager[None]:
        """Torch never warns of overflow."""
        return nullcontext()

    def where(self, mask: Tensor, x: Tensor | float, y: Tensor | float) -> Tensor:
        """By bits, for the same reason as in the reference backend: `torch.where` branches."""
        like: Any = y if isinstance(x, float) else x
        word = self._torch.int32 if like.dtype == self._torch.float32 else self._torch.int64
        chosen = -mask.view(self._torch.int8).to(word)
        kept = _bits(y, word, like.element_size())
        if isinstance(kept, int) and kept == 0:
            return (chosen & _bits(x, word, like.element_size())).view(like.dtype)
        chosen &= _bits(x, word, like.element_size()) ^ kept
        chosen ^= kept
        return chosen.view(like.dtype)

    def abs(self, x: Tensor) -> Tensor:
        """Magnitudes."""
        return self._torch.abs(x)

    def sign(self, x: Tensor, like: Tensor) -> Tensor:
        """By two comparisons, so that no zero keeps a sign."""
        byte = self._torch.int8
        return ((x > 0).view(byte) - (x < 0).view(byte)).to(like.dtype)

    def widen(self, x: Tensor) -> Tensor:
        """`x` in float64."""
        return x.to(self._torch.float64)

    def narrow(self, x: Tensor, like: Tensor) -> Tensor:
        """Rounded to nearest even."""
        return x.to(like.dtype)

    def sqrt(self, x: Tensor) -> Tensor:
        """Numpy's on a CPU: there torch asks MKL, whose roots are right to a unit, not to half."""
        if x.device.type == "cpu":
            return self._torch.from_numpy(np.sqrt(x.numpy()))
        return self._torch.sqrt(x)

    def mask_as(self, mask: Tensor, like: Tensor) -> Tensor:
        """Zeros and ones."""
        return mask.view(self._torch.int8).to(like.dtype)

    def magnitude_bits(self, x: Tensor) -> Tensor:
        """Patterns with the sign bit cleared."""
        word = self._torch.int32 if x.dtype == self._torch.float32 else self._torch.int64
        return x.view(word) & self._torch.iinfo(word).max

    def histogram(self, x: Tensor, shift: int, prefix: int) -> Any:
        """Counts of one 16-bit digit."""
        bits = self.magnitude_bits(x)
        if shift + 16 < 8 * x.element_size():  # below the top digit, where every prefix is 0
            bits = bits[bits >> (shift + 16) == prefix]
        digits = (bits >> shift) & 0xFFFF
        return self._torch.bincount(digits, minlength=65536).cpu().numpy()

    def count(self, mask: Tensor) -> int:
        """How many hold."""
        return int(self._torch.count_nonzero(mask))

    def cumulative_count(self, mask: Tensor) -> Tensor:
        """Inclusive."""
        return self._torch.cumsum(mask, 0, dtype=self._torch.int32)

    def leaf_sums(self, x: Tensor) -> list[float]:
        """Halvings of rows of 2^16."""
        sums: list[float] = self.leaves(x).tolist()
        return sums

    def leaves(self, x: Tensor) -> Tensor:
        """The same where the tensor is."""
        whole = len(x) - len(x) % LEAF
        sums = self.row_sums(x[:whole], LEAF)
        if whole == len(x):
            return sums
        return self._torch.cat((sums, self.row_sums(x[whole:], len(x) - whole)))

    def row_sums(self, x: Tensor, row: int) -> Tensor:
        """Halvings of rows, which get zeros as far as the first needs them."""
        if row < 2:
            return x.clone()
        rows = _in_rows(x, row)
        while rows.shape[1] > 1:
            width = 1 << (rows.shape[1] - 1).bit_length()
            rows = self._padded(rows, (0, width - rows.shape[1]))
            rows = rows[:, : width // 2] + rows[:, width // 2 :]
        return rows[:, 0]

    def column_sums(self, x: Tensor, row: int) -> Tensor:
        """Halvings of columns, likewise."""
        rows = _in_rows(x, row)
        if not len(rows):
            return self._torch.zeros(row, dtype=x.dtype, device=self._device)
        while len(rows) > 1:
            height = 1 << (len(rows) - 1).bit_length()
            rows = self._padded(rows, (0, 0, 0, height - len(rows)))
            rows = rows[: height // 2] + rows[height // 2 :]
        return rows[0].clone()

    def row_max(self, x: Tensor, row: int) -> Tensor:
        """Adding +0 makes the zero of a row of both zeros positive."""
        if not len(x):
            return x.clone()
        return _in_rows(x, row).amax(dim=1) + 0.0

    def row_ranks(self, x: Tensor, row: int) -> Tensor:
        """By a stable sort of the patterns."""
        bits = _in_rows(self.magnitude_bits(x), row)
        order = self._torch.argsort(bits, dim=1, stable=True)
        places = self._torch.arange(row, device=self._device).expand_as(order)
        ranks = self._torch.empty_like(order)
        return ranks.scatter_(1, order, places).reshape(-1)

    def spread(self, values: Tensor, row: int) -> Tensor:
        """Each element `row` times."""
        return values.repeat_interleave(row)

    def tile(self, values: Tensor, times: int) -> Tensor:
        """All elements `times` times."""
        return values.repeat(times)

    def floats(self, values: Sequence[float]) -> Tensor:
        """A float64 tensor."""
        return self._torch.tensor(list(values), dtype=self._torch.float64, device=self._device)

    def integers(self, values: Sequence[int]) -> Tensor:
        """An int64 tensor."""
        return self._torch.tensor(list(values), dtype=self._torch.int64, device=self._device)

    def host(self, x: Tensor) -> list[Any]:
        """Python's numbers."""
        numbers: list[Any] = x.tolist()
        return numbers

    def low_rank(
        self, b: Tensor, a: Tensor, rank: int, start: int, count: int, *, turned: bool
    ) -> Tensor:
        """Outer products, added up."""
        left, right = b.reshape(-1, rank), a.reshape(rank, -1)
        if turned:
            left, right = right.T, left.T
        width = right.shape[1]
        first = start // width
        left = left[first : -(-(start + count) // width)]
        total = left[:, :1] * right[0]
        for k in range(1, rank):
            total += left[:, k : k + 1] * right[k]
        return total.reshape(-1)[start - first * width :][:count]

    def take(self, table: Tensor, places: Tensor) -> Tensor:
        """By indexing."""
        return table[places]

    def join(self, blocks: Sequence[Tensor]) -> Tensor:
        """Concatenated."""
        return self._torch.cat(list(blocks))

    def reorder(self, x: Tensor, order: Sequence[int], width: int) -> Tensor:
        """By indexing."""
        return _in_units(x, len(order), width)[:, list(order)].reshape(-1)

    def iota(self, n: int) -> Tensor:
        """int32 0 ... n-1."""
        return self._torch.arange(n, dtype=self._torch.int32, device=self._device)

    def rotate_left(self, x: Tensor, by: int) -> Tensor:
        """The right shift is arithmetic, so the copies of the sign bit are masked away."""
        return (x << by) | ((x >> (32 - by)) & ((1 << by) - 1))

    def threefry(self, key: Key, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """One operation after the other."""
        return encrypt(self, key, low, high)

    def interleave(self, even: Tensor, odd: Tensor) -> Tensor:
        """Alternating."""
        return self._torch.stack((even, odd), dim=1).reshape(-1)

    def exp(self, x: Tensor) -> Tensor:
        """Exponentials."""
        return self._torch.exp(x)

    def log(self, x: Tensor) -> Tensor:
        """Logarithms."""
        return self._torch.log(x)

    def tanh(self, x: Tensor) -> Tensor:
        """Hyperbolic tangents."""
        return self._torch.tanh(x)

    def matrix(self, x: Tensor, columns: int) -> Tensor:
        """A view."""
        return _in_rows(x, columns)

    def flat(self, matrix: Tensor) -> Tensor:
        """A view if the matrix is in row order."""
        return matrix.reshape(-1)

    def svd(self, matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """LAPACK's or cuSOLVER's; NaN everywhere where it does not converge."""
        try:
            u, s, vt = self._torch.linalg.svd(matrix, full_matrices=False)
        except self._torch.linalg.LinAlgError:
            m, n = matrix.shape
            k = min(m, n)
            return self._nans(m, k), self._nans(k), self._nans(k, n)
        return u, s, vt

    def by_units(self, x: Tensor, count: int, width: int) -> Tensor:
        """A view where nothing stands before the units, or one number is a unit's width."""
        return _in_units(x, count, width).swapaxes(0, 1).reshape(count, -1)

    def assign(self, gains: Tensor) -> list[int]:
        """Scipy's, on the host."""
        return assignment.assign(gains.cpu().numpy())

    def solve(self, matrix: Tensor, right: Tensor) -> Tensor:
        """By Cholesky's factorisation and two triangular systems."""
        factor, failed = self._torch.linalg.cholesky_ex(matrix)
        if int(failed):
            return self._nans(*right.shape)
        return self._torch.cholesky_solve(right, factor)

    def _padded(self, rows: Tensor, by: tuple[int, ...]) -> Tensor:
        return self._torch.nn.functional.pad(rows, by) if any(by) else rows

    def _nans(self, *shape: int) -> Tensor:
        return self._torch.full(shape, float("nan"), dtype=self._torch.float64, device=self._device)


def _bits(x: Any, word: Any, size: int) -> Any:
    """Bit patterns as signed integers: an array for an array, a number for a number."""
    if not isinstance(x, float):
        return x.view(word)
    floating, integral = ("<f", "<i") if size == 4 else ("<d", "<q")
    return struct.unpack(integral, struct.pack(floating, x))[0]


def _in_rows(x: Tensor, row: int) -> Tensor:
    return x.reshape(len(x) // row if row else 0, row)


def _in_units(x: Tensor, count: int, width: int) -> Tensor:
    size = count * width
    return x.reshape(len(x) // size if size else 0, count, width)
