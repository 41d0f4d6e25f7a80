"""Replace every composite operator by the stages it is made of."""

from mergec.ir import Graph, GraphBuilder, Node, NodeKey, rewrite
from mergec.ops import OPERATORS


def expand_composites(graph: Graph) -> Graph:
    """Lower `ties`, `linear` and the like to stages. Bitwise: it is what they mean.

    Before:

        %1 = scale.1(%0; by=1/2) : Delta

    After:

        %1 = affine.1(%0; coefficients=[1/2]) : Delta
    """
    return rewrite(graph, _expand)


def _expand(builder: GraphBuilder, node: Node, operands: tuple[NodeKey, ...]) -> NodeKey:
    operator = OPERATORS.get(node.op)
    if operator is None or operator.lower is None:
        return builder.keep(Node(node.op, node.revision, operands, node.params, node.type))
    return operator.lower(builder, operands, dict(node.params))
