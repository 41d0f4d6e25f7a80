"""Where rounding to a storage dtype begins to give infinity, and ends to give normal numbers."""

from mergec.catalog.dtypes import Dtype

# The largest finite number plus half a unit in its last place; the tie rounds to even, which is
# infinity. Compared with magnitudes already rounded to float32, whose own overflow is infinity.
OVERFLOW_FROM = {
    Dtype.BF16: (2.0 - 2.0**-8) * 2.0**127,
    Dtype.F16: 65520.0,
    Dtype.F32: float("inf"),
}

# The least number whose magnitude, rounded to float32 before, is stored as a normal number: half a
# unit of the subnormal numbers below the least normal one, where the tie rounds up to even.
NORMAL_FROM = {
    Dtype.BF16: 2.0**-126 - 2.0**-134,
    Dtype.F16: 2.0**-14 - 2.0**-25,
    Dtype.F32: 2.0**-126,
    Dtype.F64: 2.0**-1022,
}

# A magnitude that every storage dtype holds, and that weights seldom exceed.
NEVER_OVERFLOWS = 65504.0
