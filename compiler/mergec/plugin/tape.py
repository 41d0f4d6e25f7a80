"""What a kernel computes, as data: operations in order, without a branch.

A tape is recorded from the author's function and then run instead of it, block by block. Values
are of four kinds: an `array` and a `mask` have an element for each of the block's; a `number` and
a `flag` are one for the whole tensor, known after the sums they come from.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from mergec.frozen import frozen

Kind = Literal["array", "mask", "number", "flag"]

APPROXIMATE = ("exp", "tanh")
"""Operations whose last bits differ between libraries."""


@frozen
class Ref:
    """The value with this index: the tape's inputs first, then its operations."""

    index: int


Arg = Ref | float


@frozen
class Operation:
    """One step. `level` is how many sums, one after the other, must be known before it."""

    name: str
    args: tuple[Arg, ...]
    kind: Kind
    level: int

    @property
    def refs(self) -> tuple[int, ...]:
        """The values it takes."""
        return tuple(arg.index for arg in self.args if isinstance(arg, Ref))


@frozen
class Tape:
    """A kernel's operations on `inputs` arrays; `result` is an array."""

    inputs: int
    operations: tuple[Operation, ...]
    result: int
    _known: Mapping[int, Operation] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        known = {self.inputs + i: each for i, each in enumerate(self.operations)}
        object.__setattr__(self, "_known", known)

    def operation(self, index: int) -> Operation | None:
        """What computes a value; None for an input."""
        return self._known.get(index)

    @property
    def sweeps(self) -> int:
        """How many passes over the tensor precede the result."""
        sums = [each.level for each in self.operations if each.name == "sum"]
        return max(sums, default=0)

    @property
    def approximate(self) -> bool:
        """Whether any operation is one of `APPROXIMATE`."""
        return any(each.name in APPROXIMATE for each in self.operations)

    def sums(self, sweep: int) -> tuple[int, ...]:
        """The sums that the pass with this number collects."""
        return tuple(
            i for i, each in self._known.items() if each.name == "sum" and each.level == sweep + 1
        )

    def needed(self, *wanted: int) -> tuple[int, ...]:
        """The operations on blocks that `wanted` values follow from, in order; sums are known."""
        waiting, found = [*wanted], set[int]()
        while waiting:
            index = waiting.pop()
            each = self._known.get(index)
            if each is None or index in found or each.kind in ("number", "flag"):
                continue
            found.add(index)
            waiting += each.refs
        return tuple(sorted(found))

    def held(self) -> int:
        """The most values of blocks that are there at one time, however they are computed."""
        groups = [(self.result,), *(self.sums(sweep) for sweep in range(self.sweeps))]
        return max(self._held(group) for group in groups)

    def _held(self, wanted: tuple[int, ...]) -> int:
        summed = [ref for i in wanted for ref in self._refs_of_sum(i)]
        order = self.needed(*(summed or wanted))
        last = {ref: i for i in order for ref in self._known[i].refs}
        live, most = set[int](), 0
        for i in order:
            live.add(i)
            most = max(most, len(live))
            live -= {ref for ref in self._known[i].refs if last[ref] == i and ref not in wanted}
        return most

    def _refs_of_sum(self, index: int) -> tuple[int, ...]:
        each = self._known.get(index)
        return each.refs if each is not None and each.name == "sum" else ()


def reachable(tape: Tape) -> Tape:
    """The same without operations that its result does not follow from."""
    used, waiting = set[int](), [tape.result]
    while waiting:
        index = waiting.pop()
        each = tape.operation(index)
        if each is not None and index not in used:
            used.add(index)
            waiting += each.refs
    moved = {i: i for i in range(tape.inputs)}
    kept: list[Operation] = []
    for index in sorted(used):
        each = tape.operation(index)
        assert each is not None
        args = tuple(Ref(moved[a.index]) if isinstance(a, Ref) else a for a in each.args)
        moved[index] = tape.inputs + len(kept)
        kept.append(Operation(each.name, args, each.kind, each.level))
    return Tape(tape.inputs, tuple(kept), moved[tape.result])
