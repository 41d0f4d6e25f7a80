"""A graph evaluated on rationals, tensor by tensor, with how far rounding may move each element."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from fractions import Fraction
from itertools import chain
from random import Random

from mergec.frozen import frozen
from mergec.ir import MODEL, Graph, Node, NodeKey, Value
from mergec.verify.exact import MEANINGS
from mergec.verify.exact.adapters import PRODUCT, product_shape
from mergec.verify.exact.meaning import Applied, NotStatedError, Vector

# Parameters of one tensor alone, on which the statistics of all depend.
_OWN = ("axes", "component")


@frozen
class Exact:
    """One tensor: its value, and Σ|c·x| over all terms on the way for each element.

    `firm` tells that a run makes every element without rounding, so that ties are ties.
    """

    value: Vector
    size: Vector
    firm: bool = True


@frozen
class Noise:
    """Moves every rounded element by up to `share` of its size, in the draw of a number.

    What the noise turns over, such as which of two nearly equal magnitudes is larger, no oracle
    can ask of a run. `bits` are those of the run's work dtype.
    """

    share: Fraction
    bits: int
    draw: int


Shapes = Mapping[str, tuple[int, ...]]
# What an operator with statistics of all tensors of a value gives for one of them: by the key that
# it has in `barrier`, and the tensor's name in the value.
OfMany = Callable[[NodeKey, str], Exact]


def exact(
    graph: Graph,
    sources: Mapping[str, Sequence[float | Fraction]],
    tensor: str = "w",
    sites: Mapping[str, str] | None = None,
    shapes: Shapes | None = None,
) -> Vector:
    """The value of a graph's only output, for one tensor of plain sources.

    `sources` gives the elements, in row order, by label or by the key of a source node. Masks are
    drawn for `tensor`, or for what `sites` says where a node names its origin. `shapes` are those
    of the sources, by the same keys; without them all are vectors. KeyError for an operator that
    has no exact meaning, and NotStatedError for one that has none with its parameters.
    """
    return exact_value(graph, sources, tensor, sites, shapes).value


def exact_value(
    graph: Graph,
    sources: Mapping[str, Sequence[float | Fraction]],
    tensor: str = "w",
    sites: Mapping[str, str] | None = None,
    shapes: Shapes | None = None,
    noise: Noise | None = None,
    of_many: OfMany | None = None,
) -> Exact:
    """The same with sizes; with `noise` what a run might as well have got.

    `of_many` tells of operators with statistics of all tensors; without it they have no meaning.
    """
    part = Part(graph, sources, tensor, sites, shapes or {})
    return _Evaluation(part, noise, of_many).of(part.root)


@frozen
class Part:
    """One tensor: the graph whose only output it is, and what `exact_value` takes beside it."""

    graph: Graph
    sources: Mapping[str, Sequence[float | Fraction]]
    tensor: str
    sites: Mapping[str, str] | None
    shapes: Shapes

    @property
    def root(self) -> NodeKey:
        """The output."""
        (root,) = self.graph.outputs.values()
        return root


def exact_of_many(
    parts: Sequence[Part], noise: Noise | None = None, of_many: OfMany | None = None
) -> list[Exact]:
    """All tensors of a value whose operator has statistics of them all: the output of each graph.

    `of_many` tells of other such operators below.
    """
    every = [
        _Evaluation(part, noise, of_many).applied(part.graph.node(part.root)) for part in parts
    ]
    found: dict[int, Exact] = {}
    # Parameters that its statistics do not depend on may differ from tensor to tensor.
    for number, (one, _) in enumerate(every):
        if number in found:
            continue
        alike = [n for n, (other, _) in enumerate(every) if _shared(other) == _shared(one)]
        tensors = [replace(at, params={**one.params, **_apart(at)}) for at, _ in every]
        merged = _over_all(tensors, [operands for _, operands in every], noise)
        found.update((n, merged[n]) for n in alike)
    return [found[number] for number in range(len(every))]


def _apart(at: Applied) -> dict[str, Value]:
    """What is always a tensor's own: where it has units that are reordered."""
    return {name: at.params[name] for name in _OWN if name in at.params}


def _shared(at: Applied) -> dict[str, Value]:
    return {name: value for name, value in at.params.items() if name not in _OWN}


def unstated(graph: Graph) -> tuple[str, ...]:
    """The operators and stages of a graph that no function of `mergec.verify.exact` states."""
    ops = (node.op for node in graph.nodes() if node.op != "source")
    return tuple(dict.fromkeys(op for op in ops if op not in MEANINGS))


def sizes(at: Applied, value: Vector, operands: Sequence[Exact]) -> Vector:
    """How much was added up for each element of what the operator `at.op` gives."""
    meaning = MEANINGS[at.op]
    if at.op == PRODUCT:  # whose operands have other shapes, and are multiplied
        return meaning(replace(at, operands=[each.size for each in operands]))
    parts = [abs(c) for c in meaning.reach(at)]
    # What has another shape, as a Gram matrix, weighs the operands and adds nothing of its own.
    pairs = [
        (c, each.size)
        for c, each in zip(parts, operands, strict=False)
        if len(each.size) == len(value)
    ]
    found = [
        max(sum((c * size[j] for c, size in pairs), Fraction(0)), abs(value[j]))
        for j in range(len(value))
    ]
    if meaning.spread:
        found = [max(found, default=Fraction(0))] * len(found)
    return tuple(found)


