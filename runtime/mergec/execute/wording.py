"""What a measured value is called in a message: the spec's own words as far as there are any."""

from fractions import Fraction

from mergec.diagnostics import escape
from mergec.ir import Fact, Node, NodeKey, print_decimal
from mergec.ops import numbers
from mergec.plan import Plan

_DEEPEST = 3


def describe(plan: Plan, fact: Fact) -> str:
    """A statistic as a spec would write it, such as `norm(child - base)`."""
    operands = (_called(plan, key, depth=0) for key in fact.operands)
    return f"{fact.kind}({', '.join(operands)})"


def _called(plan: Plan, key: NodeKey, depth: int) -> str:
    """The name of a node, else its expression; what lies deep is left out."""
    if key in plan.names:
        return escape(plan.names[key])
    known = {node.key: node for node in plan.written.nodes()}
    node = known.get(key)
    if node is not None and node.op in ("source", "vocabulary", "adapter"):
        return escape(str(node.param("label")))
    if node is None or depth == _DEEPEST:
        return "..."
    operands = [_called(plan, operand, depth + 1) for operand in node.operands]
    if node.op == "affine":
        said = _sum(node, operands)
        return f"({said})" if depth else said
    return f"{node.op}({', '.join(operands)})"


def _sum(node: Node, operands: list[str]) -> str:
    """A sum of multiples, such as `code - 0.5*base`."""
    said = ""
    for part, operand in zip(numbers(node.param("coefficients"), 1), operands, strict=True):
        said += f" {'-' if part < 0 else '+'} {_factor(abs(part))}{operand}"
    return said.removeprefix(" + ").replace(" - ", "-", said.startswith(" - "))


def _factor(size: Fraction) -> str:
    return "" if size == 1 else f"{print_decimal(size)}*"
