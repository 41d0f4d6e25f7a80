"""Which columns go with which rows of a square matrix, so that their sum is largest."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mergec.diagnostics import fail

Matrix = NDArray[Any]

# Sums of products in float64 differ by less in any order of the products that is worth a thought.
_GAIN = 1e-12


def assign(gains: Matrix) -> list[int]:
    """The best column of each row; the row's own number where no choice gains enough.

    The sum over all decides, and of equals the one with the columns in order, as far as exchanging
    two at a time leads there. Cost: O(n³) at worst for n rows.
    """
    if not np.isfinite(gains).all():
        raise fail(
            "E806",
            "products of the units of two models exceed float64",
            help="look at the sources: such magnitudes are seldom weights",
        )
    solve = _solver()
    rows, columns = solve(gains, maximize=True)
    present, best = np.diagonal(gains), gains[rows, columns]
    room = _GAIN * float(np.abs(present).sum() + np.abs(best).sum())
    if float(best.sum()) - float(present.sum()) <= room:
        return list(range(len(gains)))
    return _in_order(gains, columns)


def _in_order(gains: Matrix, columns: Matrix) -> list[int]:
    """The same sum, with a lower column first wherever two can be exchanged at no loss."""
    order = columns.copy()
    for row in range(len(order)):
        later = np.arange(row + 1, len(order))
        later = later[order[later] < order[row]]
        now = gains[row, order[row]] + gains[later, order[later]]
        then = gains[row, order[later]] + gains[later, order[row]]
        free = later[now == then]
        if len(free):
            other = free[np.argmin(order[free])]
            order[row], order[other] = order[other], order[row]
    found: list[int] = order.tolist()
    return found


def _solver() -> Any:
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError as error:
        raise fail(
            "E603", "`weight_match` needs scipy", help='run `pip install "mergec[match]"`'
        ) from error
    return linear_sum_assignment
