"""What small checkpoints hold: several kinds of numbers, each drawn from a seed and a name."""

import hashlib
from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mergec.backends import get_backend
from mergec.catalog import Dtype
from mergec.verify.evaluate import StoredTensor

Floats = NDArray[np.float64]
Shape = tuple[int, ...]

# Signed zeros, large ratios, near cancellations and repeats; then what is subnormal somewhere.
_NASTY = (
    *(0.0, -0.0, 1.0, -1.0, 0.1, -0.1, 0.2, -0.3, 0.3, 3.0, 1.5, 1 + 2.0**-7, -1 - 2.0**-7),
    *(2.0**-24, -3 * 2.0**-24, 2.0**14, -(2.0**14), 2.0**-17, -(2.0**-17), 1 - 2.0**-24),
)
_TINY = (2.0**-126, -(2.0**-126), 2.0**-133, -(2.0**-149), 2.0**-130)
_LARGEST = {Dtype.F16: 2.0**14}


def filled(
    kind: str,
    said: tuple[int, str, str],
    dtype: Dtype,
    shape: tuple[int, ...],
    *,
    subnormals: bool,
    statistic: str = "",
) -> StoredTensor:
    """A tensor of a small checkpoint, by seed, source and name: the same for the same arguments.

    Integers are zeros, for they must be the same in every source. A `statistic` of other tensors
    is what its kind asks for: `importance` is positive, a `gram` matrix that of some rows.
    """
    count = prod(shape)
    if not dtype.is_float:
        return StoredTensor(dtype, shape, bytes(count * dtype.bits // 8))
    if statistic:
        return encoded(_STATISTICS[statistic](_generator(*said), shape), dtype, shape)
    seed, source, name = said
    common, own = _generator(kind, seed, name), _generator(kind, seed, name, source)
    values = KINDS[kind](common, own, shape)
    if not subnormals:
        least = 2.0**-14 if dtype is Dtype.F16 else 2.0**-100
        values = np.where(np.abs(values) < least, 0.0, values)
    largest = _LARGEST.get(dtype, 2.0**100)
    return encoded(np.clip(values, -largest, largest), dtype, shape)


def encoded(values: Floats, dtype: Dtype, shape: tuple[int, ...]) -> StoredTensor:
    """Numbers as a file holds them, rounded to its dtype."""
    return StoredTensor(dtype, shape, bytes(get_backend("reference").store(values, dtype)))


def decoded(tensor: StoredTensor) -> Floats:
    """The elements of a stored tensor, in row order."""
    raw = memoryview(tensor.data)
    found: Floats = get_backend("reference").load(raw, tensor.dtype, Dtype.F64)
    return found


def _normal(common: "np.random.Generator", own: "np.random.Generator", shape: Shape) -> Floats:
    """As fine-tunes are: what all sources have in common, and a little of their own."""
    count = prod(shape)
    return common.normal(0.0, 0.5, count) + own.normal(0.0, 0.125, count)


def _coarse(_: "np.random.Generator", own: "np.random.Generator", shape: Shape) -> Floats:
    """So few numbers that ties and sums of zero are everywhere."""
    return own.choice(np.array([0.0, -0.0, 0.5, -0.5, 1.0, -1.0]), prod(shape))


def _adversarial(common: "np.random.Generator", own: "np.random.Generator", shape: Shape) -> Floats:
    """What careless code breaks on, for a part the same in every source."""
    count, nasty = prod(shape), np.array([*_NASTY, *_TINY])
    shared, mine = common.choice(nasty, count), own.choice(nasty, count)
    drawn = np.where(own.random(count) < 0.5, own.uniform(-2.0, 2.0, count), mine)
    found = np.where(common.random(count) < 0.25, shared, drawn)
    # Beside a large direction float64 cannot tell that of a tiny one, so that neither a tensor nor
    # one of its rows or columns is made of tiny numbers alone.
    width = shape[-1] if shape else 1
    diagonal = (np.arange(count) // max(width, 1) + np.arange(count) % max(width, 1)) % 3
    tiny = (found != 0.0) & (np.abs(found) < 2.0**-100)
    found = np.where(tiny & (diagonal != 0), 0.0, found)
    found = np.where(diagonal == 1, own.uniform(1.0, 2.0, count), found)
    return found


def _importance(own: "np.random.Generator", shape: tuple[int, ...]) -> Floats:
    return own.integers(1, 64, prod(shape)) / 16.0


def _gram(own: "np.random.Generator", shape: tuple[int, ...]) -> Floats:
    length = shape[-1] if shape else 1
    rows = own.integers(-8, 9, (2 * length + 1, length)) / 4.0
    return np.asarray((rows.T @ rows).ravel(), np.float64)


def _generator(*said: Any) -> "np.random.Generator":
    digest = hashlib.sha256("\0".join(map(str, said)).encode("utf-8", "surrogatepass")).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "little")))


Fill = Callable[["np.random.Generator", "np.random.Generator", Shape], Floats]
KINDS: Mapping[str, Fill] = {"normal": _normal, "coarse": _coarse, "adversarial": _adversarial}
_STATISTICS: Mapping[str, Callable[["np.random.Generator", tuple[int, ...]], Floats]] = {
    "importance": _importance,
    "gram": _gram,
}
