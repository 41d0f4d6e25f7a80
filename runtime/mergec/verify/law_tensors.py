"""Tensors that laws are tried on: some on which all is exact, some on which careless code breaks.

All tensors of one draw have one dtype and one shape, and lie in `float64`, rounded to the dtype.
"""

from collections.abc import Callable, Mapping, Sequence
from math import isqrt, prod
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
Shape = tuple[int, ...]

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
# For a backend that flushes subnormals: far enough above them that quotients stay normal too.
_SMALLEST = {
    Dtype.BF16: 2.0**-100,
    Dtype.F16: 2.0**-14,
    Dtype.F32: 2.0**-100,
    Dtype.F64: 2.0**-960,
}


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


def related(random: Random) -> float:
    """Dyadic, and tensors equal, opposite, parallel, orthogonal to the first, or all zero."""
    return random.randint(-32, 32) / 16


def directional(random: Random) -> float:
    """As `related`, and also nearly parallel or nearly opposite."""
    return related(random)


KINDS: Mapping[str, Elements] = {
    "dyadic": dyadic,
    "coarse": coarse,
    "tenths": tenths,
    "tame": tame,
    "adversarial": adversarial,
    "related": related,
    "directional": directional,
}


def shapes(least: int = 0, most: int = 24) -> st.SearchStrategy[Shape]:
    """Shapes of `least` elements or more: vectors, matrices, one number, convolutions."""
    long = st.integers(least, most)
    side = st.integers(isqrt(max(least - 1, 0)) + 1, 6)
    vector = long.map(lambda n: (n,))
    matrix = st.tuples(side, side)
    convolution = st.tuples(st.just(2), side, st.just(1), st.just(2))
    thin = (st.tuples(st.just(1), long), st.tuples(long, st.just(1)))
    single: list[st.SearchStrategy[Shape]] = [st.just(())] if least <= 1 else []
    return st.one_of(vector, vector, vector, matrix, matrix, *thin, convolution, *single)


def matrices(least: int = 1, most: int = 5) -> st.SearchStrategy[Shape]:
    """Shapes of matrices, both sides from `least` to `most`."""
    return st.tuples(st.integers(least, most), st.integers(least, most))


@st.composite
def arrays(
    draw: st.DrawFn,
    elements: Elements,
    dtype: Dtype,
    count: int,
    *,
    least: int = 0,
    most: int = 24,
    shape: st.SearchStrategy[Shape] | None = None,
    subnormals: bool = True,
) -> list[Floats]:
    """`count` arrays of one shape, by default vectors of `least` to `most` elements.

    Hypothesis chooses the shape and a seed; drawing each element would leave it few that vary.
    Without `subnormals` what is close to them is zero.
    """
    chosen = draw(shape) if shape is not None else (draw(st.integers(least, most)),)
    random = Random(draw(st.integers(0, 2**32 - 1)))
    made = [np.array([elements(random) for _ in range(prod(chosen))]) for _ in range(count)]
    if elements in (related, directional):
        made = [made[0], *(_relate(made[0], x, random, elements) for x in made[1:])] if made else []
    return [
        rounded(x.reshape(chosen), dtype, 0.0 if subnormals else _SMALLEST[dtype]) for x in made
    ]


def _relate(first: Floats, other: Floats, random: Random, kind: Elements) -> Floats:
    """Something that has to do with `first`; `other` is not."""
    bump = np.zeros_like(first)
    if first.size and kind is directional and random.random() < 0.5:
        bump[random.randrange(first.size)] = 2.0**-20
    turned = np.roll(first, 1) * np.where(np.arange(first.size) % 2, 1.0, -1.0)
    return random.choice(
        (other, other, first + bump, -first + bump, 2 * first, -0.5 * first, 0.0 * first, turned)
    )


def rounded(values: Sequence[float] | Floats, dtype: Dtype, smallest: float = 0.0) -> Floats:
    """`values` as `dtype` holds them, in float64; cut off beyond a narrow range.

    What is less than `smallest` in magnitude is zero.
    """
    largest = _LARGEST.get(dtype, 2.0**100)
    wide = np.clip(np.array(values, np.float64), -largest, largest)
    if smallest:
        wide = np.where(np.abs(wide) < smallest, np.copysign(0.0, wide), wide)
    wide = np.asarray(wide)  # numpy makes numbers of arrays without axes
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
