"""Tensors that laws are tried on: some on which all is exact, some on which careless code breaks.

All tensors of one draw have one dtype and one length, and lie in `float64`, rounded to the dtype.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import ml_dtypes
import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from mergec.catalog import Dtype
from mergec.verify.evaluate import StoredTensor

Floats = NDArray[Any]
Elements = Callable[[Random], float]

NUMPY_DTYPES: dict[Dtype, np.dtype[Any]] = {
    Dtype.BF16: np.dtype(ml_dtypes.bfloat16),
    Dtype.F16: np.dtype("<f2"),
    Dtype.F32: np.dtype("<f4"),
    Dtype.F64: np.dtype("<f8"),
}

_NASTY = (
    *(0.0, -0.0, 1.0, -1.0, 0.1, -0.1, 0.2, -0.3, 0.3, 3.0, 1.5),
    *(2.0**-126, -(2.0**-126), 2.0**-149, -(2.0**-149), 2.0**-133, 2.0**-24, -3 * 2.0**-24),
    *(2.0**14, -(2.0**14), 2.0**18 + 1, 2.0**-17, -(2.0**-17), 2.0**60, -(2.0**60), 2.0**-60),
    *(1 + 2.0**-23, -1 - 2.0**-23, 1 - 2.0**-24, 2.0**-31, -(2.0**-31)),
)
_LARGEST = {Dtype.F16: 2.0**14}


def dyadic(random: Random) -> float:
    """Multiples of 1/16 up to 4, both zeros: sums are exact."""
    return random.choice((random.randint(-64, 64) / 16, random.randint(-64, 64) / 16, -0.0))


def coarse(random: Random) -> float:
    """So few dyadic numbers that ties and sums of zero are everywhere."""
    return random.choice((0.0, 0.5, -0.5, 1.0, -1.0, -0.0))


def tenths(random: Random) -> float:
    """Numbers whose sums are zero on paper and not in floating point."""
    return random.randint(-3, 3) * 0.1


def tame(random: Random) -> float:
    """Zero and numbers of ordinary size, so that a power of two scales them exactly."""
    return random.choice((0.0, 0.1, -0.3, random.uniform(0.01, 4.0), random.uniform(-4.0, -0.01)))


def adversarial(random: Random) -> float:
    """Signed zeros, subnormals, huge ratios, near cancellations, repeats."""
    return random.choice((random.choice(_NASTY), random.uniform(-2.0, 2.0)))


@st.composite
def arrays(
    draw: st.DrawFn, elements: Elements, dtype: Dtype, count: int, *, least: int = 0, most: int = 24
) -> list[Floats]:
    """`count` arrays of one length, `least` to `most`, of numbers that `dtype` holds.

    Hypothesis chooses the length and a seed; drawing each element would leave it few that vary.
    """
    n = draw(st.integers(least, most))
    random = Random(draw(st.integers(0, 2**32 - 1)))
    return [rounded([elements(random) for _ in range(n)], dtype) for _ in range(count)]


def rounded(values: Sequence[float], dtype: Dtype) -> Floats:
    """`values` as `dtype` holds them, in float64; beyond a narrow range they are cut off."""
    largest = _LARGEST.get(dtype, 2.0**100)
    wide = np.clip(np.array(values, np.float64), -largest, largest)
    if dtype is Dtype.F64:
        return wide
    return wide.astype(np.float32).astype(NUMPY_DTYPES[dtype]).astype(np.float64)


def long_arrays(dtype: Dtype, count: int, n: int, seed: int) -> list[Floats]:
    """`count` arrays of `n` elements, too many to draw one by one; a few values occur often."""
    generator = np.random.default_rng(seed)
    return [
        rounded(generator.normal(0.0, 1.0, n).astype(ml_dtypes.bfloat16).tolist(), dtype)
        for _ in range(count)
    ]


def stored(x: Floats, dtype: Dtype) -> StoredTensor:
    """`x`, which `dtype` holds exactly, as it lies in a file."""
    return StoredTensor(dtype, x.shape, x.astype(NUMPY_DTYPES[dtype]).tobytes())


def loaded(tensor: StoredTensor) -> Floats:
    """A stored tensor in float64, of its shape."""
    flat = np.frombuffer(tensor.data, NUMPY_DTYPES[tensor.dtype]).astype(np.float64)
    return flat.reshape(tensor.shape)
