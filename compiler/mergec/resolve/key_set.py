"""Which tensors a value has: names, where each comes from, and the layers they form."""

from collections.abc import Mapping
from dataclasses import field

from mergec.catalog.architecture import Architecture
from mergec.catalog.row_view import RowView
from mergec.frozen import frozen
from mergec.ir import Node, Position


@frozen
class Leaf:
    """A tensor of a source, under the name that the source itself has for it.

    With a `view` its rows are others, or stand in another order.
    """

    label: str
    name: str
    view: RowView | None = None

    @property
    def stored(self) -> "Leaf":
        """The tensor as the source has it."""
        return self if self.view is None else Leaf(self.label, self.name)


@frozen
class Layers:
    """Where the layers of a value come from, if not from one source as they are.

    `origins` has (label of the source, its layer) for each layer; None where they are those of the
    donor. `untied` says that the head is a tensor of its own, where the donor's is tied.
    """

    origins: tuple[tuple[str, int], ...] | None = None
    untied: bool = False


@frozen
class KeySet:
    """The tensors of a value, in order: for each name, what it takes its shape from.

    `donor` labels the source whose config describes them. `renamed` says that names or the set of
    them differ from the donor's in a way that its config does not know. `routes` leads from a name
    to (number of the operand, name there), for values whose names are not those of their operands.
    """

    donor: str
    origins: Mapping[str, Leaf]
    architecture: Architecture
    layers: Layers = field(default=Layers())
    renamed: bool = False
    routes: Mapping[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])

    def position(self, name: str) -> Position:
        """Where a tensor stands in this value."""
        return Position(name, self.architecture.place(name), self.architecture.layers)


def layer_origins(part: KeySet) -> tuple[tuple[str, int], ...]:
    """For each layer of a value, the source it comes from and its number there."""
    if part.layers.origins is not None:
        return part.layers.origins
    return tuple((part.donor, layer) for layer in range(part.architecture.layers))


def first_operand(node: Node) -> int:
    """The number of the operand that gives a node its tensor names."""
    first = dict(node.params).get("first", 0)
    return first if isinstance(first, int) else 0
