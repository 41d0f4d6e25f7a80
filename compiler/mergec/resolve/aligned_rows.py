"""The rows that each source gives to the vocabulary of a child, tensor by tensor.

A node `vocabulary` stands over a source in the graph of an export whose vocabulary is not that of
all its parents. It is the source itself but for tensors with a row for each token: these are seen
in the child's order, and rows for tokens that the source lacks are taken from others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field

from mergec.catalog.row_view import RowView
from mergec.frozen import frozen
from mergec.ir import MODEL, GraphBuilder, Node, NodeKey

VOCABULARY = "vocabulary"
"""The operator of such nodes; their parameters are `label` and `rows`, a digest of what they do."""


@frozen
class Part:
    """Rows of the source `label`: which they are, and which of the child's there are."""

    label: str
    rows: RowView | None
    present: RowView


@frozen
class Filling:
    """Where rows come from that a source lacks: from each of `parts` that has it, in this order.

    Where none of them has it, it is the mean over those of `mean` that do, and zero where none
    does.
    """

    parts: tuple[Part, ...] = ()
    mean: tuple[Part, ...] = ()


@frozen
class AlignedSource:
    """What a source is in the child's vocabulary. `rows` is None where they are its own.

    `names` are its tensors with a row for each token.
    """

    own: Part
    filling: Filling
    names: frozenset[str]

    def has(self, name: str) -> bool:
        """Whether this tensor has a row for each token, be its name with a prefix or without."""
        return name in self.names or any(
            name.endswith(f".{own}") or own.endswith(f".{name}") for own in self.names
        )


@frozen
class AlignedRows:
    """All sources that nodes of a graph align, by the parameter `rows` of the node."""

    sources: Mapping[str, AlignedSource] = field(default_factory=dict[str, AlignedSource])

    def of(self, node: Node, name: str) -> AlignedSource | None:
        """How a node changes a tensor; None if it does not."""
        if node.op != VOCABULARY:
            return None
        found = self.sources[str(node.param("rows"))]
        return found if found.has(name) else None


def filled(
    builder: GraphBuilder, own: tuple[NodeKey, NodeKey], filling: Sequence[Sequence[NodeKey]]
) -> NodeKey:
    """The nodes that fill what is missing of `own`, which is (rows, present).

    The last of `filling` lists what is averaged, (rows, present, ...), and may be empty; those
    before it are (rows, present) of one part each.
    """
    *parts, mean = filling
    layers = [own, *parts]
    if not mean:
        rest = layers.pop()[0]  # whose rows are zero where it has none
    elif len(mean) == 2:
        rest = mean[0]
    else:
        rest = builder.add("mean_rows", mean, type=MODEL)
    for rows, present in reversed(layers):
        rest = builder.add("take_rows", [rows, present, rest], type=MODEL)
    return rest
