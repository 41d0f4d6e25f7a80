"""Statistics of whole values by their definitions, on rationals."""

import math
from collections.abc import Sequence
from fractions import Fraction

from mergec.ir import NodeKey
from mergec.verify.exact_value import Exact
from tests.oracles.as_written import AsWritten

# What roundings of the work, and of coefficients in it, may do to an element of size 1.
_ROUNDING = 2.0**-10


def statistic_of(oracle: AsWritten, kind: str, operands: Sequence[NodeKey]) -> tuple[float, float]:
    """The statistic over all tensors of the first operand, and how far rounding may move it."""
    tensors = [
        [oracle.tensor(key, name) for key in operands] for name in oracle.names(operands[0]).names
    ]
    columns = [
        column
        for each in tensors
        for column in zip(*(operand.value for operand in each), strict=True)
    ]
    sizes = _norm([size for each in tensors for size in each[0].size])
    match kind:
        case "norm":
            return _norm([x for (x,) in columns]), _ROUNDING * sizes
        case "cosine":
            xs, ys = [x for x, _ in columns], [y for _, y in columns]
            if not any(xs) or not any(ys):
                # What is zero on paper may have the direction of a rounding error.
                return 0.0, 0.0 if not sizes else 1.0
            lengths = _norm(xs) * _norm(ys)
            along = float(sum((x * y for x, y in columns), Fraction(0)))
            return along / lengths, 4 * _ROUNDING * sizes / _norm(xs)
        case "sparsity":
            return _share([x == 0 for (x,) in columns]), _share(_near_zero(tensors))
        case "sign_conflict":
            both = [min(column) < 0 < max(column) for column in columns]
            return _share(both), _share(_near_zero(tensors))
        case _:
            raise AssertionError(f"{kind} is no statistic")


def _near_zero(tensors: Sequence[Sequence[Exact]]) -> list[bool]:
    """Which elements are so small beside what they are made of that rounding decides their sign."""
    return [
        size != 0 and abs(float(value)) <= _ROUNDING * float(size)
        for each in tensors
        for value, size in zip(each[0].value, each[0].size, strict=True)
    ]


def _norm(values: Sequence[Fraction]) -> float:
    return math.sqrt(sum((x * x for x in values), Fraction(0)))


def _share(found: Sequence[bool]) -> float:
    return sum(found) / len(found) if found else 0.0
