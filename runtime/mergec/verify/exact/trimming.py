"""What is kept by magnitude, and what by chance."""

import math
from collections.abc import Sequence
from fractions import Fraction

from mergec.verify.exact.meaning import (
    ONE,
    Applied,
    NotStatedError,
    Vector,
    as_one_vector,
    means,
    square_root,
)
from mergec.verify.exact.threefry_ints import kept


def _trimmed(at: Applied) -> Sequence[Fraction]:
    return [1 / at.number("density") if at["rescale"] == "inv" else ONE]


@means("trim", reach=_trimmed, over_all=as_one_vector)
def trim(at: Applied) -> Vector:
    """The largest magnitudes."""
    x, density = at.operands[0], at.number("density")
    if density == 1:
        return x
    require_one_tensor(at)
    found = largest(x, density, every_tie=at["ties"] == "all")
    rescale = at["rescale"]
    if rescale == "inv":
        return tuple(value / density for value in found)
    if rescale in ("l1", "l2"):
        return _with_norm_of(x, found, 1 if rescale == "l1" else 2)
    return found


def largest(x: Vector, density: Fraction, *, every_tie: bool = False) -> Vector:
    """Sorted by magnitude, then by index, the first max(1, ⌊density·n⌋); elsewhere zero."""
    if not x:
        return x
    order = ranked(x)
    k = max(1, math.floor(density * len(x)))
    keep = set(order[:k])
    if every_tie:
        keep |= {j for j in order if abs(x[j]) == abs(x[order[k - 1]])}
    return tuple(value if j in keep else Fraction(0) for j, value in enumerate(x))


def require_one_tensor(at: Applied) -> None:
    """NotStatedError where the whole model is trimmed as one vector."""
    if at.params.get("scope", "tensor") != "tensor":
        raise NotStatedError(f"{at.op} over the whole model")


def ranked(x: Vector) -> list[int]:
    """The indexes by falling magnitude, equal ones by index."""
    return sorted(range(len(x)), key=lambda j: (-abs(x[j]), j))


def _divisor(at: Applied) -> Fraction:
    return at.number("density") if at["q"] is None else at.number("q")


def _dropped(at: Applied) -> Sequence[Fraction]:
    divided = at["rescale"] == "inv" and at.number("density") != 1
    return [1 / _divisor(at) if divided else ONE]


@means("dare", "drop", reach=_dropped)
def dare(at: Applied) -> Vector:
    """What the mask keeps, made larger for what it drops."""
    x, density = at.operands[0], at.number("density")
    if density == 1:
        return x
    role, label = str(at["role"]), str(at["label"])
    mask = kept(int(at.number("seed")), role, label, at.tensor, density, len(x))
    found = tuple(v if keep else Fraction(0) for v, keep in zip(x, mask, strict=True))
    if at["rescale"] == "l1":
        return _with_norm_of(x, found, 1)
    if at["rescale"] == "none":
        return found
    return tuple(value / _divisor(at) for value in found)


def _with_norm_of(x: Vector, found: Vector, power: int) -> Vector:
    whole = sum(abs(value) ** power for value in x)
    rest = sum(abs(value) ** power for value in found)
    if not rest:
        return found
    ratio = Fraction(whole, rest)
    factor = ratio if power == 1 else square_root(ratio)
    return tuple(value * factor for value in found)
