"""The structural verifier, run after every pass: a broken graph is our bug, found at once."""

from fractions import Fraction

from mergec.ir.graph import Graph, Node, NodeKey
from mergec.ir.schedule import Amount, Schedule
from mergec.ir.types import ValueType


class BrokenGraphError(AssertionError):
    """A pass built a graph that breaks an invariant; never caused by a user's spec."""


def verify_graph(graph: Graph) -> Graph:
    """Return `graph` if it is in order, closed, well-typed and without dead nodes, else raise."""
    used = set(graph.outputs.values())
    if lost := used - graph.table.keys():
        raise BrokenGraphError(f"{len(lost)} outputs are no nodes of the graph")
    before: set[NodeKey] = set()
    for node in graph.nodes():
        # Where every operand stands before its user there is no cycle.
        if not before.issuperset(node.operands):
            raise BrokenGraphError(f"an operand of {node.op} does not stand before it")
        before.add(node.key)
    for node in reversed(graph.nodes()):
        if node.key in used:
            used.update(node.operands)
    if dead := before - used:
        raise BrokenGraphError(f"{len(dead)} nodes are reached by no output")
    for node in graph.nodes():
        _verify_node(graph, node)
    return graph


def _verify_node(graph: Graph, node: Node) -> None:
    if list(node.params) != sorted(node.params, key=lambda pair: pair[0]):
        raise BrokenGraphError(f"parameters of {node.op} are not sorted")
    if node.op in ("source", "adapter") and node.operands:
        raise BrokenGraphError("a source has operands")
    if node.op == "affine":
        _verify_affine(graph, node)


def _verify_affine(graph: Graph, node: Node) -> None:
    """An affine node has one coefficient an operand, and its mass is what they say."""
    coefficients = node.param("coefficients")
    if not isinstance(coefficients, tuple) or len(coefficients) != len(node.operands):
        raise BrokenGraphError("an affine node needs one coefficient for each operand")
    mass: Amount = Fraction(0)
    for coefficient, operand in zip(coefficients, node.operands, strict=True):
        part = graph.node(operand).type.mass
        if not isinstance(coefficient, Fraction | Schedule) or part is None:
            raise BrokenGraphError("an affine node combines something that has no mass")
        mass = mass + coefficient * part
    if node.type != ValueType(mass):
        raise BrokenGraphError(f"an affine node of mass {mass} is typed {node.type}")
