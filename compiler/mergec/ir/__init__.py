"""The operator graph: typed nodes, their text form, and its structural verifier."""

from mergec.ir.condition import Condition, Fact, Known, Operation, evaluate, facts
from mergec.ir.graph import (
    STATISTICS,
    Graph,
    GraphBuilder,
    Node,
    NodeKey,
    part_statistics,
    rewrite,
)
from mergec.ir.schedule import Amount, Schedule
from mergec.ir.selector import Position, TensorSelector
from mergec.ir.text import parse_graph, print_graph
from mergec.ir.types import DELTA, MODEL, SIGN, ValueType
from mergec.ir.values import Value, is_scheduled, print_decimal, print_value
from mergec.ir.verify_graph import BrokenGraphError, verify_graph

__all__ = [
    "DELTA",
    "MODEL",
    "SIGN",
    "STATISTICS",
    "Amount",
    "BrokenGraphError",
    "Condition",
    "Fact",
    "Graph",
    "GraphBuilder",
    "Known",
    "Node",
    "NodeKey",
    "Operation",
    "Position",
    "Schedule",
    "TensorSelector",
    "Value",
    "ValueType",
    "evaluate",
    "facts",
    "is_scheduled",
    "parse_graph",
    "part_statistics",
    "print_decimal",
    "print_graph",
    "print_value",
    "rewrite",
    "verify_graph",
]
