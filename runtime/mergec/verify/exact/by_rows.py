"""What is decided row by row, column by column or block by block.

Exponentials and logarithms are irrational, so they pass through float64.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from mergec.verify.exact.meaning import ONE, Applied, Vector, combine, means
from mergec.verify.exact.spherical import slerp
from mergec.verify.exact.threefry_ints import WORD, key_of, word_of
from mergec.verify.exact.trimming import ranked

_ZERO = Fraction(0)


def _as_slerp(at: Applied) -> Applied:
    first, second = at.numbers("weights", 2)
    scope = {"none": "tensor", "in": "row", "out": "column"}[str(at["axis"])]
    return replace(
        at, op="slerp", params={**at.params, "t": second / (first + second), "scope": scope}
    )


@means("nuslerp", reach=lambda at: slerp[0].reach(_as_slerp(at)))
def nuslerp(at: Applied) -> Vector:
    """The point that the weights say."""
    return slerp[0](_as_slerp(at))


def _divided(at: Applied) -> Sequence[Fraction]:
    if at["rescale"] not in ("per_element", "inv"):
        return [ONE]
    return [1 / (at.number("density") - at.number("epsilon"))]


@means("della", "drop_by_rank", reach=_divided)
def della(at: Applied) -> Vector:
    """What the mask keeps, divided by how probable that was."""
    x = at.operands[0]
    key = key_of(int(at.number("seed")), str(at["role"]), str(at["label"]), at.tensor)
    chances = [chance for row in at.rows(x) for chance in _chances(at, row)]
    found = [
        value if word_of(key, j) < chance * WORD // 1 else _ZERO
        for j, (value, chance) in enumerate(zip(x, chances, strict=True))
    ]
    if at["rescale"] == "per_element":
        return tuple(value / chance for value, chance in zip(found, chances, strict=True))
    rest = sum(map(abs, found))
    factor = Fraction(sum(map(abs, x))) / rest if at["rescale"] == "l1" and rest else ONE
    return tuple(value * factor for value in found)


def _chances(at: Applied, row: Vector) -> list[Fraction]:
    density, epsilon, last = at.number("density"), at.number("epsilon"), len(row) - 1
    chances = [density] * len(row)
    if last:
        for rank, j in enumerate(sorted(range(len(row)), key=lambda j: (abs(row[j]), j))):
            chances[j] = density - epsilon + 2 * epsilon * rank / last
    return chances


@means("n_of_m")
def n_of_m(at: Applied) -> Vector:
    """The largest of every block, of what nobody holds."""
    x, takers = at.operands[0], at.operands[1:]
    free = tuple(_ZERO if any(taker[j] for taker in takers) else value for j, value in enumerate(x))
    n, m = int(at.number("n")), int(at.number("m"))
    found = [_ZERO] * len(x)
    for start in range(0, len(x), m):
        for j in ranked(free[start : start + m])[:n]:
            found[start + j] = free[start + j]
    return tuple(found)


def _weighed(at: Applied) -> list[Fraction]:
    return [*([ONE] if at.has_base else []), *at.numbers("weights", len(at.deltas))]


@means("cabs", reach=_weighed)
def cabs(at: Applied) -> Vector:
    """One delta after the other."""
    taken: list[Vector] = []
    for delta in at.deltas:
        taken.append(n_of_m[0](replace(at, operands=[delta, *taken])))
    return at.on_base(combine(at.numbers("weights", len(taken)), taken))


@means("arcee_fusion", rounds=True)
def arcee_fusion(at: Applied) -> Vector:
    """The entries of the second model that matter, and of the first where not."""
    a, b = at.operands
    size: list[float] = []
    for old, new in zip(at.rows(a), at.rows(b), strict=True):
        p, q = _shares(new), _shares(old)
        divergence = math.fsum(x * (math.log(x) - math.log(y)) for x, y in zip(p, q, strict=True))
        size += [float(abs(y - x)) * max(divergence, 0.0) for x, y in zip(old, new, strict=True)]
    order, last = sorted(size), len(size) - 1
    if not order:
        return a
    low, middle, high = (order[quarter * last // 4] for quarter in (1, 2, 3))
    threshold = middle + float(at.number("reach")) * (high - low)
    return tuple(y if s >= threshold else x for x, y, s in zip(a, b, size, strict=True))


def _shares(row: Vector) -> list[float]:
    powers = [math.exp(float(x - max(row))) for x in row]
    return [power / math.fsum(powers) + 1e-8 for power in powers]


def _counted(at: Applied) -> list[Fraction]:
    most = max(ONE, abs(at.number("value")))
    return [ONE if at.op == "widen" else _ZERO, *[most] * (len(at.operands) - 1)]


@means("widen", "weigh_columns", reach=_counted)
def widen(at: Applied) -> Vector:
    """The sum of the task vectors, by the weights of their columns."""
    base, deltas = at.operands[0], at.operands[1:]
    count = len(base)
    if len(at.shape) < 2:
        groups = [[j] for j in range(count)]
        sizes = [[float(abs(x)) for x in delta] for delta in deltas]
        scores = _scores(at, sizes, sizes)
    else:
        row = at.shape[-1]
        along = at["axis"] == "in"
        groups = [
            [*(range(i * row, (i + 1) * row) if along else range(i, count, row))]
            for i in range((count // row if along else row) if count else 0)
        ]
        changes = [[_change(base, delta, group) for group in groups] for delta in deltas]
        parts = [
            _scores(at, [[r / len(groups) for r in ranks] for ranks in places], places)
            for places in (
                [_places([change[part] for change in of_delta]) for of_delta in changes]
                for part in (0, 1)
            )
        ]
        scores = [
            [(x + y) / 2 for x, y in zip(*pair, strict=True)] for pair in zip(*parts, strict=True)
        ]
    found = [_ZERO] * count
    for delta, of_delta in zip(deltas, scores, strict=True):
        for group, score in zip(groups, of_delta, strict=True):
            for j in group:
                found[j] += Fraction(score) * delta[j]
    return combine([ONE, ONE], [base, tuple(found)]) if at.op == "widen" else tuple(found)


def _change(base: Vector, delta: Vector, group: Sequence[int]) -> tuple[float, float]:
    """Of a column's length, and of its direction."""
    old = [float(base[j]) for j in group]
    new = [float(base[j] + delta[j]) for j in group]
    before, after = math.hypot(*old), math.hypot(*new)
    if not before or not after:
        return abs(after - before), 0.0
    gaps = (y / after - x / before for x, y in zip(old, new, strict=True))
    return abs(after - before), math.hypot(*gaps) ** 2 / 2


def _places(values: Sequence[float]) -> list[int]:
    """From 0 for the least; equals by index."""
    places = [0] * len(values)
    for place, j in enumerate(sorted(range(len(values)), key=lambda j: (values[j], j))):
        places[j] = place
    return places


def _scores(
    at: Applied, sizes: Sequence[Sequence[float]], changes: Sequence[Sequence[float]]
) -> list[list[float]]:
    """The softmax of the sizes over the models, or `value` where a change is above the mean."""
    found: list[list[float]] = []
    for size, change in zip(sizes, changes, strict=True):
        above = float(at.number("ratio")) * math.fsum(change) / max(len(change), 1)
        found.append(
            [
                float(at.number("value"))
                if each > above
                else 1 / math.fsum(math.exp(other[j] - size[j]) for other in sizes)
                for j, each in enumerate(change)
            ]
        )
    return found
