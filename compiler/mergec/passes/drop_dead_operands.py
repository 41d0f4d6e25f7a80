"""Leave out operands that an election or an average gives no weight."""

from functools import partial

from mergec.ir import Graph, GraphBuilder, Node, NodeKey, rewrite
from mergec.ops import numbers
from mergec.ops.params import word
from mergec.passes.telling import Tell, silent, sources_of


def drop_dead_operands(graph: Graph, tell: Tell = silent) -> Graph:
    """Task vectors of weight 0 neither vote nor count, so they are not computed. Bitwise.

    That holds where weights count before the election. After it, an operand of weight 0 votes and
    is counted, and stays. Where all weights are 0 the value still has a shape, and all stay.
    Sums have lost such operands in their normal form.

    >>> from mergec.ir import parse_graph, print_graph
    >>> before = parse_graph('''
    ... %0 = source.1(; label="a", ref="./a", rev=none) : Model
    ... %1 = source.1(; label="base", ref="./base", rev=none) : Model
    ... %2 = source.1(; label="b", ref="./b", rev=none) : Model
    ... %3 = affine.1(%0, %1; coefficients=[1, -1]) : Delta
    ... %4 = affine.1(%2, %1; coefficients=[1, -1]) : Delta
    ... %5 = agreeing_mean.1(%3, %4; agg="sum", elected=false, weights=[1, 0]) : Delta
    ... export "result" = %5
    ... ''')
    >>> print(print_graph(drop_dead_operands(before)))
    %0 = source.1(; label="a", ref="./a", rev=none) : Model
    %1 = source.1(; label="base", ref="./base", rev=none) : Model
    %2 = affine.1(%0, %1; coefficients=[1, -1]) : Delta
    %3 = agreeing_mean.1(%2; agg="sum", elected=false, weights=[1]) : Delta
    export "result" = %3
    <BLANKLINE>
    """
    if not any(node.op in _WEIGHING and _has_zero(node) for node in graph.nodes()):
        return graph
    return rewrite(graph, partial(_drop, tell=tell))


_WEIGHING = ("elect_sign", "agreeing_mean")


def _has_zero(node: Node) -> bool:
    weights = node.param("weights")
    return not all(weights) if isinstance(weights, tuple) else not weights


def _drop(
    builder: GraphBuilder, node: Node, operands: tuple[NodeKey, ...], *, tell: Tell
) -> NodeKey:
    params = dict(node.params)
    if node.op in _WEIGHING and word(params, "weight_stage", "before") == "before":
        signs = 1 if params.get("elected") else 0
        vectors = operands[signs:]
        weights = numbers(params["weights"], len(vectors))
        alive = [i for i, weight in enumerate(weights) if weight]
        if 0 < len(alive) < len(vectors):
            for key, weight in zip(vectors, weights, strict=True):
                if not weight and tell is not silent:
                    of = sources_of(builder, key)
                    tell(f"`{node.op}` leaves out the operand of {of}: its weight is 0")
            operands = (*operands[:signs], *(vectors[i] for i in alive))
            params["weights"] = tuple(weights[i] for i in alive)
    return builder.add(node.op, operands, params, type=node.type, revision=node.revision)
