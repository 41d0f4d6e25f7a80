"""Units put in the order in which they fit another model's best."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain

import numpy as np

from mergec.backends.assignment import assign
from mergec.ir import Value
from mergec.ops.threefry import mask_key
from mergec.verify.exact.meaning import Applied, Vector, means

ZERO = Fraction(0)
_MOST_SWEEPS = 100


@dataclass(slots=True)
class _Carrier:
    """An axis of the tensor with this number: the units of its group along it, and their width."""

    tensor: int
    group: int
    count: int
    width: int

    def units(self, x: Vector) -> list[Vector]:
        """All numbers of each unit, wherever in the tensor they stand."""
        size = self.count * self.width
        starts = [range(unit * self.width, len(x), size) for unit in range(self.count)]
        return [tuple(chain.from_iterable(x[i : i + self.width] for i in at)) for at in starts]

    def reordered(self, x: Vector, order: Sequence[int]) -> Vector:
        """The tensor with its units in this order."""
        size = self.count * self.width
        found: list[Fraction] = []
        for start in range(0, len(x), size or 1):
            for unit in order:
                found += x[start + unit * self.width : start + (unit + 1) * self.width]
        return tuple(found)


def _in_best_order(tensors: Sequence[Applied]) -> Sequence[Applied]:
    """One group after the other, in the order of visits of the seed, until none gains."""
    found = [at.operands[0] for at in tensors]
    carriers: dict[tuple[int, int], list[_Carrier]] = {}
    for number, at in enumerate(tensors):
        for axis in _tuple(at["axes"]):
            group, count, width = (int(_number(value)) for value in _tuple(axis))
            key = int(_number(at["component"])), group
            carriers.setdefault(key, []).append(_Carrier(number, group, count, width))
    seed = int(_number(tensors[0]["seed"]))
    for component in sorted({component for component, _ in carriers}):
        groups = [group for part, group in carriers if part == component]
        for sweep in range(_MOST_SWEEPS if len(groups) > 1 else 1):
            moved = False
            for group in _visits(groups, seed, sweep):
                moved |= _improve(tensors, found, carriers[component, group])
            if not moved:
                break
    return [
        replace(at, operands=(x, *at.operands[1:]), params={**at.params, "found": True})
        for at, x in zip(tensors, found, strict=True)
    ]


def _visits(groups: Sequence[int], seed: int, sweep: int) -> list[int]:
    return sorted(groups, key=lambda group: mask_key(seed, "weight_match", str(sweep), str(group)))


def _improve(tensors: Sequence[Applied], found: list[Vector], carriers: Sequence[_Carrier]) -> bool:
    """Put one group in its best order; whether that is another than before."""
    count = carriers[0].count
    gains = [[ZERO] * count for _ in range(count)]
    for carrier in carriers:
        own = carrier.units(found[carrier.tensor])
        for i, wanted in enumerate(carrier.units(tensors[carrier.tensor].operands[1])):
            for j, unit in enumerate(own):
                gains[i][j] += sum((x * y for x, y in zip(wanted, unit, strict=True)), ZERO)
    order = assign(np.array([[float(gain) for gain in row] for row in gains]))
    for carrier in carriers:
        found[carrier.tensor] = carrier.reordered(found[carrier.tensor], order)
    return order != list(range(count))


@means("weight_match", over_all=_in_best_order, spread=True, rounds=True)
def weight_match(at: Applied) -> Vector:
    """The first operand, once its units are in order."""
    assert at["found"]
    return at.operands[0]


def _tuple(value: Value) -> tuple[Value, ...]:
    assert isinstance(value, tuple)
    return value


def _number(value: Value) -> Fraction:
    assert isinstance(value, Fraction | int)
    return Fraction(value)
