"""Reorder the units of a model's tensors as they fit another's best, over all tensors of a group.

The barrier has one part for each set of tensors that groups connect; what it keeps of them are the
tensors themselves, until their orders are found.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, ClassVar, final

from mergec.frozen import frozen
from mergec.ops.declaration import number
from mergec.ops.global_stage import GlobalStage, Seen
from mergec.ops.namespace import Array, ArrayNamespace, Counts, untrapped
from mergec.ops.params import integer
from mergec.ops.stage import Cursor, Params, Site
from mergec.ops.threefry import mask_key

_MOST_SWEEPS = 100
_WIDE = 8  # bytes of a float64
SOLVER = 48 << 20
"""Bytes that scipy takes when it is imported, which is when it is needed."""


@frozen
class CarriedAxis:
    """An axis that carries the group with this number in its component.

    The tensor is `[anything, count, width]`, where each of the `count` units has `width` neighbours
    (the rest of its row, and what is on the axes behind).
    """

    group: int
    count: int
    width: int


@frozen
class Reordering:
    """The axes of one tensor, and of each the order of its units; None before it is found."""

    axes: tuple[CarriedAxis, ...]
    seed: int
    orders: tuple[tuple[int, ...], ...] | None = None


@dataclass(slots=True)
class Held:
    """What is kept of one tensor: the operands' blocks, and where they can be computed with."""

    xp: ArrayNamespace
    own: list[Array] = field(default_factory=list[Array])
    wanted: list[Array] = field(default_factory=list[Array])


@final
class ReorderUnits(GlobalStage):
    """The stage of `weight_match`. Its first operand is reordered to fit the second."""

    name: ClassVar[str] = "reorder_units"
    revision: ClassVar[int] = 1
    approximate: ClassVar[bool] = True  # products of matrices
    own_params: ClassVar[frozenset[str]] = frozenset({"axes"})

    def passes(self, params: Params) -> int:
        """One, to take the tensors in."""
        return 1

    def settled(self, setting: Reordering) -> bool:
        """Whether the orders are known."""
        return setting.orders is not None

    def grain(self, params: Params, shape: tuple[int, ...]) -> int:
        """All units of the outermost axis."""
        return max(axis.count * axis.width for axis in _axes(params))

    def temporaries(self, operands: int) -> int:
        """One for each of two axes, one behind the other."""
        return 3

    def kept_bytes(self, params: Params) -> int:
        """A number of Python for each unit of a tensor's axes."""
        return (1 << 10) + sum(40 * axis.count for axis in _axes(params))

    def held_bytes(self, each: Sequence[tuple[Params, tuple[int, ...]]]) -> int:
        """Both models' tensors, the largest of them rearranged, matrices of costs, and scipy."""
        sizes = [prod(shape) for _, shape in each]
        units = [axis.count for params, _ in each for axis in _axes(params)]
        return SOLVER + _WIDE * (2 * sum(sizes) + 3 * max(sizes) + 5 * max(units) ** 2)

    def prepare(self, params: Params, site: Site) -> Reordering:
        """The axes, without an order."""
        return Reordering(_axes(params), integer(params, "seed"))

    @untrapped
    def observe(
        self, xp: ArrayNamespace, acc: Held | None, blocks: Sequence[Array], setting: Reordering
    ) -> Held:
        """Keep the blocks, as arrays of their own."""
        held = acc or Held(xp)
        own, wanted = blocks
        held.own.append(xp.join([own]))
        held.wanted.append(xp.join([wanted]))
        return held

    def seen(self, acc: Held | None, setting: Reordering) -> Seen:
        """The tensors; of one without elements nothing."""
        if acc is None:
            return Seen(None)
        for blocks in (acc.own, acc.wanted):
            if len(blocks) > 1:
                blocks[:] = [acc.xp.join(blocks)]
        return Seen(acc)

    def combine_all(
        self, own: Sequence[Held | None], shared: Counts | None, settings: Sequence[Reordering]
    ) -> list[Reordering]:
        """The orders of all groups."""
        found = _matched([*own], settings)
        return [
            replace(each, orders=tuple(found[axis.group] for axis in each.axes))
            for each in settings
        ]

    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Reordering, cursor: Cursor
    ) -> Array:
        """Move whole units; no number changes."""
        block = blocks[0]
        assert setting.orders is not None
        for axis, order in zip(setting.axes, setting.orders, strict=True):
            if order != tuple(range(axis.count)):
                block = xp.reorder(block, order, axis.width)
        return block


STAGE = ReorderUnits()


def _axes(params: Params) -> tuple[CarriedAxis, ...]:
    found: list[CarriedAxis] = []
    axes = params["axes"]
    assert isinstance(axes, tuple)
    for axis in axes:
        assert isinstance(axis, tuple)
        group, count, width = (int(number(value)) for value in axis)
        found.append(CarriedAxis(group, count, width))
    return tuple(found)


def _matched(
    tensors: list[Held | None], settings: Sequence[Reordering]
) -> Mapping[int, tuple[int, ...]]:
    """Coordinate descent: one group after the other gets its best order, until none gains."""
    counts = {axis.group: axis.count for each in settings for axis in each.axes}
    orders = {group: tuple(range(count)) for group, count in counts.items()}
    carriers = _carriers(tensors, settings)
    for sweep in range(_MOST_SWEEPS if len(counts) > 1 else 1):
        moved = False
        for group in _visits(sorted(counts), settings[0].seed, sweep):
            order = _best_order(carriers[group], counts[group])
            if order != tuple(range(counts[group])):
                moved = True
                orders[group] = tuple(orders[group][i] for i in order)
        if not moved:
            break
    return orders


_Carriers = list[tuple[Held, CarriedAxis]]


def _carriers(
    tensors: Sequence[Held | None], settings: Sequence[Reordering]
) -> Mapping[int, _Carriers]:
    """The tensors that have elements, by the groups they carry."""
    found: dict[int, _Carriers] = {}
    for held, each in zip(tensors, settings, strict=True):
        for axis in each.axes:
            carriers = found.setdefault(axis.group, [])
            if held is not None:
                carriers.append((held, axis))
    return found


def _visits(groups: Sequence[int], seed: int, sweep: int) -> list[int]:
    """The groups in an order that depends on the seed and the number of the sweep alone."""
    return sorted(groups, key=lambda group: mask_key(seed, "weight_match", str(sweep), str(group)))


def _best_order(carriers: _Carriers, count: int) -> tuple[int, ...]:
    """The order in which a group's units fit best, given all others; they are put in it."""
    gains: Any = None
    for held, axis in carriers:
        gain = _gains(held, axis)
        gains = gain if gains is None else gains + gain
    if gains is None:
        return tuple(range(count))
    order = tuple(carriers[0][0].xp.assign(gains))
    if order != tuple(range(count)):
        for held, axis in carriers:
            held.own = [held.xp.reorder(held.own[0], order, axis.width)]
    return order


def _gains(held: Held, axis: CarriedAxis) -> Any:
    """What each unit of the second operand has in common with each of the first."""
    with held.xp.untrapped():
        own = held.xp.by_units(held.own[0], axis.count, axis.width)
        wanted = held.xp.by_units(held.wanted[0], axis.count, axis.width)
        return wanted @ own.T
