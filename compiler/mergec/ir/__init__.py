"""The operator graph: typed nodes over networkx, its text form, and its structural verifier."""

from mergec.ir.graph import Graph, GraphBuilder, Node, NodeKey, rewrite
from mergec.ir.text import parse_graph, print_graph
from mergec.ir.types import DELTA, MODEL, SIGN, ValueType
from mergec.ir.values import Value, print_decimal, print_value
from mergec.ir.verify_graph import BrokenGraphError, verify_graph

__all__ = [
    "DELTA",
    "MODEL",
    "SIGN",
    "BrokenGraphError",
    "Graph",
    "GraphBuilder",
    "Node",
    "NodeKey",
    "Value",
    "ValueType",
    "parse_graph",
    "print_decimal",
    "print_graph",
    "print_value",
    "rewrite",
    "verify_graph",
]
