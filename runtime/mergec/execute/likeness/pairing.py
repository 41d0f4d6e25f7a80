"""Which tensors of two checkpoints, and of their base, belong together."""

from collections.abc import Iterator, Mapping
from typing import Literal

from mergec.catalog import Checkpoint, NameMap, TensorEntry, TensorName, match_names
from mergec.frozen import frozen

Side = Literal["a", "b", "base"]
# The order in which their blocks are looked at.
SIDES: tuple[Side, ...] = ("a", "b", "base")


@frozen
class Together:
    """One tensor as each side has it; `name` is what the first of them calls it."""

    name: TensorName
    entries: Mapping[Side, TensorEntry]

    @property
    def nbytes(self) -> int:
        """The bytes of all sides."""
        return sum(entry.nbytes for entry in self.entries.values())

    @property
    def alike(self) -> bool:
        """Whether all shapes are equal."""
        return len({entry.shape for entry in self.entries.values()}) == 1

    @property
    def computable(self) -> bool:
        """Whether every side has numbers that mergec computes with."""
        return all(entry.dtype.is_float for entry in self.entries.values())


@frozen
class Pairing:
    """All tensors of the sides, in the order of A.

    `shared` are on all sides in one shape; `reshaped` on all sides in several; `partial` on some.
    `rules` are the prefix rules by which a side's names were found, as in a spec.
    """

    shared: tuple[Together, ...]
    reshaped: tuple[Together, ...]
    partial: tuple[Together, ...]
    rules: Mapping[Side, str]


def pair(checkpoints: Mapping[Side, Checkpoint]) -> Pairing:
    """Match the tensors of `a` with those of the other sides, by name or by one prefix rule."""
    names = list(checkpoints["a"].tensors)
    maps: dict[Side, NameMap] = {
        side: match_names(names, checkpoint.tensors.keys())
        for side, checkpoint in checkpoints.items()
    }
    everywhere: list[Together] = []
    partial: list[Together] = []
    for name in names:
        together = Together(name, dict(_found(name, checkpoints, maps)))
        (everywhere if len(together.entries) == len(checkpoints) else partial).append(together)
    return Pairing(
        shared=tuple(each for each in everywhere if each.alike),
        reshaped=tuple(each for each in everywhere if not each.alike),
        partial=(*partial, *_others(checkpoints, maps)),
        rules={side: found.rule for side, found in maps.items() if found.rule is not None},
    )


def _found(
    name: TensorName, checkpoints: Mapping[Side, Checkpoint], maps: Mapping[Side, NameMap]
) -> Iterator[tuple[Side, TensorEntry]]:
    for side, checkpoint in checkpoints.items():
        own = maps[side].names.get(name)
        if own is not None:
            yield side, checkpoint.tensors[own]


def _others(
    checkpoints: Mapping[Side, Checkpoint], maps: Mapping[Side, NameMap]
) -> Iterator[Together]:
    """What A lacks: a name that both other sides have is one tensor."""
    left: dict[TensorName, dict[Side, TensorEntry]] = {}
    for side, checkpoint in checkpoints.items():
        used = set(maps[side].names.values())
        for name, entry in checkpoint.tensors.items():
            if name not in used:
                left.setdefault(name, {})[side] = entry
    for name, entries in left.items():
        yield Together(name, entries)
