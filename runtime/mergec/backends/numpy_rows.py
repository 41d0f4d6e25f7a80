"""Rows of a flat numpy array: sums by halving, the largest, the order of magnitudes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# As many elements are added up at once as a core's cache holds, with what is added to them.
_IN_CACHE = 1 << 14


def row_sums(x: Array, row: int) -> Array:
    """One sum for each row of `row` elements, padded to a power of two and halved."""
    return x.copy() if row == 1 else _halve(in_rows(x, row))


def column_sums(x: Array, row: int) -> Array:
    """One sum for each of the `row` columns; zeros if there is no row."""
    rows = in_rows(x, row)
    height = len(rows)
    if not height:
        return np.zeros(row, x.dtype)
    while height > 1:
        half = 1 << ((height - 1).bit_length() - 1)
        shorter = np.empty((half, row), x.dtype)
        np.add(rows[: height - half], rows[half:], out=shorter[: height - half])
        np.add(rows[height - half : half], 0.0, out=shorter[height - half :])
        rows, height = shorter, half
    total: Array = rows[0].copy()
    return total


def row_max(x: Array, row: int) -> Array:
    """The largest of each row. Adding +0 makes the zero of a row of both zeros positive."""
    if not row:
        return np.empty(0, x.dtype)
    largest: Array = in_rows(x, row).max(axis=1) + x.dtype.type(0)
    return largest


def row_ranks(bits: Array, row: int) -> Array:
    """Each element's place in its row's stable order, as int64, from patterns without a sign."""
    places = np.arange(row, dtype=np.int64)
    if bits.dtype.itemsize == 4:
        # Sorted with its place below it, a pattern is like no other; twice as fast as `argsort`.
        order = in_rows(bits, row).astype(np.int64) << 32 | places
        order.sort(axis=1)
        order &= 0xFFFFFFFF
    else:
        order = np.argsort(in_rows(bits, row), axis=1, kind="stable")
    order += (np.arange(len(order)) * row)[:, None]
    ranks = np.empty(order.size, np.int64)
    ranks[order.reshape(-1)] = np.tile(places, len(order))
    return ranks


def low_rank(b: Array, a: Array, rank: int, start: int, count: int, *, turned: bool) -> Array:
    """Elements of a product of two factors: outer products, added up in the order of `rank`."""
    left, right = b.reshape(-1, rank), a.reshape(rank, -1)
    if turned:
        left, right = np.ascontiguousarray(right.T), np.ascontiguousarray(left.T)
    width = right.shape[1]
    first, last = start // width, -(-(start + count) // width)
    total = np.empty((last - first, width), b.dtype)
    rows = max(1, _IN_CACHE // width)
    term = np.empty((min(rows, len(total)), width), b.dtype)
    for begin in range(0, len(total), rows):
        sums = total[begin : begin + rows]
        factors, products = left[first + begin :][: len(sums)], term[: len(sums)]
        np.multiply(factors[:, :1], right[0], out=sums)
        for k in range(1, rank):
            np.multiply(factors[:, k : k + 1], right[k], out=products)
            sums += products
    return total.reshape(-1)[start - first * width :][:count]


def in_rows(x: Array, row: int) -> Array:
    """A view as a matrix of rows of `row` elements; no rows if they have no elements."""
    return x.reshape(len(x) // row if row else 0, row)


def in_units(x: Array, count: int, width: int) -> Array:
    """A view as [anything, count, width]."""
    size = count * width
    return x.reshape(len(x) // size if size else 0, count, width)


def _halve(rows: Array) -> Array:
    """The sums of rows of any width; what the width lacks to a power of two counts as +0."""
    width = rows.shape[1]
    while width > 1:
        half = 1 << ((width - 1).bit_length() - 1)
        if width == 2 * half:
            rows = rows[:, :half] + rows[:, half:]
        else:  # each number is added to the zero that it would meet, which turns -0 to +0
            shorter = np.empty((len(rows), half), rows.dtype)
            np.add(rows[:, : width - half], rows[:, half:], out=shorter[:, : width - half])
            np.add(rows[:, width - half : half], 0.0, out=shorter[:, width - half :])
            rows = shorter
        width = half
    return rows[:, 0] if width else np.zeros(0, rows.dtype)
