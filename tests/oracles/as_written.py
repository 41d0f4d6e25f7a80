"""The graph as written, evaluated tensor by tensor in rationals: slices, stacks and views included.

Its own small interpreter, by names: nothing here asks the compiler which tensor a view stands for.
Beside each value it keeps the sum of the magnitudes that were added up to make it, which is how far
rounding may move a result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from mergec.ir import MODEL, Graph, Node, NodeKey, Schedule, TensorSelector, Value
from mergec.verify.exact import MEANINGS
from mergec.verify.exact.meaning import Applied
from mergec.verify.exact_value import Exact, sizes
from tests.oracles.numbers_at import Tensor, in_layer, is_after, layer_of, number_at, selected
from tests.strategies import Checkpoints, fraction_list

Demand = tuple[NodeKey, str]


@dataclass(frozen=True, slots=True)
class Names:
    """The tensor names of a value, and how many layers it has."""

    names: tuple[str, ...]
    layers: int


def as_written(graph: Graph, held: Checkpoints) -> "AsWritten":
    """The oracle for these checkpoints."""
    floats = {
        label: {name: x for name, x in tensors.items() if x.dtype.is_float}
        for label, tensors in held.items()
    }
    return AsWritten(
        graph,
        {label: {n: fraction_list(x) for n, x in each.items()} for label, each in floats.items()},
        {label: {n: x.shape for n, x in each.items()} for label, each in floats.items()},
    )


@dataclass(slots=True)
class AsWritten:
    """Evaluates a graph as written.

    `sources` has for each label the names of its floating-point tensors and their elements,
    `shapes` their shapes.
    """

    graph: Graph
    sources: Mapping[str, Mapping[str, Sequence[Fraction]]]
    shapes: Mapping[str, Mapping[str, tuple[int, ...]]]
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
            tensors = self.sources[str(node.param("label"))]
            value = tuple(tensors[_named(tensors, name)])
            return Exact(value, tuple(map(abs, value)))
        route = self._route(node, name)
        if route is not None:
            return self.tensor(*route)
        params = {key: self._known(node, value, name) for key, value in node.params}
        if params.get("scope") == "global":
            return self._part_of_all(node, name, {**params, "scope": "tensor"})
        return self._applied(node, name, params, [self.tensor(key, name) for key in node.operands])

    def _applied(
        self, node: Node, name: str, params: Mapping[str, Value], operands: Sequence[Exact]
    ) -> Exact:
        has_base = self.graph.node(node.operands[0]).type == MODEL
        shape, values = self._shape(node, name), [each.value for each in operands]
        shapes = (shape,) * len(operands)  # what has others, as Gram matrices, is not stated
        at = Applied(node.op, params, values, has_base, self._origin(node, name), shape, shapes)
        value = MEANINGS[at.op](at)
        return Exact(value, sizes(at, value, operands))

    def _part_of_all(self, node: Node, name: str, params: Mapping[str, Value]) -> Exact:
        """Of all tensors as one vector, the part that is this one."""
        held = self.names(node.key).names
        own = _named(dict.fromkeys(held), name)
        more, less = name[: -len(own)], own[: -len(name)]  # one of them is a prefix
        names = [more + each.removeprefix(less) for each in held]  # as this one is asked for
        parts = [[self.tensor(key, each) for each in names] for key in node.operands]
        whole = self._applied(node, name, params, [_chained(each) for each in parts])
        start = sum(len(part.value) for part in parts[0][: names.index(name)])
        end = start + len(parts[0][names.index(name)].value)
        return Exact(whole.value[start:end], whole.size[start:end])

    def _shape(self, node: Node, name: str) -> tuple[int, ...]:
        """That of the first source that a tensor is made of."""
        node, name = self._leaf(node, name)
        shapes = self.shapes[str(node.param("label"))]
        return shapes[_named(shapes, name)]

    def _known(self, node: Node, value: Value, name: str) -> Value:
        if isinstance(value, tuple):
            return tuple(self._known(node, item, name) for item in value)
        if isinstance(value, Schedule):
            return number_at(value, Tensor(name, self.names(node.key).layers))
        return value

    def _origin(self, node: Node, name: str) -> str:
        """The name that the first operand's source has for a tensor."""
        return self._leaf(node, name)[1]

    def _leaf(self, node: Node, name: str) -> tuple[Node, str]:
        while node.op != "source":
            route = self._route(node, name) or (node.operands[_first(node)], name)
            node, name = self.graph.node(route[0]), route[1]
        return node, name

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


def _named(tensors: Mapping[str, object], name: str) -> str:
    """A source may have a prefix before its names, or lack one that the others have."""
    fitting = [n for n in tensors if n == name or n.endswith(f".{name}") or name.endswith(f".{n}")]
    return fitting[0]


def _chained(parts: Sequence[Exact]) -> Exact:
    value = tuple(x for part in parts for x in part.value)
    return Exact(value, tuple(x for part in parts for x in part.size))
