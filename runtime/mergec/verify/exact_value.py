"""A graph evaluated on rationals, tensor by tensor, with how far rounding may move each element."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from mergec.ir import MODEL, Graph, Node, NodeKey
from mergec.verify.exact import MEANINGS
from mergec.verify.exact.meaning import Applied, Vector


@dataclass(frozen=True, slots=True)
class Exact:
    """One tensor: its value, and Σ|c·x| over all terms on the way for each element.

    `firm` tells that a run makes every element without rounding, so that ties are ties.
    """

    value: Vector
    size: Vector
    firm: bool = True


@dataclass(frozen=True, slots=True)
class Noise:
    """Moves every rounded element by up to `share` of its size.

    What the noise turns over, such as which of two nearly equal magnitudes is larger, no oracle
    can ask of a run. `bits` are those of the run's work dtype.
    """

    share: Fraction
    bits: int
    random: Random


def exact(
    graph: Graph,
    sources: Mapping[str, Sequence[float | Fraction]],
    tensor: str = "w",
    sites: Mapping[str, str] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> Vector:
    """The value of a graph's only output, for one tensor of plain sources.

    `sources` gives the elements, in row order, by label or by the key of a source node. Masks are
    drawn for `tensor`, or for what `sites` says where a node names its origin. `shapes` are those
    of the sources, by the same keys; without them all are vectors. KeyError for an operator that
    has no exact meaning.
    """
    return exact_value(graph, sources, tensor, sites, shapes).value


def exact_value(
    graph: Graph,
    sources: Mapping[str, Sequence[float | Fraction]],
    tensor: str = "w",
    sites: Mapping[str, str] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    noise: Noise | None = None,
) -> Exact:
    """The same with sizes; with `noise` what a run might as well have got."""
    (root,) = graph.outputs.values()
    found: dict[NodeKey, Exact] = {}
    shape_of: dict[NodeKey, tuple[int, ...]] = {}
    for node in graph.below(root):
        if node.op == "source":
            key = node.key if sites is not None else str(node.param("label"))
            value = tuple(Fraction(x) for x in sources[key])
            found[node.key] = Exact(value, tuple(map(abs, value)))
            shape_of[node.key] = (shapes or {}).get(key, (len(value),))
            continue
        shape_of[node.key] = shape_of[node.operands[0]]
        operands = [found[key] for key in node.operands]
        if noise is not None and MEANINGS[node.op].rounds:
            operands = [_moved(each, noise) for each in operands]
        at = _applied(graph, node, operands, shape_of, tensor, sites or {})
        value = MEANINGS[node.op](at)
        result = _sized(node.op, at, value, operands, noise.bits if noise else 0)
        if noise is not None and not result.firm and node.key != root:
            result = _moved(result, noise)
        found[node.key] = result
    return found[root]


def unstated(graph: Graph) -> tuple[str, ...]:
    """The operators and stages of a graph that no function of `mergec.verify.exact` states."""
    ops = (node.op for node in graph.nodes() if node.op != "source")
    return tuple(dict.fromkeys(op for op in ops if op not in MEANINGS))


def sizes(at: Applied, value: Vector, operands: Sequence[Exact]) -> Vector:
    """How much was added up for each element of what the operator `at.op` gives."""
    meaning = MEANINGS[at.op]
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


def _applied(
    graph: Graph,
    node: Node,
    operands: Sequence[Exact],
    shape_of: Mapping[NodeKey, tuple[int, ...]],
    tensor: str,
    sites: Mapping[str, str],
) -> Applied:
    params = dict(node.params)
    has_base = bool(operands) and graph.node(node.operands[0]).type == MODEL
    shapes = tuple(shape_of[key] for key in node.operands)
    drawn_for = sites.get(str(params.get("origin")), tensor)
    values = [each.value for each in operands]
    return Applied(node.op, params, values, has_base, drawn_for, shapes[0], shapes)


def _sized(op: str, at: Applied, value: Vector, operands: Sequence[Exact], bits: int) -> Exact:
    size = sizes(at, value, operands)
    firm = all(each.firm for each in operands)
    firm = firm and all(_is_dyadic(c) for c in MEANINGS[op].reach(at))
    if firm and bits:
        # All terms are whole multiples of one power of two, and their sum fits the significand.
        common = math.lcm(
            *(x.denominator for each in operands for x in each.value),
            *(x.denominator for x in value),
        )
        firm = common & (common - 1) == 0 and all(each * common < 2**bits for each in size)
    return Exact(value, size, firm)


def _is_dyadic(value: Fraction) -> bool:
    return value.denominator & (value.denominator - 1) == 0


def _moved(result: Exact, noise: Noise) -> Exact:
    moved = tuple(
        value + noise.share * size * Fraction(noise.random.randint(-1024, 1024), 1024)
        for value, size in zip(result.value, result.size, strict=True)
    )
    return Exact(moved, result.size, firm=False)
