"""The graph as written, evaluated tensor by tensor in rationals: slices, stacks and views included.

Its own small interpreter, by names: nothing here asks the compiler which tensor a view stands for.
Beside each value it keeps the sum of the magnitudes that were added up to make it, which is how far
rounding may move a result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from mergec.ir import MODEL, Graph, Node, NodeKey, Schedule, TensorSelector, Value
from tests.oracles.exact import Applied, Vector, coefficients, meaning
from tests.oracles.numbers_at import Tensor, in_layer, is_after, layer_of, number_at, selected

Demand = tuple[NodeKey, str]


@dataclass(frozen=True, slots=True)
class Names:
    """The tensor names of a value, and how many layers it has."""

    names: tuple[str, ...]
    layers: int


@dataclass(frozen=True, slots=True)
class Exact:
    """One tensor: its value, and Σ|c·x| over all terms on the way for each element."""

    value: Vector
    size: Vector


@dataclass(slots=True)
class AsWritten:
    """Evaluates a graph as written.

    `sources` has for each label the names of its floating-point tensors and their elements.
    """

    graph: Graph
    sources: Mapping[str, Mapping[str, Sequence[Fraction]]]
    _names: dict[NodeKey, Names] = field(default_factory=dict[NodeKey, Names])
    _found: dict[Demand, Exact] = field(default_factory=dict[Demand, Exact])

    def names(self, key: NodeKey) -> Names:
        """Which tensors a value has."""
        if key not in self._names:
            node = self.graph.node(key)
            self._names[key] = self._names_of(node, [self.names(each) for each in node.operands])
        return self._names[key]

    def tensor(self, key: NodeKey, name: str) -> Exact:
        """One tensor of a value."""
        if (key, name) not in self._found:
            self._found[key, name] = self._tensor(self.graph.node(key), name)
        return self._found[key, name]

    def _tensor(self, node: Node, name: str) -> Exact:
        if node.op == "source":
            value = tuple(_named(self.sources[str(node.param("label"))], name))
            return Exact(value, tuple(map(abs, value)))
        route = self._route(node, name)
        if route is not None:
            return self.tensor(*route)
        operands = [self.tensor(key, name) for key in node.operands]
        has_base = self.graph.node(node.operands[0]).type == MODEL
        params = {key: self._known(node, value, name) for key, value in node.params}
        at = Applied(
            node.op, params, [each.value for each in operands], has_base, self._origin(node, name)
        )
        pairs = [*zip(coefficients(at), operands, strict=True)]
        size = (
            sum((abs(c) * each.size[j] for c, each in pairs), Fraction(0))
            for j in range(len(operands[0].value))
        )
        return Exact(meaning(at), tuple(size))

    def _known(self, node: Node, value: Value, name: str) -> Value:
        if isinstance(value, tuple):
            return tuple(self._known(node, item, name) for item in value)
        if isinstance(value, Schedule):
            return number_at(value, Tensor(name, self.names(node.key).layers))
        return value

    def _origin(self, node: Node, name: str) -> str:
        """The name that the first operand's source has for a tensor."""
        while node.op != "source":
            route = self._route(node, name) or (node.operands[_first(node)], name)
            node, name = self.graph.node(route[0]), route[1]
        return name

    def _route(self, node: Node, name: str) -> Demand | None:
        """Which tensor of which operand this one is, where nothing is computed."""
        match node.op:
            case "checked" | "select":
                return node.operands[0], name
            case "match":
                at = Tensor(name, self.names(node.key).layers)
                fitting = (i for i, it in enumerate(_selectors(node)) if selected(it, at))
                return node.operands[next(fitting)], name
            case "rename":
                (old,) = [n for n in self.names(node.operands[0]).names if _new(node, n) == name]
                return node.operands[0], old
            case "slice":
                layer, low = layer_of(name), _whole(node, "lo") or 0
                return node.operands[0], name if layer is None else in_layer(name, layer + low)
            case "stack":
                return self._in_stack(node, name)
            case _:
                return None

    def _in_stack(self, node: Node, name: str) -> Demand:
        layer = layer_of(name)
        if layer is None:
            return node.operands[-1 if is_after(name) else 0], name
        for key in node.operands:
            count = self.names(key).layers
            if layer < count:
                return key, in_layer(name, layer)
            layer -= count
        raise AssertionError(f"{name} is above the stack")

    def _names_of(self, node: Node, parts: Sequence[Names]) -> Names:
        match node.op:
            case "source":
                names = tuple(self.sources[str(node.param("label"))])
                return Names(names, 1 + max(layer_of(n) or 0 for n in names))
            case "select":
                (part,) = parts
                (selector,) = (value for _, value in node.params)
                assert isinstance(selector, TensorSelector)
                kept = (n for n in part.names if selected(selector, Tensor(n, part.layers)))
                return Names(tuple(kept), part.layers)
            case "rename":
                (part,) = parts
                return Names(tuple(_new(node, n) for n in part.names), part.layers)
            case "slice":
                (part,) = parts
                low, high = _whole(node, "lo") or 0, _whole(node, "hi") or part.layers
                return Names(tuple(_sliced(part.names, low, high)), high - low)
            case "stack":
                return _stacked(parts)
            case _:
                return parts[_first(node)]


def _sliced(names: Sequence[str], low: int, high: int) -> list[str]:
    found: list[str] = []
    for name in names:
        layer = layer_of(name)
        if layer is None:
            found.append(name)
        elif low <= layer < high:
            found.append(in_layer(name, layer - low))
    return found


def _stacked(parts: Sequence[Names]) -> Names:
    names = [n for n in parts[0].names if layer_of(n) is None and not is_after(n)]
    below = 0
    for part in parts:
        numbered = ((name, layer_of(name)) for name in part.names)
        names += [in_layer(name, below + n) for name, n in numbered if n is not None]
        below += part.layers
    names += [n for n in parts[-1].names if layer_of(n) is None and is_after(n)]
    return Names(tuple(names), below)


def _selectors(node: Node) -> tuple[TensorSelector | None, ...]:
    value = node.param("selectors")
    assert isinstance(value, tuple)
    return tuple(it for it in value if it is None or isinstance(it, TensorSelector))


def _new(node: Node, name: str) -> str:
    """The first rule that fits gives the new name; without one the old name stays."""
    rules = node.param("rules")
    assert isinstance(rules, tuple)
    for rule in rules:
        assert isinstance(rule, tuple)
        (front, star, back), new = str(rule[0]).partition("*"), str(rule[1])
        assert star, "generated rules have one"
        if name.startswith(front) and name.endswith(back) and len(name) >= len(front + back):
            return new.replace("*", name[len(front) : len(name) - len(back)])
    return name


def _whole(node: Node, param: str) -> int | None:
    value = node.param(param)
    return value if isinstance(value, int) else None


def _first(node: Node) -> int:
    """Which operand gives the tensor names: the first that was written."""
    return _whole(node, "first") or 0 if "first" in dict(node.params) else 0


def _named(tensors: Mapping[str, Sequence[Fraction]], name: str) -> Sequence[Fraction]:
    """A source may have a prefix before its names, or lack one that the others have."""
    fitting = [n for n in tensors if n == name or n.endswith(f".{name}") or name.endswith(f".{n}")]
    return tensors[fitting[0]]
