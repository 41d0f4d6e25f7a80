"""The graph of a spec as documents of a recipe: methods over models, slices, stages."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from mergec.catalog.quoted import quoted
from mergec.elaborate import Elaborated
from mergec.elaborate.print_names import Names
from mergec.elaborate.print_operands import shown_node, unmarked
from mergec.ir import Amount, Node, NodeKey, Schedule, Value
from mergec.recipes.recognised import (
    ALONE,
    ELECTION,
    MEANS,
    RAMPLUS,
    SPARSE,
    SPARSE_WORDS,
    Shape,
    difference,
)
from mergec.recipes.said_models import Models
from mergec.recipes.said_settings import Speaker
from mergec.recipes.written_recipe import Document, Entry, Part, plain

# Stages are read one inside the other.
_MOST_STAGES, _MOST_TERMS = 50, 1000
_TRUTHS = {"wmean": "true", "sum": "false"}
_AXES = {
    "none": {},
    "in": {"nuslerp_flatten": "false"},
    "out": {"nuslerp_flatten": "false", "nuslerp_row_wise": "true"},
}


@dataclass(slots=True)
class Decomposer:
    """Reads what a node means for mergekit. `documents` are the stages, in order."""

    checked: Elaborated
    models: Models
    names: Names
    tail: tuple[str, ...]
    say: Speaker
    documents: list[Document] = field(default_factory=list[Document])
    _stages: dict[NodeKey, str] = field(default_factory=dict[NodeKey, str])
    _open: set[NodeKey] = field(default_factory=set[NodeKey])

    def parts(self, key: NodeKey) -> tuple[Part, ...]:
        """What the document of a node has: several slices, or one part; E925 and E926."""
        node = self._node(key)
        if node.op != "stack":
            return (self._part(key),)
        if node.param("untie") is True:
            raise self.say.refused(node.key, "`untie=true` has no counterpart in mergekit")
        last = len(node.operands) - 1
        parts: list[Part] = []
        for number, each in enumerate(node.operands):
            self.say.ends = (number == 0, number == last)
            parts.append(self._part(each))
        if len({part.method for part in parts}) > 1:
            # One document has one method: what is no copy becomes a stage, which is copied.
            parts = [
                part if part.method == "passthrough" else self._copied(each, part)
                for each, part in zip(node.operands, parts, strict=True)
            ]
        if any(part.layers is None for part in parts):
            message = "a slice of a recipe says which layers it has, and a part of this stack not"
            raise self.say.refused(node.key, message, "write layers, as in `a[0..16] ++ b[16..32]`")
        if _count(parts[0]) < _count(parts[-1]):
            message = "mergekit makes norm and head of as many models as the first slice has"
            raise self.say.refused(node.key, message, "merge as many models in the first part")
        return tuple(parts)

    def _node(self, key: NodeKey) -> Node:
        node = self.checked.graph.node(unmarked(self.checked.graph, key))
        while node.op == "as_model":
            node = self.checked.graph.node(unmarked(self.checked.graph, node.operands[0]))
        return node

    def _part(self, key: NodeKey) -> Part:
        node = self._node(key)
        if self.models.reference(node.key) is not None or node.op == "slice":
            return Part("passthrough", (self._entry(node.key),))
        if node.op == "affine":
            return self._sum(node)
        if node.op == "ties":
            return self._election(node)
        if node.op in MEANS:
            return self._mean(node, MEANS[node.op], None)
        if node.op in ALONE:
            return self._alone(node)
        message = f"mergekit has nothing that does what `{node.op}` does"
        hint = "merge in mergec, and let mergekit go on with the child"
        raise self.say.refused(node.key, message, hint)

    def _alone(self, node: Node) -> Part:
        shape = ALONE[node.op]
        if node.op == "ram" and node.param("r") != 0:
            shape = RAMPLUS
        base, *others = shown_node(self.checked.graph, node, ()).operands
        entries = [self._entry(self._minuend(key, base)) for key in others]
        entry = self._entry(base)
        layers = entry.count
        shared = {
            word: self.say.setting(node, name, node.param(name), layers)
            for name, word in shape.words.items()
            if name != "scope" or node.param(name) != "tensor"
        }
        self.say.compare(node, shape.method, [*shape.words])
        return Part(shape.method, tuple(entries), entry, shared, listed=shape.full)

    def _mean(
        self, node: Node, shape: Shape, base: NodeKey | None, scale: Amount | None = None
    ) -> Part:
        """Of models; of task vectors, if there is a base."""
        shown = shown_node(self.checked.graph, node, ())
        method = "task_arithmetic" if base is not None and node.op == "linear" else shape.method
        combined = shown.operands
        if base is not None and node.op == "linear":
            combined = tuple(self._dense(combined))
        keys = [key if base is None else self._minuend(key, base) for key in combined]
        sparse = None
        if base is not None and node.op == "linear":
            sparse = self._sparse(shown.operands)
            if sparse is not None:
                method = SPARSE[sparse][0] or "ties"
            if sparse == "trim":
                raise self.say.refused(node.key, "mergekit trims only where it elects signs")
        entries = [self._entry(key) for key in keys]
        layers = entries[0].count
        shared: dict[str, str] = {}
        if "axis" in shape.words:
            shared |= _AXES[str(shown.params["axis"])]
        elif "normalize" in shape.words:
            normal = shown.params["normalize"] is True
            if normal != (method == "linear"):
                shared["normalize"] = "true" if normal else "false"
        else:
            shared |= {
                word: self.say.setting(node, name, shown.params[name], layers)
                for name, word in shape.words.items()
            }
        if scale is not None and scale != 1:
            shared["lambda"] = self.say.setting(node, "scale", scale, layers)
        weights = shown.params.get("weights", Fraction(1))
        if shape.each:
            entries = self.say.each(node, "weights", weights, "weight", entries)
        elif weights != 1:
            raise self.say.refused(node.key, f"`{method}` of mergekit has no weights")
        if sparse is not None:
            entries, rescale = self._sparse_settings(shown.operands, method, entries)
            entries = self.say.each(node, "weights", weights, "weight", entries)
            shared |= rescale
        self.say.compare(node, method, [*shape.words, *shape.each])
        if base is None and method in ("linear", "karcher"):
            # One of the models, which settles whose config.json is copied.
            return Part(method, tuple(entries[1:]), entries[0], shared, listed=True)
        return Part(method, tuple(entries), self._entry(base) if base else None, shared)

    def _sum(self, node: Node) -> Part:
        """Sums of models, and of a model and task vectors."""
        terms = self._terms(node.key)
        models = [self.checked.graph.node(key).type.mass != 0 for _, key in terms]
        if len(terms) == 1 and models[0]:
            ((factor, key),) = terms
            entry = self._entry(key)
            text = self.say.setting(node, "coefficients", factor, entry.count)
            scale = {} if factor == 1 else {"scale": text}
            return Part("passthrough", (replace(entry, settings=scale),))
        if all(models):
            entries = [self._entry(key) for _, key in terms]
            weights = tuple(factor for factor, _ in terms)
            entries = self.say.each(node, "coefficients", weights, "weight", entries)
            return Part(
                "linear", tuple(entries[1:]), entries[0], {"normalize": "false"}, listed=True
            )
        (first, base), *deltas = terms
        if first != 1 or any(models[1:]):
            raise self.say.refused(node.key, "mergekit has no sum of this kind")
        if len(deltas) == 1:
            ((factor, key),) = deltas
            inner = self._node(key)
            if (
                inner.op in MEANS
                and inner.op != "karcher"
                and (factor == 1 or inner.op == "linear")
            ):
                return self._mean(inner, MEANS[inner.op], base, factor)
        keys = [key for _, key in deltas]
        entries = [self._entry(self._minuend(key, base)) for key in self._dense(keys)]
        method = "task_arithmetic"
        shared: dict[str, str] = {}
        sparse = self._sparse(keys)
        if sparse is not None:
            method = SPARSE[sparse][0]
            if not method:
                raise self.say.refused(node.key, "mergekit trims only where it elects signs")
            entries, shared = self._sparse_settings(keys, method, entries)
        weights = tuple(factor for factor, _ in deltas)
        entries = self.say.each(node, "coefficients", weights, "weight", entries)
        self.say.drawn(node, method)
        return Part(method, tuple(entries), self._entry(base), shared)

    def _terms(self, key: NodeKey) -> list[tuple[Amount, NodeKey]]:
        """What is summed, each with its coefficient; differences and stages stay whole."""
        graph = self.checked.graph
        found: list[tuple[Amount, NodeKey]] = []
        waiting: list[tuple[Amount, NodeKey]] = [(Fraction(1), key)]
        while waiting:
            if len(found) + len(waiting) > _MOST_TERMS:
                raise self.say.refused(key, f"this is a sum of more than {_MOST_TERMS} terms")
            factor, each = waiting.pop()
            node = graph.node(unmarked(graph, each))
            whole = self.models.reference(node.key) is not None or difference(graph, node.key)
            if node.op != "affine" or whole:
                found.append((factor, node.key))
                continue
            coefficients = node.param("coefficients")
            assert isinstance(coefficients, tuple)
            terms = zip(coefficients, node.operands, strict=True)
            waiting += reversed([(_times(factor, by), operand) for by, operand in terms])
        return found

    def _election(self, node: Node) -> Part:
        shown = shown_node(self.checked.graph, node, ())
        base, *others = shown.operands
        if self.checked.graph.node(base).type.mass != 1:
            raise self.say.refused(node.key, "an election of mergekit needs a base")
        entries = [self._entry(self._minuend(key, base)) for key in self._dense(others)]
        sparse, shared = self._sparse(others), dict[str, str]()
        method = "ties" if sparse is None else SPARSE[sparse][1]
        density = shown.params["density"]
        if sparse is None:
            entries = self.say.each(node, "density", density, "density", entries)
        elif density != 1:
            message = "mergekit makes task vectors sparse once, and here they are trimmed too"
            raise self.say.refused(node.key, message, "write `density=1` where signs are elected")
        else:
            entries, shared = self._sparse_settings(others, method, entries)
        entries = self.say.each(node, "weights", shown.params["weights"], "weight", entries)
        agg = str(shown.params["agg"])
        if agg not in _TRUTHS:
            raise self.say.refused(node.key, f"mergekit has no `agg={agg}`", "write `agg=wmean`")
        if (agg == "wmean") != (method in ("ties", "della")):
            shared["normalize"] = _TRUTHS[agg]
        if shown.params["scale"] != 1:
            scale = self.say.setting(node, "scale", shown.params["scale"], entries[0].count)
            shared["lambda"] = scale
        self.say.compare(node, method, ["density", *ELECTION.words, *ELECTION.each])
        return Part(method, tuple(entries), self._entry(base), shared)

    def _sparse(self, keys: Sequence[NodeKey]) -> str | None:
        """The stage that made all task vectors sparse, if one did."""
        stages = {self.checked.graph.node(key).op for key in keys}
        if not stages & {*SPARSE}:
            return None
        if len(stages) > 1:
            message = "mergekit makes all task vectors sparse in one way, and here they differ"
            raise self.say.refused(keys[0], message)
        return stages.pop()

    def _sparse_settings(
        self, keys: Sequence[NodeKey], method: str, entries: Sequence[Entry]
    ) -> tuple[list[Entry], dict[str, str]]:
        """Density and the like of every model; and how all are rescaled."""
        made: list[Entry] = []
        shared: dict[str, str] = {}
        for key, entry in zip(keys, entries, strict=True):
            node = self.checked.graph.node(key)
            params = dict(node.params)
            said = {
                word: self.say.setting(node, name, params[name], entry.count)
                for name, word in SPARSE_WORDS.items()
                if name in params
            }
            made.append(replace(entry, settings={**entry.settings, **said}))
            rescale = params.get("rescale")
            if rescale in ("l1", "none") and (rescale == "l1") != (node.op in ("dare", "della")):
                shared["rescale"] = "true" if rescale == "l1" else "false"
            known = ["seed", "stream", *SPARSE_WORDS]
            self.say.compare(
                node, method, [*known, *(["rescale"] if rescale in ("l1", "none") else [])]
            )
        return made, shared

    def _minuend(self, key: NodeKey, base: NodeKey) -> NodeKey:
        """The model of a task vector; a model stands for its own."""
        graph = self.checked.graph
        node = graph.node(unmarked(graph, key))
        if node.type.mass != 0:
            return node.key
        pair = difference(graph, node.key)
        if pair is None or unmarked(graph, pair[1]) != unmarked(graph, base):
            message = "a task vector of mergekit is the difference of a model and the one base"
            raise self.say.refused(key, message)
        return pair[0]

    def _dense(self, keys: Sequence[NodeKey]) -> Sequence[NodeKey]:
        """The task vectors before a stage made them sparse, if one did."""
        nodes = [self.checked.graph.node(key) for key in keys]
        return [node.operands[0] if node.op in SPARSE else node.key for node in nodes]

    def _entry(self, key: NodeKey) -> Entry:
        """A model that is listed: a source, layers of one, or a stage of its own."""
        node = self._node(key)
        if node.op == "slice":
            low, high = node.param("lo"), node.param("hi")
            if not isinstance(high, int) or self._node(node.operands[0]).op == "slice":
                message = "a slice of a recipe is of a whole model, and says where it ends"
                raise self.say.refused(key, message, "write both ends, as in `a[8..32]`")
            inner = self._entry(node.operands[0])
            assert isinstance(low, int | None)
            return Entry(inner.model, (low or 0, high))
        reference = self.models.reference(node.key)
        return Entry(reference if reference is not None else self._stage(node.key))

    def _stage(self, key: NodeKey) -> str:
        """A document of its own for a model that is computed."""
        if key not in self._stages:
            if len(self._open) >= _MOST_STAGES:
                raise self.say.refused(key, f"this takes more than {_MOST_STAGES} steps")
            self._open.add(key)
            ends, self.say.ends = self.say.ends, (True, True)
            parts = self.parts(key)
            self.say.ends = ends
            self._open.remove(key)
            name = plain(self.checked.places.names.get(key) or self.names.fresh())
            self._stages[key] = name
            self.documents.append(Document(name, parts, self.tail))
            message = f"mergekit writes {quoted(name)} to the disk, rounded, before it is merged on"
            self.say.warn(key, message, "mergekit-multi runs a recipe of several documents")
        return self._stages[key]

    def _copied(self, key: NodeKey, part: Part) -> Part:
        """A part of another method, as a stage of which all layers are copied."""
        if part.layers is None:
            raise self.say.refused(key, "a slice of a recipe says which layers it has")
        node = self._node(key)
        return Part("passthrough", (Entry(self._stage(node.key), (0, part.layers)),))


def _count(part: Part) -> int:
    return len(part.entries) + (part.base is not None)


def _times(factor: Amount, each: Value) -> Amount:
    assert isinstance(each, Fraction | Schedule)
    return factor * each
