"""Remove stages that return an operand unchanged."""

from mergec.ir import Graph, GraphBuilder, Node, NodeKey, rewrite


def drop_identities(graph: Graph) -> Graph:
    """Trims and drops of density 1, and spherical interpolation at its ends. Bitwise.

    An operand that only such an end named is no longer read at all.

    Before:

        %2 = slerp.1(%0, %1; antiparallel="error", norm="raw", t=0) : Model

    After: the result is `%0`.
    """
    return rewrite(graph, _drop)


def _drop(builder: GraphBuilder, node: Node, operands: tuple[NodeKey, ...]) -> NodeKey:
    match node.op:
        case "trim" | "drop" if node.param("density") == 1:
            return operands[0]
        case "slerp" if node.param("t") == 0:
            return operands[0]
        case "slerp" if node.param("t") == 1:
            return operands[1]
        case _:
            return builder.keep(Node(node.op, node.revision, operands, node.params, node.type))
