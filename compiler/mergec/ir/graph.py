"""The operator graph: frozen nodes keyed by what they mean, kept in a networkx digraph.

Two nodes that mean the same have the same key and are one node, so common subgraphs are shared by
construction, and a key says the same thing in a plan, in a diff and in a cache.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NewType, TypeVar

import networkx as nx

from mergec.ir.types import ValueType
from mergec.ir.values import Value, print_value

NodeKey = NewType("NodeKey", str)

STATISTICS = "statistics"
"""The parameter of a node that says how many of its last operands are statistics of the others."""

_Operand = TypeVar("_Operand")


def part_statistics(
    operands: Sequence[_Operand], params: Mapping[str, Value]
) -> tuple[Sequence[_Operand], Sequence[_Operand]]:
    """What a node combines, and the statistics of it: its last operands, if it has any."""
    count = params.get(STATISTICS, 0)
    assert isinstance(count, int)
    return operands[: len(operands) - count], operands[len(operands) - count :]


@dataclass(frozen=True, slots=True)
class Node:
    """An operator, stage or source applied to operands. `params` are sorted by name.

    `key` is the Merkle key: SHA-256 over operator, revision, parameters and operand keys.
    """

    op: str
    revision: int
    operands: tuple[NodeKey, ...]
    params: tuple[tuple[str, Value], ...]
    type: ValueType
    key: NodeKey = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        params = ", ".join(f"{name}={print_value(value)}" for name, value in self.params)
        said = f"{self.op}.{self.revision}({', '.join(self.operands)}; {params})"
        object.__setattr__(self, "key", NodeKey(hashlib.sha256(said.encode()).hexdigest()))

    def param(self, name: str) -> Value:
        """The value of parameter `name`; KeyError if the node has none."""
        return dict(self.params)[name]


@dataclass(frozen=True, slots=True)
class Graph:
    """An immutable graph. `outputs` maps export names to nodes; only what they reach is kept.

    Nodes stand in topological order, ties broken by the order in which they were built, which is
    their order in the spec.
    """

    outputs: Mapping[str, NodeKey]
    digraph: "nx.DiGraph[NodeKey]" = field(repr=False)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Graph):
            return NotImplemented
        return dict(self.outputs) == dict(other.outputs) and self.nodes() == other.nodes()

    __hash__ = None  # type: ignore[assignment]  # compared by content, never a key

    def nodes(self) -> tuple[Node, ...]:
        """All nodes, operands before their users."""
        return tuple(self.node(key) for key in self.digraph)

    def node(self, key: NodeKey) -> Node:
        """The node with this key."""
        node: Node = self.digraph.nodes[key]["node"]
        return node

    def below(self, key: NodeKey) -> tuple[Node, ...]:
        """`key`'s node and everything it is computed from, operands first."""
        # The stubs of networkx leave the type of its second parameter open.
        above: set[NodeKey] = nx.ancestors(self.digraph, key)  # pyright: ignore[reportUnknownMemberType]
        return tuple(self.node(k) for k in self.digraph if k in above or k == key)

    def leaves(self, key: NodeKey) -> tuple[Node, ...]:
        """The sources that `key` is computed from, in graph order."""
        return tuple(node for node in self.below(key) if node.op == "source")


class GraphBuilder:
    """Collects nodes bottom-up; `finish` freezes what the outputs reach."""

    def __init__(self) -> None:
        self._nodes: dict[NodeKey, Node] = {}
        self._place: dict[NodeKey, int] = {}

    def __getitem__(self, key: NodeKey) -> Node:
        return self._nodes[key]

    def add(
        self,
        op: str,
        operands: Iterable[NodeKey] = (),
        params: Mapping[str, Value] | None = None,
        *,
        type: ValueType,
        revision: int = 1,
    ) -> NodeKey:
        """Add a node, or find the one that means the same. Operands must have been added."""
        pairs = tuple(sorted((params or {}).items()))
        return self.keep(Node(op, revision, tuple(operands), pairs, type))

    def keep(self, node: Node) -> NodeKey:
        """Add `node` as it is."""
        missing = [key for key in node.operands if key not in self._nodes]
        if missing:
            raise KeyError(f"operands of {node.op} were not added: {missing}")
        self._nodes.setdefault(node.key, node)
        self._place.setdefault(node.key, len(self._place))
        return node.key

    def finish(self, outputs: Mapping[str, NodeKey]) -> Graph:
        """The frozen graph of what `outputs` reach."""
        reached = set(outputs.values())
        waiting = [*reached]
        while waiting:
            fresh = set(self._nodes[waiting.pop()].operands) - reached
            reached |= fresh
            waiting += fresh
        digraph: nx.DiGraph[NodeKey] = nx.DiGraph()
        for key in sorted(reached, key=self._place.__getitem__):
            digraph.add_node(key, node=self._nodes[key])
            digraph.add_edges_from((operand, key) for operand in self._nodes[key].operands)
        nx.freeze(digraph)  # pyright: ignore[reportUnknownMemberType]  # its stubs say nothing
        return Graph(dict(outputs), digraph)


def rewrite(
    graph: Graph,
    rule: Callable[[GraphBuilder, Node, tuple[NodeKey, ...]], NodeKey],
    builder: GraphBuilder | None = None,
) -> Graph:
    """Rebuild `graph` bottom-up in `builder`: `rule` gets each node with its rewritten operands."""
    builder = builder or GraphBuilder()
    replaced: dict[NodeKey, NodeKey] = {}
    for node in graph.nodes():
        operands = tuple(replaced[key] for key in node.operands)
        replaced[node.key] = rule(builder, node, operands)
    return builder.finish({name: replaced[key] for name, key in graph.outputs.items()})
