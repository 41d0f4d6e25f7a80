"""Rounding of exact coefficients, so that coefficient times stored data is exact.

A stored bf16 number has 8 significant bits; times a coefficient of 16 bits the product fits the 24
of float32 without rounding, and then a fused and a separate multiply-add give the same result on
every machine. The perturbation (2^-17 relative for bf16) is far below half a unit of the storage.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

from mergec.catalog.dtypes import SIGNIFICAND_BITS, Dtype

# Exponent of the smallest subnormal: nothing finer exists in the dtype.
_LEAST_EXPONENT = {Dtype.F32: -149, Dtype.F64: -1074}


def coefficient(value: Fraction, work: Dtype, stored: Dtype | None) -> float:
    """`value` rounded once, to nearest even, to the bits that its operand leaves free.

    `stored` is the operand's storage dtype, or None if it was computed: then the coefficient has
    the full precision of `work`. So has a float64 coefficient of float64 data, where exactness is
    out of reach.

    >>> coefficient(Fraction(1, 3), Dtype.F32, Dtype.BF16) * 2**17
    43691.0
    """
    return round_significand(value, _free_bits(work, stored), _LEAST_EXPONENT[work])


def coefficient_of_float(value: float, work: Dtype, stored: Dtype | None) -> float:
    """The same of a finite number, many times faster.

    >>> coefficient_of_float(1 / 3, Dtype.F32, Dtype.BF16) * 2**17
    43691.0
    """
    fraction, exponent = math.frexp(value)
    bits = min(_free_bits(work, stored), exponent - _LEAST_EXPONENT[work])
    try:
        return math.ldexp(round(math.ldexp(fraction, bits)), exponent - bits)
    except OverflowError:
        return math.copysign(math.inf, value)


def _free_bits(work: Dtype, stored: Dtype | None) -> int:
    """How many significant bits a coefficient may have."""
    bits = SIGNIFICAND_BITS[work]
    if stored is not None and SIGNIFICAND_BITS[stored] < bits:
        bits -= SIGNIFICAND_BITS[stored]
    return bits


def round_significand(value: Fraction, bits: int, least_exponent: int = -1074) -> float:
    """The nearest number with `bits` significant bits (at most 53), ties to even.

    `least_exponent` bounds the last bit from below, as subnormals do. A value beyond float64 gives
    an infinity.

    >>> round_significand(Fraction(2**24 + 1), 24) - 2**24
    0.0
    """
    if not value:
        return 0.0
    exponent = max(_floor_log2(abs(value)) - bits + 1, least_exponent)
    quantum = Fraction(2) ** exponent
    try:
        return float(round(value / quantum) * quantum)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def widest_stored(kinds: Sequence[Dtype | None]) -> Dtype | None:
    """The most precise of the dtypes that elements are stored in; None where any is computed.

    >>> widest_stored([Dtype.BF16, Dtype.F16]), widest_stored([Dtype.F32, None]), widest_stored([])
    (<Dtype.F16: 'F16'>, None, None)
    """
    known = [kind for kind in kinds if kind is not None]
    if not known or len(known) < len(kinds):
        return None
    return max(known, key=lambda kind: SIGNIFICAND_BITS[kind])


def even_precision(stored: Sequence[Dtype | None], work: Dtype) -> tuple[Dtype | None, ...]:
    """The dtype that each operand's coefficient in one sum is rounded for.

    Operands stored narrower than `work` are all taken for the widest among them, so that equal
    coefficients are rounded equally: a third of a tensor minus a third of the same tensor in
    another dtype is zero.

    >>> [kind and kind.word for kind in even_precision((Dtype.BF16, Dtype.F16, None), Dtype.F32)]
    ['f16', 'f16', None]
    """
    bits = SIGNIFICAND_BITS
    narrow = [kind for kind in stored if kind is not None and bits[kind] < bits[work]]
    widest = max(narrow, key=lambda kind: bits[kind], default=None)
    return tuple(widest if kind in narrow else kind for kind in stored)


def product_is_exact(value: Fraction, work: Dtype, stored: Dtype | None) -> bool:
    """Whether `coefficient(value, ...)` times any element of its operand needs no rounding.

    >>> product_is_exact(Fraction(1, 3), Dtype.F32, Dtype.BF16)
    True
    >>> product_is_exact(Fraction(1, 3), Dtype.F32, None)
    False
    """
    if stored is not None and SIGNIFICAND_BITS[stored] < SIGNIFICAND_BITS[work]:
        return True
    return significant_bits(coefficient(value, work, None)) <= 1


def proportional(weights: Sequence[Fraction]) -> tuple[Fraction, ...]:
    """The same ratios as short numbers: no common factor, and the largest magnitude in [1, 2).

    So weights that are all equal become ones, and a common scale of the weights changes nothing
    where only their ratios count. All-zero weights stay as they are.

    >>> [str(w) for w in proportional([Fraction("0.6"), Fraction("0.2"), Fraction("0.2")])]
    ['3/2', '1/2', '1/2']
    """
    if not any(weights):
        return tuple(weights)
    denominator = math.lcm(*(w.denominator for w in weights))
    integers = [int(w * denominator) for w in weights]
    common = math.gcd(*integers)
    scale = Fraction(2) ** _floor_log2(Fraction(max(map(abs, integers)), common)) * common
    return tuple(i / scale for i in integers)


def significant_bits(value: float) -> int:
    """How many significant bits a finite number has, from 0 for zero to 53."""
    numerator = abs(value).as_integer_ratio()[0]
    return (numerator // (numerator & -numerator)).bit_length() if numerator else 0


def _floor_log2(value: Fraction) -> int:
    guess = value.numerator.bit_length() - value.denominator.bit_length()
    return guess if value >= Fraction(2) ** guess else guess - 1
