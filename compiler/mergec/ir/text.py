"""The text form of the operator graph, for reviewers and golden files; it prints and parses.

%0 = source.1(; label="./base", ref="./base", rev=none) : Model
%1 = source.1(; label="./code", ref="./code", rev=none) : Model
%2 = affine.1(%1, %0; coefficients=[1, -1]) : Delta
export "child" = %2
"""

import json

from mergec.ir.graph import Graph, GraphBuilder, NodeKey
from mergec.ir.read_values import Tokens
from mergec.ir.types import DELTA, MODEL, SIGN, ValueType
from mergec.ir.values import Value, print_value

# Their parameters are selectors, and what stands in quotes is a pattern.
_OF_SELECTORS = ("match", "select")
_TYPES = {str(kind): kind for kind in (MODEL, DELTA, SIGN)}


def print_graph(graph: Graph) -> str:
    """One line a node, `%0`, `%1` ... in graph order, then one line an export."""
    number = {key: f"%{i}" for i, key in enumerate(graph.table)}
    lines: list[str] = []
    for node in graph.nodes():
        params = ", ".join(f"{name}={print_value(value)}" for name, value in node.params)
        operands = ", ".join(number[key] for key in node.operands)
        inside = f"{operands}; {params}" if params else operands
        lines.append(f"{number[node.key]} = {node.op}.{node.revision}({inside}) : {node.type}")
    lines += [f"export {json.dumps(name)} = {number[key]}" for name, key in graph.outputs.items()]
    return "\n".join(lines) + "\n"


def parse_graph(text: str) -> Graph:
    """The graph that `print_graph` printed; ValueError names the line that does not parse.

    A line that begins with `#` is for people.
    """
    builder = GraphBuilder()
    keys: dict[str, NodeKey] = {}
    outputs: dict[str, NodeKey] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            _Line(line).read_into(builder, keys, outputs)
        except (ValueError, KeyError, IndexError, ZeroDivisionError) as wrong:
            raise ValueError(f"line {number} is not IR text: {line!r}") from wrong
    return builder.finish(outputs)


class _Line(Tokens):
    """A line of the text."""

    def read_into(
        self, builder: GraphBuilder, keys: dict[str, NodeKey], outputs: dict[str, NodeKey]
    ) -> None:
        if self.took("export"):
            name = json.loads(self.take())
            self.take("=")
            outputs[name] = keys[self.take()]
            self.end()
            return
        name = self.take()
        self.take("=")
        op = self.take()
        self.take(".")
        revision = int(self.take())
        self.take("(")
        operands = self._operands(keys)
        params = self._params(selectors=op in _OF_SELECTORS)
        self.take(")")
        self.take(":")
        kind = self._type()
        self.end()
        keys[name] = builder.add(op, operands, params, type=kind, revision=revision)

    def _operands(self, keys: dict[str, NodeKey]) -> list[NodeKey]:
        found: list[NodeKey] = []
        while self.peek().startswith("%"):
            found.append(keys[self.take()])
            self.took(",")
        return found

    def _params(self, *, selectors: bool) -> dict[str, Value]:
        params: dict[str, Value] = {}
        while self.peek() in (";", ","):
            self.take()
            name = self.take()
            self.take("=")
            params[name] = self.value(selectors=selectors)
        return params

    def _type(self) -> ValueType:
        word = self.take()
        if word != "Blend":
            return _TYPES[word]
        self.take("(")
        mass = self.amount()
        self.take(")")
        return ValueType(mass)