@frozen
class _Evaluation:
    """Computes nodes of one graph; each is found once."""

    part: Part
    noise: Noise | None
    of_many: OfMany | None
    found: dict[NodeKey, Exact] = field(default_factory=dict[NodeKey, Exact])
    shape_of: dict[NodeKey, tuple[int, ...]] = field(default_factory=dict[NodeKey, tuple[int, ...]])

    def of(self, key: NodeKey) -> Exact:
        """A node, after all that it is computed from."""
        if key not in self.found:
            for node in self.part.graph.below(key):
                self._add(node)
        return self.found[key]

    def applied(self, node: Node) -> tuple[Applied, list[Exact]]:
        """A node's operator applied to its operands, which are computed first."""
        operands = [self.of(key) for key in node.operands]
        if self.noise is not None and MEANINGS[node.op].rounds:
            operands = [
                _moved(each, self.noise, f"{node.key} {self.part.tensor} {number}")
                for number, each in enumerate(operands)
            ]
        params = dict(node.params)
        has_base = bool(operands) and self.part.graph.node(node.operands[0]).type == MODEL
        shapes = tuple(self.shape_of[key] for key in node.operands)
        values = [each.value for each in operands]
        drawn_for = self._name(params, "origin")
        return Applied(node.op, params, values, has_base, drawn_for, shapes[0], shapes), operands

    def _add(self, node: Node) -> None:
        if node.key in self.found:
            return
        if node.op == "source":
            named = self.part.sites is not None
            key = node.key if named else str(node.param("label"))
            value = tuple(Fraction(x) for x in self.part.sources[key])
            self.found[node.key] = Exact(value, tuple(map(abs, value)))
            self.shape_of[node.key] = self.part.shapes.get(key, (len(value),))
            return
        params = dict(node.params)
        shapes = [self.shape_of[key] for key in node.operands]
        self.shape_of[node.key] = product_shape(node, shapes) or shapes[0]
        if "barrier" not in params:
            result = _sized(*self.applied(node), self.noise)
        elif self.of_many is None:
            raise NotStatedError(f"{node.op} over the whole model")
        else:
            result = self.of_many(NodeKey(str(params["barrier"])), self._name(params, "member"))
        if self.noise is not None and not result.firm and node.key != self.part.root:
            result = _moved(result, self.noise, f"{node.key} {self.part.tensor}")
        self.found[node.key] = result

    def _name(self, params: Mapping[str, Value], param: str) -> str:
        """The tensor that a parameter stands for: without it this one."""
        return (self.part.sites or {}).get(str(params.get(param)), self.part.tensor)


def _over_all(
    tensors: Sequence[Applied], operands: Sequence[Sequence[Exact]], noise: Noise | None
) -> list[Exact]:
    """What the meaning computes instead, cut up again into tensors."""
    computed = MEANINGS[tensors[0].op].over_all(tensors)
    if len(computed) < len(tensors):
        operands = [[_chained(parts) for parts in zip(*operands, strict=True)]]
    found = [_sized(at, given, noise) for at, given in zip(computed, operands, strict=True)]
    whole = _chained(found)
    cut: list[Exact] = []
    start = 0
    for at in tensors:
        end = start + len(at.operands[0])
        cut.append(Exact(whole.value[start:end], whole.size[start:end], whole.firm))
        start = end
    return cut


def _chained(parts: Sequence[Exact]) -> Exact:
    return Exact(
        tuple(chain.from_iterable(part.value for part in parts)),
        tuple(chain.from_iterable(part.size for part in parts)),
        all(part.firm for part in parts),
    )


def _sized(at: Applied, operands: Sequence[Exact], noise: Noise | None) -> Exact:
    value = MEANINGS[at.op](at)
    size = sizes(at, value, operands)
    firm = at.op != PRODUCT and all(each.firm for each in operands)
    firm = firm and all(_is_dyadic(c) for c in MEANINGS[at.op].reach(at))
    if firm and noise is not None:
        # All terms are whole multiples of one power of two, and their sum fits the significand.
        common = math.lcm(
            *(x.denominator for each in operands for x in each.value),
            *(x.denominator for x in value),
        )
        firm = common & (common - 1) == 0 and all(each * common < 2**noise.bits for each in size)
    return Exact(value, size, firm)


def _is_dyadic(value: Fraction) -> bool:
    return value.denominator & (value.denominator - 1) == 0


def _moved(result: Exact, noise: Noise, said: str) -> Exact:
    """Drawn for what is `said`, so that a value is the same wherever it is used."""
    random = Random(f"{noise.draw} {said}")
    moved = tuple(
        value + noise.share * size * Fraction(random.randint(-1024, 1024), 1024)
        for value, size in zip(result.value, result.size, strict=True)
    )
    return Exact(moved, result.size, firm=False)
