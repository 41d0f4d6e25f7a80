"""What a value is, up to which tensors of its sources stand where: a key that knows no names."""

from dataclasses import dataclass, field

from mergec.ir.graph import GraphBuilder, Node, NodeKey

# What says of a node which tensors of a source, or of a value, it is about.
_PLACES = frozenset({"slot", "origin", "member"})


@dataclass(slots=True)
class Likeness:
    """A key for each node, equal for nodes that do the same with other tensors.

    Tensors of one source are numbered as a graph comes upon them, and so one expression has other
    node keys in other surroundings. Its likeness has not.
    """

    builder: GraphBuilder
    _found: dict[NodeKey, NodeKey] = field(default_factory=dict[NodeKey, NodeKey])

    def of(self, key: NodeKey) -> NodeKey:
        """The likeness of a node: its own key, if nothing below it tells tensors apart."""
        waiting = [key]
        while waiting:  # and no recursion: nothing bounds the depth of a graph
            node = self.builder[waiting[-1]]
            unknown = [each for each in node.operands if each not in self._found]
            if unknown:
                waiting += unknown
                continue
            waiting.pop()
            operands = tuple(self._found[each] for each in node.operands)
            params = tuple(pair for pair in node.params if pair[0] not in _PLACES)
            self._found[node.key] = Node(node.op, node.revision, operands, params, node.type).key
        return self._found[key]
