"""From the graph as written to the graph of one tensor: every choice taken, every number known.

Ramps, matches, slices, stacks and views are gone; what is left are operators over tensors of
sources. Tensors for which the same is left get the same nodes, so that they share a program.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from mergec.catalog.adapter import Dora, Step
from mergec.diagnostics import Diagnostic
from mergec.elaborate import Elaborated
from mergec.elaborate.wording import shown
from mergec.frozen import frozen
from mergec.ir import (
    DELTA,
    MODEL,
    STATISTICS,
    GraphBuilder,
    Node,
    NodeKey,
    Value,
    ValueType,
    is_scheduled,
    part_statistics,
)
from mergec.ops import OPERATORS, Operator
from mergec.resolve.adapters import Adapters, Change
from mergec.resolve.aligned_rows import AlignedSource, Part, filled
from mergec.resolve.alignments import Alignments
from mergec.resolve.fallbacks import Fallbacks
from mergec.resolve.findings import Findings, StoppedError
from mergec.resolve.key_set import Leaf
from mergec.resolve.key_sets import KeySets
from mergec.resolve.numbers import Numbers
from mergec.resolve.routing import VIEWS, Demand, Routing
from mergec.resolve.usage import Usage


@frozen
class ResolvedTensor:
    """What one tensor comes to: nodes of `Resolver.builder`, and what its source nodes read.

    `leaves` leads from source nodes to the tensor asked of that source, by the name that the other
    tensors of its expression have; the source itself may have it under a prefix. `members` leads
    from the parameter `member` of global operators to names of tensors of theirs.
    """

    roots: tuple[NodeKey, ...]
    leaves: Mapping[NodeKey, Leaf]
    members: Mapping[NodeKey, str]

    def origin(self, key: NodeKey) -> str:
        """The tensor name that stands behind a parameter `origin` or `member`."""
        return self.members[key] if key in self.members else self.leaves[key].name


@dataclass(slots=True)
class _Tensor:
    """The state of one tensor: its name in the output, nodes found, and tensors of each source."""

    name: str
    found: dict[Demand, NodeKey] = field(default_factory=dict[Demand, NodeKey])
    slots: dict[str, dict[Leaf, NodeKey]] = field(default_factory=dict[str, dict[Leaf, NodeKey]])
    members: dict[NodeKey, str] = field(default_factory=dict[NodeKey, str])


@dataclass(slots=True)
class Resolver:
    """Resolves values of one spec, tensor by tensor.

    `barriers` are the global operators that were met on the way, by their keys as written, with
    a name by which one was asked for a tensor; it is empty where that is an output's own name.
    """

    elaborated: Elaborated
    keys: KeySets
    findings: Findings
    builder: GraphBuilder = field(default_factory=GraphBuilder)
    usage: Usage = field(default_factory=Usage)
    routing: Routing = field(init=False)
    numbers: Numbers = field(init=False)
    fallbacks: Fallbacks = field(init=False)
    alignments: Alignments = field(init=False)
    adapters: Adapters = field(init=False)
    barriers: dict[NodeKey, str] = field(default_factory=dict[NodeKey, str])
    _declared: Mapping[str, Mapping[str, Value]] = field(init=False)
    _plain: dict[NodeKey, bool] = field(default_factory=dict[NodeKey, bool])
    _found: dict[NodeKey, NodeKey] = field(default_factory=dict[NodeKey, NodeKey])
    _draws: dict[NodeKey, bool] = field(default_factory=dict[NodeKey, bool])
    _cached: dict[NodeKey, tuple[NodeKey, Mapping[str, NodeKey]]] = field(
        default_factory=dict[NodeKey, tuple[NodeKey, Mapping[str, NodeKey]]]
    )

    def __post_init__(self) -> None:
        shared = (self.elaborated, self.keys, self.findings, self.usage)
        self._declared = {
            it.label: {"label": it.label, "ref": it.ref, "rev": it.rev}
            for it in self.elaborated.sources
        }
        self.routing, self.numbers = Routing(*shared), Numbers(*shared)
        self.fallbacks = Fallbacks(*shared)
        self.adapters = Adapters(self.elaborated, self.keys, self.findings)
        self.alignments = Alignments(self.elaborated, self.keys, self.fallbacks)

    def tensor(self, roots: tuple[NodeKey, ...], name: str) -> ResolvedTensor | None:
        """What `roots` are for the tensor `name`; None after reporting what is wrong with it.

        Finds E203, E209, E211, E301, E307, E401, E409, E413 and E416 to E419.
        """
        tensor = _Tensor(name)
        try:
            found = tuple(self._resolve(tensor, (root, name)) for root in roots)
        except StoppedError:
            return None
        leaves = {key: leaf for leaves in tensor.slots.values() for leaf, key in leaves.items()}
        return ResolvedTensor(found, leaves, tensor.members)

    def origin(self, root: NodeKey, name: str) -> Leaf:
        """The tensor that gives a value's tensor its dtype: the base's, else the first operand's.

        Only for a tensor that could be resolved.
        """
        demand = (root, name)
        while True:
            node = self.elaborated.graph.node(demand[0])
            if node.op == "source":
                return Leaf(str(node.param("label")), demand[1])
            aligned = self.keys.aligned.of(node, demand[1])
            if aligned is not None:
                return Leaf(aligned.own.label, demand[1], aligned.own.rows)
            if node.op in VIEWS:
                demand = self.routing.route(node, demand[1], None)
            elif node.op == "adapter":
                demand = (self.adapters.model(node), demand[1])
            else:
                demand = (self.keys.lead(node), demand[1])

    def _resolve(self, tensor: _Tensor, demand: Demand) -> NodeKey:
        """Operands first and by a stack of our own, for nothing bounds the depth of a graph."""
        stack = [demand]
        while stack:
            key, name = stack[-1]
            if (key, name) in tensor.found or self._take_cached(tensor, key, name):
                stack.pop()
                continue
            node = self.elaborated.graph.node(key)
            wanted = self._wanted(tensor, node, name)
            waiting = [each for each in wanted if each not in tensor.found]
            if waiting:
                stack += reversed(waiting)
                continue
            stack.pop()
            operands = [tensor.found[each] for each in wanted]
            tensor.found[key, name] = self._built(tensor, node, name, operands)
        return tensor.found[demand]

    def _wanted(self, tensor: _Tensor, node: Node, name: str) -> list[Demand]:
        if self.keys.aligned.of(node, name) is not None:
            return []
        if node.op in VIEWS:
            return [self.routing.route(node, name, tensor.name)]
        if node.op == "adapter":
            change = self.adapters.change(node, name)
            needed = change is None or change.needs_model
            return [(change.model if change else self.adapters.model(node), name)] * needed
        if self._stays(node, name):
            return [(node.operands[0], name)]
        operands, statistics = part_statistics(node.operands, dict(node.params))
        if statistics and self._is_itself(tensor, node, name):
            operands = node.operands
        return [(operand, name) for operand in operands]

    def _is_itself(self, tensor: _Tensor, node: Node, name: str) -> bool:
        """Whether a node's operator combines this tensor, and not its fallback."""
        return node.op not in OPERATORS or self.fallbacks.itself(node, name, tensor.name)

    def _stays(self, node: Node, name: str) -> bool:
        """Whether an operator that aligns has nothing to reorder in this tensor."""
        operator = OPERATORS.get(node.op)
        return operator is not None and operator.aligns and not self.alignments.of(node, name)

    def _built(self, tensor: _Tensor, node: Node, name: str, operands: list[NodeKey]) -> NodeKey:
        if node.op == "source":
            return self._leaf(tensor, Leaf(str(node.param("label")), name), node.type)
        aligned = self.keys.aligned.of(node, name)
        if aligned is not None:
            return self._aligned(tensor, aligned, name)
        if node.op == "adapter":
            return self._adapted(tensor, self.adapters.change(node, name), node, operands)
        if node.op == "checked":
            self._check_mass(node, name, operands[0])
            return operands[0]
        if node.op in VIEWS or self._stays(node, name):
            return operands[0]
        if node.op == "as_model":
            return self.builder.add("as_model", operands, type=MODEL)
        params = self.numbers.known(node, name, tensor.name)
        if node.op == "affine":
            return self._affine(node, operands, params)
        operator = OPERATORS[node.op]
        if operator.fallback is not None and not self._is_itself(tensor, node, name):
            params.pop(STATISTICS, None)
            return operator.fallback(self.builder, operands, params)
        if operator.masked and not (name == tensor.name and self._is_plain(node.operands[0])):
            origin = self.origin(node.operands[0], name)
            if origin.name != tensor.name:
                params["origin"] = tensor.slots[origin.label][origin]
        if operator.aligns:
            params |= self.alignments.of(node, name)
        if operator.is_global(params):
            params |= self._barrier(tensor, node, name)
        masses = [self._mass(key) for key in part_statistics(operands, params)[0]]
        kind = ValueType(operator.result_mass(params, masses))
        return self.builder.add(node.op, operands, params, type=kind, revision=node.revision)

    def _barrier(self, tensor: _Tensor, node: Node, name: str) -> dict[str, Value]:
        """Whose statistics a global operator has, and which of its tensors this is.

        Members are numbered, so that tensors that differ by a name alone share a program.
        """
        if name == tensor.name:
            self.barriers[node.key] = ""
            return {"barrier": node.key}
        self.barriers.setdefault(node.key, name)
        member = NodeKey(f"{node.key}.{len(tensor.members)}")
        tensor.members[member] = name
        return {"barrier": node.key, "member": member}

    def _leaf(
        self, tensor: _Tensor, leaf: Leaf, kind: ValueType = MODEL, role: str | None = None
    ) -> NodeKey:
        """The source node of a tensor: numbered where one source gives several."""
        known = tensor.slots.setdefault(leaf.label, {})
        if leaf not in known:
            params = dict(self._declared[leaf.label])
            if role is not None:  # keeps nodes of different types apart
                params["role"] = role
            if known:
                params["slot"] = len(known)
            known[leaf] = self.builder.add("source", params=params, type=kind)
        return known[leaf]

    def _aligned(self, tensor: _Tensor, source: AlignedSource, name: str) -> NodeKey:
        """A source's tensor in the child's vocabulary, with the rows that it lacks."""

        def nodes(part: Part) -> tuple[NodeKey, NodeKey]:
            rows = self._leaf(tensor, Leaf(part.label, name, part.rows))
            return rows, self._leaf(tensor, Leaf(part.label, name, part.present))

        filling = source.filling
        if not filling.parts and not filling.mean:
            return self._leaf(tensor, Leaf(source.own.label, name, source.own.rows))
        mean = [node for part in filling.mean for node in nodes(part)]
        parts = [nodes(part) for part in filling.parts]
        return filled(self.builder, nodes(source.own), [*parts, mean])

    def _adapted(
        self, tensor: _Tensor, change: Change | None, node: Node, operands: list[NodeKey]
    ) -> NodeKey:
        """What an adapter adds to a tensor; its model's is the operand where it is needed."""
        if change is None:
            return self.builder.add(
                "affine", operands, {"coefficients": (Fraction(0),)}, type=DELTA
            )
        terms: dict[NodeKey, Fraction] = {}

        def leaf(name: str, role: str, kind: ValueType = DELTA) -> NodeKey:
            return self._leaf(tensor, Leaf(str(node.param("label")), name), kind, role)

        part, of = change.part, change.factors
        if of is not None:
            factors = leaf(of.b, "B"), leaf(of.a, "A")
            params: dict[str, Value] = {"rank": change.rank, "turned": of.turned}
            terms[self.builder.add("low_rank", factors, params, type=DELTA)] = of.scale
        if isinstance(part, Dora):
            scaled = self._sum(terms)
            lengths = self._stage("spread_outputs", [leaf(part.magnitudes, "m")], part)
            own = operands[0] if change.whole is None else leaf(change.whole, "whole", MODEL)
            made = self._stage("dora", [own, scaled, lengths], part)
            terms = {made: Fraction(1)}
        elif isinstance(part, Step):
            terms[leaf(part.tensor, "step")] = part.scale
        if change.whole is not None:
            terms[leaf(change.whole, "whole", MODEL)] = Fraction(1)
            terms[operands[0]] = Fraction(-1)
        return self._sum(terms)

    def _sum(self, terms: Mapping[NodeKey, Fraction]) -> NodeKey:
        params: dict[str, Value] = {"coefficients": tuple(terms.values())}
        return self.builder.add("affine", [*terms], params, type=DELTA)

    def _stage(self, name: str, operands: list[NodeKey], part: Dora) -> NodeKey:
        params: dict[str, Value] = {"turned": part.factors.turned}
        return self.builder.add(name, operands, params, type=DELTA)

    def _affine(self, node: Node, operands: list[NodeKey], params: dict[str, Value]) -> NodeKey:
        coefficients = params["coefficients"]
        assert isinstance(coefficients, tuple)
        mass = Fraction(0)
        for part, operand in zip(coefficients, operands, strict=True):
            assert isinstance(part, Fraction)
            mass += part * self._mass(operand)
        return self.builder.add("affine", operands, params, type=ValueType(mass))

    def _mass(self, key: NodeKey) -> Fraction:
        mass = self.builder[key].type.mass
        assert isinstance(mass, Fraction)
        return mass

    def _check_mass(self, node: Node, name: str, operand: NodeKey) -> None:
        found, wanted = self._mass(operand), node.type.mass
        if found == wanted:
            return
        self.findings.stop(
            (node.key, "mass"),
            Diagnostic(
                "E301",
                f"in tensor `{name}` these weights sum to {shown(found)}, not {wanted}",
                self.elaborated.places.nodes.get(node.operands[0]),
                f"mass {shown(found)} there",
                help=(f"write values that sum to {wanted} in every tensor",),
            ),
        )

    def _take_cached(self, tensor: _Tensor, key: NodeKey, name: str) -> bool:
        """Use what was found for another tensor, where nothing depends on the tensor."""
        if not self._is_plain(key):
            return False
        if name != tensor.name and self._named(key):
            return False
        if key not in self._cached:
            self._cached[key] = self._anywhere(key)
        found, leaves = self._cached[key]
        named = {Leaf(label, name): leaf for label, leaf in leaves.items()}
        if any(
            tensor.slots.get(leaf.label, {leaf: node}).get(leaf) != node
            for leaf, node in named.items()
        ):
            return False  # the source gives this tensor another one too
        for leaf, node in named.items():
            tensor.slots.setdefault(leaf.label, {})[leaf] = node
        tensor.found[key, name] = found
        return True

    def _anywhere(self, key: NodeKey) -> tuple[NodeKey, Mapping[str, NodeKey]]:
        """What a plain value is for every tensor, and its source nodes by label."""
        tensor, leaves = _Tensor(""), dict[str, NodeKey]()
        for node in self.elaborated.graph.below(key):
            if node.key not in self._found:
                operands = [self._found[operand] for operand in node.operands]
                self._found[node.key] = self._built(tensor, node, "", operands)
            if node.op == "source":
                leaves[str(node.param("label"))] = self._found[node.key]
        return self._found[key], leaves

    def _is_plain(self, key: NodeKey) -> bool:
        """Whether a value is the same for all tensors: no views, nothing that differs."""
        if key not in self._plain:
            for node in self.elaborated.graph.below(key):
                self._plain.setdefault(
                    node.key,
                    node.op not in VIEWS
                    and node.op != "adapter"
                    and not _differs(OPERATORS.get(node.op))
                    and not any(is_scheduled(value) for _, value in node.params)
                    and all(self._plain[operand] for operand in node.operands),
                )
        return self._plain[key]

    def _named(self, key: NodeKey) -> bool:
        """Whether the tensor's name matters below: for a mask, or for statistics of all tensors."""
        if key not in self._draws:
            for node in self.elaborated.graph.below(key):
                operator = OPERATORS.get(node.op)
                self._draws[node.key] = (
                    operator is not None
                    and (operator.masked or operator.is_global(dict(node.params)))
                ) or any(self._draws[operand] for operand in node.operands)
        return self._draws[key]


def _differs(operator: Operator | None) -> bool:
    """Whether an operator may come to other stages in one tensor than in another."""
    return operator is not None and (operator.fallback is not None or operator.aligns)
