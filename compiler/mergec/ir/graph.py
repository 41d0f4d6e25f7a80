"""The operator graph: frozen nodes keyed by what they mean, in topological order.

Two nodes that mean the same have the same key and are one node, so common subgraphs are shared by
construction, and a key says the same thing in a plan, in a diff and in a cache.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, NewType, TypeVar

from mergec.frozen import frozen
from mergec.ir.types import ValueType
from mergec.ir.values import Value, print_value

if TYPE_CHECKING:
    import networkx as nx

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


@frozen
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

    def over(self, operands: tuple[NodeKey, ...]) -> "Node":
        """The same applied to `operands`; itself if they are its own."""
        if operands == self.operands:
            return self
        return Node(self.op, self.revision, operands, self.params, self.type)


@frozen
class Graph:
    """An immutable graph. `outputs` maps export names to nodes; only what they reach is kept.

    `table` has the nodes in topological order, ties broken by the order in which they were built,
    which is their order in the spec.
    """

    outputs: Mapping[str, NodeKey]
    table: Mapping[NodeKey, Node] = field(repr=False)
    _users: dict[NodeKey, list[NodeKey]] = field(
        init=False, repr=False, default_factory=dict[NodeKey, list[NodeKey]]
    )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Graph):
            return NotImplemented
        return dict(self.outputs) == dict(other.outputs) and self.nodes() == other.nodes()

    __hash__ = None  # type: ignore[assignment]  # compared by content, never a key

    def nodes(self) -> tuple[Node, ...]:
        """All nodes, operands before their users."""
        return tuple(self.table.values())

    def node(self, key: NodeKey) -> Node:
        """The node with this key."""
        return self.table[key]

    def below(self, key: NodeKey) -> tuple[Node, ...]:
        """`key`'s node and everything it is computed from, operands first."""
        reached = _reached(self.table, [key])
        if len(reached) == len(self.table):
            return self.nodes()
        return tuple(node for node in self.table.values() if node.key in reached)

    def leaves(self, key: NodeKey) -> tuple[Node, ...]:
        """The sources that `key` is computed from, adapters among them, in graph order."""
        return tuple(node for node in self.below(key) if node.op in ("source", "adapter"))

    def users(self, key: NodeKey) -> Sequence[NodeKey]:
        """The nodes that `key` is an operand of, each once, in graph order."""
        if not self._users:  # not made with the graph, for most graphs are never asked
            self._users.update((each, []) for each in self.table)
            for node in self.table.values():
                for operand in dict.fromkeys(node.operands):
                    self._users[operand].append(node.key)
        return self._users[key]

    def digraph(self) -> "nx.DiGraph[NodeKey]":
        """The graph in the type that other people's graph tools take; edges lead to users."""
        import networkx as nx  # here alone: it takes longer to import than a small spec to check

        made: nx.DiGraph[NodeKey] = nx.DiGraph()
        for node in self.table.values():
            made.add_node(node.key, node=node)
            made.add_edges_from((operand, node.key) for operand in node.operands)
        return made


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
        reached = sorted(_reached(self._nodes, outputs.values()), key=self._place.__getitem__)
        return Graph(dict(outputs), {key: self._nodes[key] for key in reached})


def _reached(nodes: Mapping[NodeKey, Node], roots: Iterable[NodeKey]) -> set[NodeKey]:
    """The roots and everything that they are computed from."""
    reached = set(roots)
    waiting = [*reached]
    while waiting:
        fresh = set(nodes[waiting.pop()].operands) - reached
        reached |= fresh
        waiting += fresh
    return reached


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
