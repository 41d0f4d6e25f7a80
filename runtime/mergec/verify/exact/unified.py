"""Task vectors of which each task gets its share, or keeps its largest entries."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from mergec.verify.exact.meaning import (
    ONE,
    Applied,
    NotStatedError,
    Vector,
    as_one_vector,
    columns,
    combine,
    means,
    sign,
)
from mergec.verify.exact.trimming import largest, require_one_tensor

ZERO = Fraction(0)


def _scaled(at: Applied) -> Sequence[Fraction]:
    bases = [ONE] if at.has_base else []
    return [*bases, *[abs(at.number("scale"))] * len(at.deltas)]


@means("stitch", reach=_scaled, over_all=as_one_vector)
def stitch(at: Applied) -> Vector:
    """The mean of those that have an entry among their largest."""
    require_one_tensor(at)
    densities = at.numbers("density", len(at.deltas))
    kept = [
        x if density == 1 else largest(x, density)
        for x, density in zip(at.deltas, densities, strict=True)
    ]
    found = [sum(each, ZERO) / max(sum(x != 0 for x in each), 1) for each in columns(kept)]
    return at.on_base(combine([at.number("scale")], [tuple(found)]))


def _rescaled(at: Applied) -> Sequence[Fraction]:
    bases = [ONE] if at.has_base else []
    return [*bases, *[max(_factor(at), ONE)] * len(at.deltas)]


def _with_one_factor(tensors: Sequence[Applied]) -> Sequence[Applied]:
    """The factor is a ratio of sums of each tensor's mean, so that a small one counts as much."""
    own = sum((_mean_size(_own(at)) for at in tensors), ZERO)
    shared = sum((_mean_size(_share(at)) for at in tensors), ZERO)
    factor = own / shared if shared else ZERO
    return [
        replace(at, params={**at.params, "scope": "tensor", "factor": factor}) for at in tensors
    ]


@means("emr", reach=_rescaled, spread=True, over_all=_with_one_factor)
def emr(at: Applied) -> Vector:
    """The unified delta where the task agrees with it, in the size of the task's own."""
    if at["scope"] != "tensor":
        raise NotStatedError("emr over the whole model")
    return at.on_base(combine([_factor(at)], [_share(at)]))


def _share(at: Applied) -> Vector:
    found: list[Fraction] = []
    for column in columns(at.deltas):
        elected = sign(sum(column, ZERO)) or -1
        unified = max((x for x in column if sign(x) == elected), key=abs, default=ZERO)
        own = column[int(at.number("task")) - 1]
        found.append(unified if own and sign(own) == elected else ZERO)
    return tuple(found)


def _factor(at: Applied) -> Fraction:
    if "factor" in at.params:
        return at.number("factor")
    own, shared = _mean_size(_own(at)), _mean_size(_share(at))
    return own / shared if shared else ZERO


def _own(at: Applied) -> Vector:
    return at.deltas[int(at.number("task")) - 1]


def _mean_size(x: Vector) -> Fraction:
    return sum(map(abs, x), ZERO) / max(len(x), 1)
