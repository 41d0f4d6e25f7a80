"""Where rounding to a storage dtype begins to give infinity."""

from mergec.catalog.dtypes import Dtype

# The largest finite number plus half a unit in its last place; the tie rounds to even, which is
# infinity. Compared with magnitudes already rounded to float32, whose own overflow is infinity.
OVERFLOW_FROM = {
    Dtype.BF16: (2.0 - 2.0**-8) * 2.0**127,
    Dtype.F16: 65520.0,
    Dtype.F32: float("inf"),
}

# A magnitude that every storage dtype holds, and that weights seldom exceed.
NEVER_OVERFLOWS = 65504.0
