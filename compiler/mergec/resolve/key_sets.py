"""The key set of every value of a spec: views change those of their operands, operators do not."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mergec.catalog import Checkpoint, TensorEntry, TensorName
from mergec.catalog.architecture import Architecture
from mergec.catalog.tied import head_kind
from mergec.diagnostics import Span, fail
from mergec.elaborate import Elaborated
from mergec.ir import Node, NodeKey, TensorSelector
from mergec.ir.selector import selects
from mergec.resolve.aligned_rows import AlignedRows
from mergec.resolve.key_set import KeySet, Leaf, first_operand
from mergec.resolve.renaming import renamed_keys
from mergec.resolve.slicing import sliced
from mergec.resolve.stacking import Stacking


@dataclass(slots=True)
class KeySets:
    """The key set of every value of a spec, found when it is asked for."""

    elaborated: Elaborated
    checkpoints: Mapping[str, Checkpoint]
    architectures: Mapping[str, Architecture]
    aligned: AlignedRows = field(default_factory=AlignedRows)
    _known: dict[NodeKey, KeySet] = field(default_factory=dict[NodeKey, KeySet])
    _loose: dict[NodeKey, bool] = field(default_factory=dict[NodeKey, bool])

    def of(self, key: NodeKey) -> KeySet:
        """The key set of a node. Raises E107, E402, E405, E407, E408, E410, E411."""
        if key in self._known:
            return self._known[key]
        # Operands first, and without recursion: graphs may be deep.
        for node in self.elaborated.graph.below(key):
            if node.key not in self._known:
                self._known[node.key] = self._of(node)
        return self._known[key]

    def _of(self, node: Node) -> KeySet:
        parts = [self._known[operand] for operand in node.operands]
        match node.op:
            case "source":
                return self._source(str(node.param("label")))
            case "adapter":  # whose model is no operand of it
                return replace(self.of(self.elaborated.adapted[node.key][0]), routes={})
            case "slice":
                return sliced(parts[0], node, self._span(node))
            case "stack":
                stacking = Stacking(self.checkpoints, self._span(node))
                return stacking.stacked(parts, untie=node.param("untie") is True)
            case "rename":
                config = self.checkpoints[parts[0].donor].config
                return renamed_keys(parts[0], node, config, self._span(node))
            case "select":
                return self._selected(parts[0], node)
            case "vocabulary":
                return self._aligned(parts[0], node)
            case _:
                return replace(self._known[self.lead(node)], routes={})

    def lead(self, node: Node) -> NodeKey:
        """The operand that gives a node its tensors: the first that is not of adapters alone."""
        first = node.operands[first_operand(node)]
        if not self.elaborated.adapted or not self._is_loose(first):
            return first
        return next((key for key in node.operands if not self._is_loose(key)), first)

    def _is_loose(self, key: NodeKey) -> bool:
        """Whether a value is made of adapters alone."""
        if key not in self._loose:
            leaves = self.elaborated.graph.leaves(key)
            self._loose[key] = all(leaf.op == "adapter" for leaf in leaves)
        return self._loose[key]

    def _span(self, node: Node) -> Span | None:
        return self.elaborated.places.nodes.get(node.key)

    def _source(self, label: str) -> KeySet:
        checkpoint, architecture = self.checkpoints[label], self.architectures[label]
        origins = {str(name): Leaf(label, str(name)) for name in checkpoint.tensors}
        if head_kind(checkpoint, architecture) == "copy":
            # The embedding once more, which loaders do not read and a child need not write.
            for head, _ in architecture.tied:
                origins.pop(head, None)
        return KeySet(label, origins, architecture)

    def entry(self, leaf: Leaf) -> TensorEntry:
        """The tensor that a name takes its shape from."""
        return self.checkpoints[leaf.label].tensors[TensorName(leaf.name)].seen_by(leaf.view)

    def _aligned(self, part: KeySet, node: Node) -> KeySet:
        origins = dict(part.origins)
        for name, leaf in part.origins.items():
            source = self.aligned.of(node, name)
            if source is not None:
                origins[name] = replace(leaf, view=source.own.rows)
        return replace(part, origins=origins, routes={})

    def _selected(self, part: KeySet, node: Node) -> KeySet:
        selector = node.param("selector")
        assert isinstance(selector, TensorSelector)
        origins = {
            name: leaf
            for name, leaf in part.origins.items()
            if selects(selector, part.position(name))
        }
        if not origins:
            places = [part.architecture.place(name) for name in part.origins]
            roles = sorted({role for place in places for role in place.roles})
            raise fail(
                "E411",
                "this selection keeps no tensor",
                self._span(node),
                notes=(f"its tensors have the roles {', '.join(roles) or 'of no layer'}",),
                help='choose one of these, or write a pattern for names, as in `"*.norm.*"`',
            )
        return replace(part, origins=origins, renamed=True, routes={})
