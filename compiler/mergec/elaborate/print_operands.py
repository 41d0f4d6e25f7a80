"""Which operands a node is printed with, so that reading it again makes the same node."""

from collections.abc import Container, Mapping, Sequence
from fractions import Fraction

from mergec.elaborate.calls import FIRST
from mergec.frozen import frozen
from mergec.ir import Graph, Node, NodeKey, Value, part_statistics
from mergec.ops import OPERATORS, MassRule

_DIFFERENCE = (Fraction(1), Fraction(-1))


@frozen
class Shown:
    """Operands and parameters of a node in the order in which they are printed."""

    operands: tuple[NodeKey, ...]
    params: Mapping[str, Value]


def shown_node(graph: Graph, node: Node, lined: Container[NodeKey]) -> Shown:
    """What is printed of `node`; `lined` are the nodes that have a line of their own.

    After a base, a model stands for its difference from the base, unless that has a line. The
    operand that was written first comes first where that is no longer its place.
    """
    params = dict(node.params)
    combined, statistics = part_statistics(node.operands, params)
    operands = _models(graph, node, combined, lined)
    first = params.pop(FIRST, 0)
    if isinstance(first, int) and first:
        order = [first, *(i for i in range(len(operands)) if i != first)]
        operands = [operands[i] for i in order]
        statistics = [statistics[i] for i in order if statistics]
        for name, value in params.items():
            parameter = OPERATORS[node.op].parameter(name)
            if parameter is not None and parameter.per_operand and isinstance(value, tuple):
                params[name] = tuple(value[i] for i in order)
    return Shown(tuple(unmarked(graph, key) for key in (*operands, *statistics)), params)


def unmarked(graph: Graph, key: NodeKey) -> NodeKey:
    """The node below marks that its mass is checked for each tensor; reading sets them again."""
    node = graph.node(key)
    while node.op == "checked":
        node = graph.node(node.operands[0])
    return node.key


def _models(
    graph: Graph, node: Node, combined: Sequence[NodeKey], lined: Container[NodeKey]
) -> list[NodeKey]:
    operands = [*combined]
    operator = OPERATORS.get(node.op)
    consensus = operator is not None and operator.mass is MassRule.CONSENSUS
    if not consensus or graph.node(operands[0]).type.mass != 1:
        return operands
    base, *deltas = operands
    return [base, *(key if key in lined else _model(graph, key, base) for key in deltas)]


def _model(graph: Graph, delta: NodeKey, base: NodeKey) -> NodeKey:
    """The model whose difference from `base` is `delta`, if it is one."""
    node = graph.node(delta)
    if node.op != "affine" or node.param("coefficients") != _DIFFERENCE:
        return delta
    model, subtracted = node.operands
    return model if subtracted == base and graph.node(model).type.mass == 1 else delta
