"""Which tensor of which operand a view stands for: `match`, slices, stacks, names."""

from typing import NoReturn

from mergec.diagnostics import Diagnostic, Span
from mergec.elaborate import Elaborated
from mergec.frozen import frozen
from mergec.ir import Node, NodeKey, TensorSelector
from mergec.ir.selector import selects
from mergec.resolve.findings import Findings
from mergec.resolve.key_sets import KeySets
from mergec.resolve.slicing import bounds
from mergec.resolve.usage import Usage

VIEWS = frozenset({"slice", "stack", "rename", "select", "match", "checked", "vocabulary"})
"""The nodes that stand for one of their operands, under another name or for some tensors alone."""

Demand = tuple[NodeKey, str]
"""A tensor of a value, by its name in that value."""


@frozen
class Routing:
    """Follows views."""

    elaborated: Elaborated
    keys: KeySets
    findings: Findings
    usage: Usage

    def route(self, node: Node, name: str, output: str | None) -> Demand:
        """Which tensor of which operand a view stands for.

        `output` is the output tensor that a choice is recorded for, if it is to be. Finds E401
        and E409.
        """
        match node.op:
            case "match":
                return node.operands[self._arm(node, name, output)], name
            case "select":
                selector = node.param("selector")
                assert isinstance(selector, TensorSelector)
                inside = self.keys.of(node.operands[0])
                if selects(selector, inside.position(name)):
                    return node.operands[0], name
            case "slice":
                low, _ = bounds(node)
                place = self.keys.of(node.key).position(name).place
                if place.layer is None:
                    return node.operands[0], name
                if place.layer < self.keys.of(node.key).architecture.layers:
                    return node.operands[0], place.renumbered(place.layer + low)
            case "rename" | "stack":
                route = self.keys.of(node.key).routes.get(name)
                if route is not None:
                    return node.operands[route[0]], route[1]
            case _:
                return node.operands[0], name
        self._fail_to_find(node, name)

    def _fail_to_find(self, node: Node, name: str) -> NoReturn:
        what = {"select": "selection", "slice": "range of layers", "stack": "stack"}.get(node.op)
        self.findings.stop(
            (node.key, "missing"),
            Diagnostic(
                "E401",
                f"this {what or 'renaming'} has no tensor `{name}`, which is asked of it",
                self._span(node),
                notes=("the output has the tensors of the base, or of the first operand",),
                help=("put the value with the fewest tensors first, or widen this one",),
            ),
        )

    def _arm(self, node: Node, name: str, output: str | None) -> int:
        """The number of the first arm that fits."""
        at = self.keys.of(node.key).position(name)
        selectors = node.param("selectors")
        assert isinstance(selectors, tuple)
        fitting = [
            number
            for number, selector in enumerate(selectors)
            if selector is None or (isinstance(selector, TensorSelector) and selects(selector, at))
        ]
        if output is not None:
            self.usage.fits(node.key, fitting)
        if not fitting:
            self.findings.stop((node.key, "uncovered"), uncovered(name, self._span(node)))
        if output is not None:
            self.usage.arm(node.key, output, fitting[0])
        return fitting[0]

    def _span(self, node: Node) -> Span | None:
        return self.elaborated.places.nodes.get(node.key)


def uncovered(name: str, at: Span | None) -> Diagnostic:
    """E409: no arm fits the tensor `name`."""
    message = f"no arm of this `match` fits the tensor `{name}`"
    return Diagnostic("E409", message, at, help=("add an arm for it, or `else => ...`",))
