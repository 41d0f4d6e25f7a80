"""The graph as written, for reviewers: one line a node, every parameter resolved."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.diagnostics.printable import escape
from mergec.elaborate.print_node import node_expr
from mergec.elaborate.print_number import NOWHERE, number_expr
from mergec.ir import (
    STATISTICS,
    NodeKey,
    Schedule,
    TensorSelector,
    Value,
    part_statistics,
    print_decimal,
    print_value,
)
from mergec.ir.selector import print_selector
from mergec.ops import OPERATORS
from mergec.plan.model import Plan
from mergec.syntax.nodes import Name
from mergec.syntax.one_line import one_line

# What the language has other signs for than a call with parameters.
_IN_SIGNS = ("affine", "slice", "stack", "match", "select", "rename", "as_model")


def expression_lines(plan: Plan) -> list[str]:
    """The section `as written`; sources are left out."""
    names = {key: escape(name) for key, name in plan.names.items()}
    lines: list[str] = []
    for node in plan.written.nodes():
        if node.op in ("source", "adapter"):
            names.setdefault(node.key, escape(str(node.param("label"))))
            continue
        operands = [names[key] for key in node.operands]
        if node.op in ("checked", "vocabulary"):  # which says for itself what it is
            names.setdefault(node.key, operands[0])
            continue
        names.setdefault(node.key, f"%{len(lines)}")
        said = written_node(node.op, dict(node.params), operands)
        mark = "! " if node.op == "as_model" else "  "
        lines.append(f"{mark}{names[node.key]} = {said} : {node.type}")
    return ["as written", *lines] if lines else []


def name_of(plan: Plan, key: NodeKey) -> str:
    """What reviewers call a node: its name, or what it is."""
    if key in plan.names:
        return escape(plan.names[key])
    node = plan.written.node(key)
    if node.op in ("source", "vocabulary", "adapter"):
        return escape(str(node.param("label")))
    return f"{node.op}({', '.join(_short(plan, operand) for operand in node.operands)})"


def written_node(op: str, params: Mapping[str, Value], operands: Sequence[str]) -> str:
    """A node as a spec would say it; of an operator also what the compiler derived."""
    if op in _IN_SIGNS:
        names = [Name(operand, NOWHERE) for operand in operands]
        return escape(one_line(node_expr(op, params, names)))
    combined, statistics = part_statistics(operands, params)
    return f"{op}({', '.join(combined)}{_params(op, params, statistics)})"


def _params(op: str, params: Mapping[str, Value], statistics: Sequence[str]) -> str:
    hidden = ("first", STATISTICS, "barrier", "member", "part")
    shown = [
        f"{name}={_shown(value)}"
        for name, value in params.items()
        if value is not None and name not in hidden
    ]
    if statistics:
        name = next(p.name for p in OPERATORS[op].parameters if p.kind == "sources")
        shown.insert(0, f"{name}=[{', '.join(statistics)}]")
    return f"; {', '.join(shown)}" if shown else ""


def _shown(value: Value) -> str:
    """As in a spec: decimals for numbers, bare words for words."""
    if isinstance(value, bool | None):
        return print_value(value)
    if isinstance(value, tuple):
        return f"[{', '.join(_shown(item) for item in value)}]"
    if isinstance(value, str):
        return escape(value).replace("\\u{1f}", " + ")
    if isinstance(value, Schedule):
        return escape(one_line(number_expr(value)))
    if isinstance(value, TensorSelector):
        return escape(print_selector(value))
    return print_decimal(Fraction(value))


def _short(plan: Plan, key: NodeKey) -> str:
    node = plan.written.node(key)
    leaf = node.op in ("source", "vocabulary", "adapter")
    label = str(node.param("label")) if leaf else "..."
    return escape(plan.names.get(key, label))
