"""Remove stages that return an operand unchanged, or nothing."""

from fractions import Fraction
from functools import partial

from mergec.ir import DELTA, Graph, GraphBuilder, Node, NodeKey, ValueType, rewrite
from mergec.ops import number, numbers
from mergec.passes.telling import Tell, silent


def drop_identities(graph: Graph, tell: Tell = silent) -> Graph:
    """Trims and drops of density 1, arcs at their ends, moves by no more than 0, `as_model`.

    The operand stands where its result stood, so it becomes a term of the sums that the result was
    a term of. An operand that only such an end named is no longer read at all. So is what a
    consensus of more task vectors than there are would read: it is zero. Sums over what was called
    a model get the type that their coefficients give them.

    >>> from mergec.ir import parse_graph, print_graph
    >>> before = parse_graph('''
    ... %0 = source.1(; label="a", ref="./a", rev=none) : Model
    ... %1 = source.1(; label="b", ref="./b", rev=none) : Model
    ... %2 = slerp.1(%0, %1; antiparallel="error", extrapolate=false, norm="raw", t=0) : Model
    ... export "result" = %2
    ... ''')
    >>> print(print_graph(drop_identities(before)))
    %0 = source.1(; label="a", ref="./a", rev=none) : Model
    export "result" = %0
    <BLANKLINE>
    """
    return rewrite(graph, partial(_drop, tell=tell))


def _drop(
    builder: GraphBuilder, node: Node, operands: tuple[NodeKey, ...], *, tell: Tell
) -> NodeKey:
    match node.op:
        case "trim" | "global_trim" | "drop" if node.param("density") == 1:
            tell(f"`{node.op}` with density 1 keeps everything")
            return operands[0]
        case "slerp" if node.param("t") in (0, 1):
            end = number(node.param("t"))
            tell(f"`slerp` at t={end} is its {'second' if end else 'first'} operand")
            return operands[int(end)]
        case "nearswap" if node.param("limit") == 0:
            tell("`nearswap` with limit 0 is its first operand")
            return operands[0]
        case "shared_sum" if number(node.param("k")) > len(operands):
            tell("a consensus of more task vectors than there are is zero")
            return builder.add("affine", operands[:1], {"coefficients": (Fraction(0),)}, type=DELTA)
        case "as_model":
            return operands[0]
        case "affine":
            kind = ValueType(_mass(builder, node, operands))
            return builder.keep(Node(node.op, node.revision, operands, node.params, kind))
        case _:
            return builder.keep(node.over(operands))


def _mass(builder: GraphBuilder, node: Node, operands: tuple[NodeKey, ...]) -> Fraction:
    total = Fraction(0)
    parts = numbers(node.param("coefficients"), len(operands))
    for part, operand in zip(parts, operands, strict=True):
        mass = builder[operand].type.mass
        assert isinstance(mass, Fraction)
        total += part * mass
    return total
