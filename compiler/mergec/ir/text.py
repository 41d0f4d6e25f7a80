"""The text form of the operator graph, for reviewers and golden files; it prints and parses.

%0 = source.1(; label="./base", ref="./base", rev=none) : Model
%1 = source.1(; label="./code", ref="./code", rev=none) : Model
%2 = affine.1(%1, %0; coefficients=[1, -1]) : Delta
export "child" = %2
"""

import json
import re
from fractions import Fraction

from mergec.ir.graph import Graph, GraphBuilder, NodeKey
from mergec.ir.types import DELTA, MODEL, SIGN, ValueType
from mergec.ir.values import Value, print_value

_TOKEN = re.compile(
    r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?\d+(?:/\d+)?)|(?P<word>[A-Za-z_]\w*)'
    r"|(?P<ref>%\d+)|(?P<mark>[()\[\];,=:.]))"
)
_WORDS: dict[str, Value] = {"true": True, "false": False, "none": None}
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
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            _Line(line).read_into(builder, keys, outputs)
        except (ValueError, KeyError, IndexError, ZeroDivisionError) as wrong:
            raise ValueError(f"line {number} is not IR text: {line!r}") from wrong
    return builder.finish(outputs)


class _Line:
    """A cursor over the tokens of one line."""

    def __init__(self, line: str) -> None:
        self._tokens: list[str] = []
        place = 0
        while place < len(line.rstrip()):
            found = _TOKEN.match(line, place)
            if found is None:
                raise ValueError(line[place:])
            self._tokens.append(found.group().strip())
            place = found.end()
        self._next = 0

    def read_into(
        self, builder: GraphBuilder, keys: dict[str, NodeKey], outputs: dict[str, NodeKey]
    ) -> None:
        if self._take() == "export":
            name = json.loads(self._take())
            self._take("=")
            outputs[name] = keys[self._take()]
            self._end()
            return
        name = self._tokens[0]
        self._take("=")
        op = self._take()
        self._take(".")
        revision = int(self._take())
        self._take("(")
        operands = self._operands(keys)
        params = self._params()
        self._take(")")
        self._take(":")
        kind = self._type()
        self._end()
        keys[name] = builder.add(op, operands, params, type=kind, revision=revision)

    def _operands(self, keys: dict[str, NodeKey]) -> list[NodeKey]:
        found: list[NodeKey] = []
        while self._peek().startswith("%"):
            found.append(keys[self._take()])
            if self._peek() == ",":
                self._take()
        return found

    def _params(self) -> dict[str, Value]:
        params: dict[str, Value] = {}
        while self._peek() in (";", ","):
            self._take()
            name = self._take()
            self._take("=")
            params[name] = self._value()
        return params

    def _value(self) -> Value:
        token = self._take()
        if token == "[":
            items: list[Value] = []
            while self._peek() != "]":
                items.append(self._value())
                if self._peek() == ",":
                    self._take()
            self._take("]")
            return tuple(items)
        if token.startswith('"'):
            return str(json.loads(token))
        return _WORDS[token] if token in _WORDS else Fraction(token)

    def _type(self) -> ValueType:
        word = self._take()
        if word != "Blend":
            return _TYPES[word]
        self._take("(")
        parts: list[str] = []  # of a decimal: its point is a token
        while self._peek() != ")":
            parts.append(self._take())
        self._take(")")
        return ValueType(Fraction("".join(parts)))

    def _end(self) -> None:
        if self._next < len(self._tokens):
            raise ValueError(f"unexpected {self._peek()}")

    def _peek(self) -> str:
        return self._tokens[self._next]

    def _take(self, expected: str | None = None) -> str:
        token = self._peek()
        if expected is not None and token != expected:
            raise ValueError(f"expected {expected}, found {token}")
        self._next += 1
        return token
