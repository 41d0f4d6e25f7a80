"""How far rounding may move a result: the sum of the magnitudes that were added up to make it."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.ir import Graph, Node, NodeKey
from tests.oracles.exact import Vector, coefficients_at, exact_values


def magnitudes(graph: Graph, sources: Mapping[str, Sequence[float]], tensor: str = "w") -> Vector:
    """For each element of the only output, Σ|c·x| over all terms on the way."""
    (root,) = graph.outputs.values()
    values = exact_values(graph, sources, tensor)
    sizes: dict[NodeKey, Vector] = {}
    for node in graph.below(root):
        if node.op == "source":
            sizes[node.key] = tuple(abs(x) for x in values[node.key])
        else:
            operands = [sizes[key] for key in node.operands]
            sizes[node.key] = _size(graph, node, operands, values)
    return sizes[root]


def _size(
    graph: Graph, node: Node, operands: Sequence[Vector], values: Mapping[NodeKey, Vector]
) -> Vector:
    """At most Σ|factor|·size; selecting only makes it smaller."""
    found = coefficients_at(node, graph, values)
    return tuple(
        sum((abs(c) * x[j] for c, x in zip(found, operands, strict=True)), Fraction(0))
        for j in range(len(operands[0]))
    )
