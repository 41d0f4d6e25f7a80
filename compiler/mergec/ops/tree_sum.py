"""The host's half of a reduction: leaves combined pairwise by index.

A tensor's sum must depend on nothing but its elements: not on block size, threads or order. Leaves
of 2^16 elements are counted from the tensor's start and summed by the backend
(`ArrayNamespace.leaf_sums`); this is the tree above them.
"""

import math
from collections.abc import Sequence
from typing import SupportsFloat

from mergec.diagnostics import fail

LEAF = 1 << 16


def total(leaves: Sequence[SupportsFloat], tensor: str) -> float:
    """The sum over a tensor from its leaves' sums. Raises E806, naming `tensor`, on overflow."""
    return finite(combine_leaves(leaves), f"the norm of `{tensor}`")


def finite(statistic: float, what: str) -> float:
    """`statistic` itself. Raises E806, saying `what` it is, for an infinity or NaN."""
    if math.isfinite(statistic):
        return statistic
    raise fail(
        "E806",
        f"{what} exceeds float64",
        help="look at this tensor in the sources: such magnitudes are seldom weights",
    )


def combine_leaves(leaves: Sequence[SupportsFloat]) -> float:
    """Sum neighbours level by level; an odd last one is carried up unchanged. No leaf gives 0.

    >>> combine_leaves([1e16, 1.0, 1.0, 1.0])
    1.0000000000000002e+16
    """
    level = [leaf if isinstance(leaf, float) else float(leaf) for leaf in leaves] or [0.0]
    while len(level) > 1:
        pairs = [level[i] + level[i + 1] for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]
