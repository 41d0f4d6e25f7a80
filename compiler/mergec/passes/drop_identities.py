"""Remove stages that return an operand unchanged."""

from fractions import Fraction

from mergec.ir import Graph, GraphBuilder, Node, NodeKey, ValueType, rewrite
from mergec.ops import numbers


def drop_identities(graph: Graph) -> Graph:
    """Trims and drops of density 1, spherical interpolation at its ends, `as_model`. Bitwise.

    An operand that only such an end named is no longer read at all. Sums over what was called a
    model get the type that their coefficients give them.

    Before:

        %2 = slerp.1(%0, %1; antiparallel="error", norm="raw", t=0) : Model

    After: the result is `%0`.
    """
    return rewrite(graph, _drop)


def _drop(builder: GraphBuilder, node: Node, operands: tuple[NodeKey, ...]) -> NodeKey:
    match node.op:
        case "trim" | "global_trim" | "drop" if node.param("density") == 1:
            return operands[0]
        case "slerp" if node.param("t") == 0:
            return operands[0]
        case "slerp" if node.param("t") == 1:
            return operands[1]
        case "as_model":
            return operands[0]
        case "affine":
            kind = ValueType(_mass(builder, node, operands))
            return builder.keep(Node(node.op, node.revision, operands, node.params, kind))
        case _:
            return builder.keep(Node(node.op, node.revision, operands, node.params, node.type))


def _mass(builder: GraphBuilder, node: Node, operands: tuple[NodeKey, ...]) -> Fraction:
    total = Fraction(0)
    parts = numbers(node.param("coefficients"), len(operands))
    for part, operand in zip(parts, operands, strict=True):
        mass = builder[operand].type.mass
        assert isinstance(mass, Fraction)
        total += part * mass
    return total
