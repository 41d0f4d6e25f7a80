"""Arrays on which laws hold bit for bit, and arrays on which careless kernels break."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Floats = NDArray[Any]

_NASTY = (
    *(0.0, -0.0, 1.0, -1.0, 0.1, -0.1, 0.2, -0.3, 3.0, 1.5),
    *(2.0**-126, -(2.0**-126), 2.0**-149, -(2.0**-149), 3 * 2.0**-149, 2.0**-140),
    *(2.0**14, -(2.0**14), 2.0**18 + 1, 2.0**-17, -(2.0**-17), 2.0**60, -(2.0**60), 2.0**-60),
    *(1 + 2.0**-23, -1 - 2.0**-23, 1 - 2.0**-24, 2.0**-31, -(2.0**-31)),
)


def dyadic(n: int) -> st.SearchStrategy[Floats]:
    """n multiples of 1/16 up to 4: sums are exact, ties and zero sums are frequent."""
    entries = st.integers(-64, 64)
    return st.lists(entries, min_size=n, max_size=n).map(lambda x: np.array(x, np.float64) / 16)


def adversarial(n: int) -> st.SearchStrategy[Floats]:
    """n numbers of float32: signed zeros, subnormals, huge ratios, near cancellations, repeats."""
    number = st.sampled_from(_NASTY) | st.floats(-2.0, 2.0, width=32)
    return st.lists(number, min_size=n, max_size=n).map(
        lambda x: np.array(x, np.float32).astype(np.float64)
    )


def several(count: int, *, least: int = 0, most: int = 12) -> st.SearchStrategy[list[Floats]]:
    """`count` arrays of one length, all dyadic or all adversarial."""

    def of_length(n: int) -> st.SearchStrategy[list[Floats]]:
        return st.lists(dyadic(n), min_size=count, max_size=count) | st.lists(
            adversarial(n), min_size=count, max_size=count
        )

    return st.integers(least, most).flatmap(of_length)
