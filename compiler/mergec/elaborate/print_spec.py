"""A spec with everything expanded, from its graph: what `mergec expand` prints.

Macros, used specs and parameters are gone, defaults are spelled out, and the operands of
order-free operators stand in their canonical order. The text is a spec of the same graph.
"""

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from mergec.elaborate.exports import DEFAULT_SHARD_BYTES
from mergec.elaborate.print_condition import condition_expr
from mergec.elaborate.print_names import Names
from mergec.elaborate.print_node import call, node_expr
from mergec.elaborate.print_number import NOWHERE, rational, schedule_expr
from mergec.elaborate.print_operands import shown_node, unmarked
from mergec.elaborate.print_size import size_expr
from mergec.elaborate.print_tokenizer import tokenizer_settings
from mergec.elaborate.values import Contract, Elaborated, ExportDecl
from mergec.ir import Amount, Fact, Node, NodeKey, Schedule, facts
from mergec.syntax import format_spec
from mergec.syntax.layout import WIDTH
from mergec.syntax.nodes import (
    Binding,
    Export,
    Expr,
    Keyword,
    Name,
    Require,
    SpecFile,
    Statement,
    Text,
)
from mergec.syntax.one_line import one_line

# What is longer gets a line and a name of its own.
_LONGEST_NUMBER = 60
_LONGEST_EXPORT = 40
# What is shorter stays where it is used, also in a call that is broken into lines.
_SHORT = 30


def print_spec(checked: Elaborated) -> str:
    """The canonical text of `checked` with everything expanded; a spec that means the same.

    References to sources start where those of the spec do.
    """
    printer = _Printer(checked)
    sources = printer.sources()
    printer.nodes()
    contracts = [printer.contract(contract) for contract in checked.contracts]
    exports = [printer.export(decl) for decl in checked.exports]
    edition = checked.specs[0].edition if checked.specs else None
    head = SpecFile(edition, tuple(sources), (), NOWHERE)
    rest = [
        SpecFile(None, tuple(statements), (), NOWHERE)
        for statements in (printer.lines, contracts, exports)
        if statements
    ]
    return "\n".join(format_spec(part) for part in (head, *rest))


