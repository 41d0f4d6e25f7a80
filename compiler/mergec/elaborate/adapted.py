"""Which model each adapter of a spec is added to: that gives it tensor names, shapes and dtypes.

An adapter is a step from any model that it fits. What it is added to, or is combined with after a
base, is its model; of a sum of steps it is the model that the sum begins with.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from mergec.diagnostics import Diagnostic
from mergec.elaborate.parameters import Report
from mergec.elaborate.values import ExportDecl
from mergec.elaborate.wording import quoted
from mergec.elaborate.workspace import Workspace
from mergec.frozen import frozen
from mergec.ir import Graph, Node, NodeKey, part_statistics
from mergec.syntax.nodes import Expr

_NOTE = "an adapter alone has no tensors, but says how those of a model change"


@frozen
class Adapted:
    """`models` has the models of each adapter; `loose` the adapters of a value without one yet."""

    models: Mapping[NodeKey, tuple[NodeKey, ...]]
    loose: Mapping[NodeKey, frozenset[NodeKey]]


def models_of_adapters(graph: Graph) -> Adapted:
    """Found from operands to users, so that it does not depend on the order of lines."""
    if not any(node.op == "adapter" for node in graph.nodes()):
        return Adapted({}, {})
    search = _Search(graph)
    for node in graph.nodes():
        search.add(node)
    return Adapted({key: tuple(found) for key, found in search.models.items()}, search.loose)


def report_without_model(
    graph: Graph, adapted: Adapted, exports: Sequence[ExportDecl], work: Workspace
) -> None:
    """E311 for outputs that depend on an adapter of which nothing says what it is added to.

    E313 for a delta of adapters alone that is no sum of them.
    """
    spans = {export.node: export.span for export in exports}
    written = dict.fromkeys(export.node for export in exports if export.is_adapter)
    for key in written:
        found = reduced(graph.node, key)
        if found is not None and not adapted.loose.get(key):
            continue  # of a model's delta, which gives its factors whatever it is
        if adapter_terms(graph, key if found is None else found.of) is None:
            message = "only sums of adapters are adapters, and this is computed otherwise"
            hint = (
                "export the adapted model, or its delta: `export delta (base + x) - base`; "
                "`svd` stands around the whole sum"
            )
            work.report(Diagnostic("E313", message, spans[key], help=(hint,)))
    for key in dict.fromkeys(graph.outputs.values()):
        if key in written:
            continue
        for adapter in sorted(adapted.loose.get(key, ())):
            name = str(graph.node(adapter).param("label"))
            message = f"nothing says which model the adapter `{name}` changes"
            hint = "add it to its model, as in `base + lora`"
            at = spans.get(key) or work.nodes.get(key)
            work.report(Diagnostic("E311", message, at, notes=(_NOTE,), help=(hint,)))


def adapter_terms(graph: Graph, key: NodeKey) -> Mapping[NodeKey, Fraction] | None:
    """A value as a sum of multiples of adapters, in the order of the graph; None if it is none."""
    factors: dict[NodeKey, Fraction] = {key: Fraction(1)}
    found: dict[NodeKey, Fraction] = {}
    for node in reversed(graph.below(key)):
        factor = factors[node.key]
        if node.op == "adapter":
            found[node.key] = factor
            continue
        parts = node.param("coefficients") if node.op == "affine" else None
        if not isinstance(parts, tuple):
            return None
        for part, operand in zip(parts, node.operands, strict=True):
            if not isinstance(part, Fraction):
                return None
            factors[operand] = factors.get(operand, Fraction(0)) + factor * part
    return {node: found[node] for node in reversed(found) if found[node]}


@frozen
class Reduced:
    """A delta that is `factor` times the `svd` of the value `of`, at `rank`.

    Tensors that are no matrices are left out if it `drops` them.
    """

    of: NodeKey
    factor: Fraction
    rank: int
    drops: bool


def reduced(node_of: Callable[[NodeKey], Node], key: NodeKey) -> Reduced | None:
    """What a delta of low rank is made of; None for any other value."""
    node, factor = node_of(key), Fraction(1)
    while node.op == "affine" and len(node.operands) == 1:
        coefficients = node.param("coefficients")
        if not isinstance(coefficients, tuple) or not isinstance(coefficients[0], Fraction):
            return None
        node, factor = node_of(node.operands[0]), factor * coefficients[0]
    if node.op != "svd" or not factor:
        return None
    rank = node.param("rank")
    assert isinstance(rank, int)  # such parameters are the same for all tensors
    return Reduced(node.operands[0], factor, rank, node.param("others") == "drop")


def report_part_of_adapter(what: str, expr: Expr, report: Report) -> None:
    """E312 for layers or tensors of an adapter by itself."""
    text = quoted(expr.span)
    message = f"{what} needs tensors, and `{text}` is made of adapters alone"
    hint = f"take the part of the adapted model, as in `(base + {text})[0..8]`"
    report(Diagnostic("E312", message, expr.span, notes=(_NOTE,), help=(hint,)))


@dataclass(slots=True)
class _Search:
    """What is known of the nodes so far.

    `start` leads from a model to the model that it is steps away from, itself if to none, and from
    a delta to its base.
    """

    graph: Graph
    models: dict[NodeKey, dict[NodeKey, None]] = field(
        default_factory=dict[NodeKey, dict[NodeKey, None]]
    )
    loose: dict[NodeKey, frozenset[NodeKey]] = field(
        default_factory=dict[NodeKey, frozenset[NodeKey]]
    )
    start: dict[NodeKey, NodeKey | None] = field(default_factory=dict[NodeKey, NodeKey | None])

    def add(self, node: Node) -> None:
        """One node, after its operands."""
        if node.op == "adapter":
            self.models[node.key] = {}
            self.loose[node.key] = frozenset({node.key})
            self.start[node.key] = None
            return
        operands = part_statistics(node.operands, dict(node.params))[0]
        loose: frozenset[NodeKey] = frozenset()
        for key in operands:
            loose |= self.loose[key]
        self.start[node.key] = self._start(node, operands)
        model = self._model(operands)
        if loose and model is not None:
            for adapter in loose:
                self.models[adapter][model] = None
            self.loose[node.key] = frozenset()
        else:
            self.loose[node.key] = loose

    def _model(self, operands: Sequence[NodeKey]) -> NodeKey | None:
        """What the operands say the adapters among them are added to."""
        whole = [key for key in operands if self._mass(key) == 1]
        steps = [key for key in operands if self._mass(key) == 0]
        for key in (*whole, *steps):
            if self.start[key] is not None:
                return self.start[key]
        return None

    def _start(self, node: Node, operands: Sequence[NodeKey]) -> NodeKey | None:
        whole = [key for key in operands if self._mass(key) == 1]
        steps = [key for key in operands if self._mass(key) == 0]
        if node.type.mass == 1:
            moved = len(whole) == 1 and len(steps) == len(operands) - 1 and steps
            return self.start[whole[0]] if moved else node.key
        if node.type.mass != 0:
            return None
        if node.op == "affine" and len(whole) == len(operands) == 2:
            coefficients = node.param("coefficients")
            return self.start[operands[1]] if coefficients == (1, -1) else None
        starts = {self.start[key] for key in steps if not self.loose[key]}
        return next(iter(starts)) if len(starts) == 1 else None

    def _mass(self, key: NodeKey) -> Fraction | None:
        mass = self.graph.node(key).type.mass
        return mass if isinstance(mass, Fraction) else None
