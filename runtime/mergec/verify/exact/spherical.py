"""Ways along arcs. Angles are irrational, so coefficients pass through float64."""

import math
from collections.abc import Sequence
from fractions import Fraction

from mergec.verify.exact.meaning import Applied, Vector, combine, means

Pair = tuple[Fraction, Fraction]


def _reach(at: Applied) -> list[Fraction]:
    pairs = [_coefficients(at, a, b) for a, b, _ in _groups(at)]
    return [max((abs(pair[side]) for pair in pairs), default=Fraction(1)) for side in (0, 1)]


@means("slerp", reach=_reach)
def slerp(at: Applied) -> Vector:
    """The point at `t` on the arc, or between the points where there is no arc."""
    found = [Fraction(0)] * len(at.operands[0])
    for a, b, places in _groups(at):
        merged = combine(_coefficients(at, a, b), [a, b])
        for place, value in zip(places, merged, strict=True):
            found[place] = value
    return tuple(found)


def _groups(at: Applied) -> list[tuple[Vector, Vector, range]]:
    """What has an angle of its own, with the indexes of its elements."""
    scope, count = str(at.params.get("scope", "tensor")), len(at.operands[0])
    row = at.shape[-1] if at.shape else 1
    if scope == "tensor" or not count:
        places = [range(count)]
    elif scope == "row" or len(at.shape) < 2:
        places = [range(start, start + row) for start in range(0, count, row)]
    else:
        places = [range(column, count, row) for column in range(row)]
    a, b = at.operands
    return [(tuple(a[j] for j in each), tuple(b[j] for j in each), each) for each in places]


def _coefficients(at: Applied, a: Vector, b: Vector) -> Pair:
    t = at.number("t")
    if t in (0, 1):
        return 1 - t, t
    near, far = _arc([float(x) for x in a], [float(x) for x in b], float(t), str(at["norm"]))
    return Fraction(near), Fraction(far)


def _arc(a: Sequence[float], b: Sequence[float], t: float, norm: str) -> tuple[float, float]:
    """The coefficients, from unit vectors; linear where there is no direction or no arc."""
    length_a, length_b = math.hypot(*a), math.hypot(*b)
    if not length_a or not length_b:
        return 1 - t, t
    u, v = [x / length_a for x in a], [x / length_b for x in b]
    apart = math.hypot(*(x - y for x, y in zip(u, v, strict=True)))
    along = math.hypot(*(x + y for x, y in zip(u, v, strict=True)))
    theta = 2 * math.atan2(apart, along)
    if theta < 1e-6 or math.pi - theta < 1e-6:
        return 1 - t, t
    near, far = math.sin((1 - t) * theta) / math.sin(theta), math.sin(t * theta) / math.sin(theta)
    if norm == "polar":
        length = (1 - t) * length_a + t * length_b
        return length * near / length_a, length * far / length_b
    return near, far