@dataclass(slots=True)
class _Printer:
    """Collects the lines. A node has a line if the spec names it or several others use it."""

    checked: Elaborated
    names: Names = field(init=False)
    lines: list[Statement] = field(default_factory=list[Statement])
    _lined: set[NodeKey] = field(init=False)
    _uses: Counter[NodeKey] = field(init=False)
    _bound: dict[NodeKey, str] = field(default_factory=dict[NodeKey, str])
    _inline: dict[NodeKey, Expr] = field(default_factory=dict[NodeKey, Expr])
    _numbers: dict[Schedule, str] = field(default_factory=dict[Schedule, str])
    _room: int = field(init=False)

    def __post_init__(self) -> None:
        written = self.checked.places.names
        self.names = Names({*written.values()})
        counted = _count_uses(self.checked, written)
        self._lined = {*written, *(key for key, count in counted.items() if count > 1)}
        self._uses = _count_uses(self.checked, self._lined)
        longest = max((len(name) for key, name in written.items() if key in self._uses), default=5)
        self._room = max(WIDTH - longest - len(" = "), WIDTH // 2)

    def sources(self) -> list[Binding]:
        """A line for each source, in the order of the spec."""
        lines: list[Binding] = []
        for source in self.checked.sources:
            name = self.checked.places.names.get(source.key) or self.names.like(source.label)
            self._bound[source.key] = name
            params = {"label": source.label, "ref": source.ref, "rev": source.rev}
            lines.append(
                _binding(name, node_expr("adapter" if source.is_adapter else "source", params, ()))
            )
        return lines

    def nodes(self) -> None:
        """A line for each node that has a name, or needs one."""
        for node in self.checked.graph.nodes():
            if node.key not in self._uses or node.op in ("source", "adapter"):
                continue
            self._inline[node.key] = self._fitted(node)
            name = self.checked.places.names.get(node.key)
            if name is not None or self._uses[node.key] > 1:
                self._bind(node.key, name or self.names.fresh())

    def contract(self, contract: Contract) -> Require:
        """`require`, over what the spec calls things here."""

        def fact(asked: Fact) -> Expr:
            keys = [unmarked(self.checked.graph, key) for key in asked.operands]
            return call(asked.kind, [self._expr(key) for key in keys])

        condition = condition_expr(contract.condition, fact)
        return Require(condition, Text(contract.why, NOWHERE), (), NOWHERE)

    def export(self, decl: ExportDecl) -> Export:
        """`export`, with the settings that are not the default."""
        key = unmarked(self.checked.graph, decl.node)
        if len(one_line(self._expr(key))) > _LONGEST_EXPORT:
            self._bind(key, self.names.fresh())
        settings: dict[str, Expr] = {}
        if decl.dtype is not None:
            settings["dtype"] = Name(decl.dtype.word, NOWHERE)
        if decl.shard_bytes != DEFAULT_SHARD_BYTES:
            settings["shard"] = size_expr(decl.shard_bytes)
        if decl.nonfinite != "error":
            settings["nonfinite"] = Name(decl.nonfinite, NOWHERE)
        if decl.tokenizer is not None:
            keys = {source.label: source.key for source in self.checked.sources}
            named = {label: self._expr(keys[label]) for label in decl.tokenizer.named}
            settings |= tokenizer_settings(decl.tokenizer, named)
        words = [Keyword(name, value, NOWHERE, NOWHERE) for name, value in settings.items()]
        name = Text(decl.name, NOWHERE)
        return Export(self._expr(key), decl.delta, name, tuple(words), decl.docs, NOWHERE)

    def _fitted(self, node: Node) -> Expr:
        """The expression of a node; the longest operands get lines of their own until it fits."""
        shown = shown_node(self.checked.graph, node, self._lined)
        while True:
            operands = [self._expr(key) for key in shown.operands]
            expr = node_expr(node.op, shown.params, operands, self._number)
            size = {
                key: len(one_line(self._inline[key]))
                for key in shown.operands
                if key not in self._bound
            }
            longest = max(size, key=size.__getitem__, default=None)
            if longest is None or size[longest] <= _SHORT or len(one_line(expr)) <= self._room:
                return expr
            self._bind(longest, self.names.fresh())

    def _expr(self, key: NodeKey) -> Expr:
        return Name(self._bound[key], NOWHERE) if key in self._bound else self._inline[key]

    def _bind(self, key: NodeKey, name: str) -> None:
        if key not in self._bound:
            self.lines.append(_binding(name, self._inline[key]))
            self._bound[key] = name

    def _number(self, value: Amount) -> Expr:
        """A number; a long one that differs from tensor to tensor gets a line of its own."""
        if not isinstance(value, Schedule):
            return rational(value)
        if value not in self._numbers:
            expr = schedule_expr(value, self._number)
            if len(one_line(expr)) <= _LONGEST_NUMBER:
                return expr
            self._numbers[value] = self.names.fresh()
            self.lines.append(_binding(self._numbers[value], expr))
        return Name(self._numbers[value], NOWHERE)


def _binding(name: str, expr: Expr) -> Binding:
    return Binding(name, expr, (), NOWHERE, NOWHERE)


def _count_uses(checked: Elaborated, lined: Container[NodeKey]) -> Counter[NodeKey]:
    """How often each node that is printed stands in another, in a contract or in an export.

    `lined` are nodes that have a line of their own.
    """
    graph = checked.graph
    asked = [key for c in checked.contracts for fact in facts(c.condition) for key in fact.operands]
    roots: Sequence[NodeKey] = [*asked, *(decl.node for decl in checked.exports)]
    uses = Counter(unmarked(graph, key) for key in roots)
    waiting = [*uses]
    seen = {*uses}
    while waiting:
        node = graph.node(waiting.pop())
        for key in shown_node(graph, node, lined).operands:
            uses[key] += 1
            if key not in seen:
                seen.add(key)
                waiting.append(key)
    return uses
