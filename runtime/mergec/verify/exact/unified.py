"""Task vectors of which each task gets its share, or keeps its largest entries."""

from collections.abc import Sequence
from fractions import Fraction

from mergec.verify.exact.meaning import (
    ONE,
    Applied,
    NotStatedError,
    Vector,
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


@means("stitch", reach=_scaled)
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


@means("emr", reach=_rescaled, spread=True)
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
    own = sum(map(abs, at.deltas[int(at.number("task")) - 1]), ZERO)
    shared = sum(map(abs, _share(at)), ZERO)
    return own / shared if shared else ZERO
