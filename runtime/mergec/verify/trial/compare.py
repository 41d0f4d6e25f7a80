"""Whether two tensors agree as far as they must, and where they do not."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import frexp

import numpy as np

from mergec.catalog import Dtype
from mergec.catalog.dtypes import SIGNIFICAND_BITS
from mergec.frozen import frozen
from mergec.plan.program import Exactness
from mergec.verify.evaluate import StoredTensor
from mergec.verify.exact_value import Exact, Noise
from mergec.verify.trial.contents import Floats, decoded

# Exponents of the smallest normal numbers.
_LEAST = {Dtype.BF16: -126, Dtype.F16: -14, Dtype.F32: -126, Dtype.F64: -1022}
# Units in the last place of a tensor's largest element that library functions may be apart.
_LIBRARY_UNITS = 8
# How often noise is drawn before a difference counts: what a rounding could turn over, one of two
# draws turns over, so that one is missed in 2³².
_DRAWS = 32
# Backends that hold every class bit for bit, and those that may flush subnormals to zero.
_CONTRACT = ("reference", "native", "torch")
_FLUSHING = ("jax",)
# Noise is larger than any rounding, so that what it cannot turn over no rounding can.
_NOISE = 4


@frozen
class Difference:
    """The first element that differs too much, both values, and how many elements do."""

    element: int
    found: float
    wanted: float
    count: int


def differs(
    found: StoredTensor,
    wanted: StoredTensor,
    exactness: Exactness,
    work: Dtype,
    backend: str,
) -> Difference | None:
    """How a backend's tensor differs from the reference's; None where it does not.

    Bit for bit, but for three things. Library functions (T): a few units of the largest element.
    A backend that contracts multiply-add (M on jax): one unit. One that has no subnormals: numbers
    below the least normal one of the work dtype are all alike.
    """
    if found.data == wanted.data:
        return None
    ours, theirs = decoded(found), decoded(wanted)
    same = _bits(found) == _bits(wanted)
    gap = np.abs(ours - theirs)
    if exactness == "T":
        largest = float(np.max(np.abs(theirs), initial=0.0))
        same |= gap <= _LIBRARY_UNITS * float(unit(Fraction(largest), found.dtype))
    elif exactness == "M" and backend not in _CONTRACT:
        same |= gap <= [float(unit(Fraction(x), found.dtype)) for x in theirs.tolist()]
    if backend in _FLUSHING:
        least = 2.0 ** max(_LEAST[work], _LEAST[found.dtype])
        same |= gap < least
    return _first(same, ours, theirs)


def differs_from_exact(
    found: StoredTensor,
    exact: Exact,
    stored: Sequence[Dtype],
    work: Dtype,
    again: Callable[[Noise], Exact | None],
) -> tuple[Difference | None, int]:
    """How a tensor differs from the rationals by more than rounding explains; and what is open.

    An element may be off by one unit of its dtype and by the roundings of the work on all that is
    added up for it. Where it is off by more, a choice may have hung on a rounding, such as which
    of two magnitudes is larger: `again` computes with noise, and what noise moves as far is open;
    so is all where noise leaves nothing to compute. The second part of the answer counts these
    elements.
    """
    slack = rounding(work, stored)
    values = [Fraction(x) for x in decoded(found).tolist()]
    allowed = [
        unit(wanted, found.dtype) + slack * size
        for wanted, size in zip(exact.value, exact.size, strict=True)
    ]
    gaps = [abs(x - y) for x, y in zip(values, exact.value, strict=True)]
    off = [j for j, (gap, most) in enumerate(zip(gaps, allowed, strict=True)) if gap > most]
    if not off:
        return None, 0
    reach, wrong = dict.fromkeys(off, Fraction(0)), off
    for draw in range(_DRAWS):
        moved = again(Noise(_NOISE * slack, SIGNIFICAND_BITS[work], draw))
        if moved is None:
            return None, len(off)
        for j in off:
            reach[j] = max(reach[j], abs(moved.value[j] - exact.value[j]))
        wrong = [j for j in off if gaps[j] > allowed[j] + 2 * reach[j]]
        if not wrong:
            return None, len(off)
    first = wrong[0]
    return Difference(first, float(values[first]), float(exact.value[first]), len(wrong)), len(off)


def unit(value: Fraction, dtype: Dtype) -> Fraction:
    """One unit in the last place of `dtype` at `value`."""
    exponent = frexp(float(value))[1] - 1 if value else _LEAST[dtype]
    return Fraction(2) ** (max(exponent, _LEAST[dtype]) - SIGNIFICAND_BITS[dtype] + 1)


def rounding(work: Dtype, stored: Sequence[Dtype]) -> Fraction:
    """Relative error of the work, roundings of coefficients on the way included.

    A coefficient has the bits that stored data leave free: 13 beside f16, 16 beside bf16, 29
    beside f32. Results are a few roundings away from the rationals.
    """
    if work is Dtype.F64:
        return Fraction(1, 2**26)
    return Fraction(1, 2**10) if Dtype.F16 in stored else Fraction(1, 2**13)


def _bits(tensor: StoredTensor) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    word = np.dtype(f"<i{tensor.dtype.bits // 8}")
    return np.frombuffer(tensor.data, word).astype(np.int64)


def _first(
    same: "np.ndarray[tuple[int], np.dtype[np.bool_]]", ours: Floats, theirs: Floats
) -> Difference | None:
    off = np.flatnonzero(~same)
    if not len(off):
        return None
    first = int(off[0])
    return Difference(first, float(ours[first]), float(theirs[first]), len(off))
