"""The tensors of `a ++ b`: the layers of all parts, what is before them and what is after."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mergec.catalog import Checkpoint, TensorEntry, TensorName
from mergec.catalog.place_names import MAX_DIGITS
from mergec.catalog.tensor_table import MAX_TENSORS
from mergec.catalog.tied import head_kind
from mergec.diagnostics import Span, fail
from mergec.frozen import frozen
from mergec.resolve.key_set import KeySet, Layers, Leaf, layer_origins
from mergec.resolve.slicing import require_layers

_Routes = dict[str, tuple[int, str]]


@frozen
class Stacking:
    """Makes the key set of one stack; `span` is where the spec writes it."""

    checkpoints: Mapping[str, Checkpoint]
    span: Span | None

    def stacked(self, parts: Sequence[KeySet], *, untie: bool) -> KeySet:
        """The key set of `stack(*parts)`. Raises E107, E402, E405 and E408."""
        for part in parts:
            require_layers(part, self.span)
        self._check_size(parts)
        first, last = parts[0], parts[-1]
        routes = _routes(parts)
        untied = untie and self._tied(first)
        if untied:
            routes |= _own_head(first, last, len(parts) - 1)
        origins = {name: parts[number].origins[inner] for name, (number, inner) in routes.items()}
        if not untied:
            self._check_tied(first, last)
        self._check_shapes(parts)
        sources = tuple(origin for part in parts for origin in layer_origins(part))
        architecture = replace(
            first.architecture,
            layers=sum(part.architecture.layers for part in parts),
            places={TensorName(n): first.architecture.rule(n) for n in origins},
        )
        return KeySet(
            first.donor,
            origins,
            architecture,
            Layers(sources, untied or first.layers.untied),
            any(part.renamed for part in parts),
            routes,
        )

    def _tied(self, part: KeySet) -> bool:
        """Whether the head is the embedding, by what the config says, or leaves to its default."""
        if part.layers.untied:
            return False
        return head_kind(self.checkpoints[part.donor], part.architecture) in ("tied", "copy")

    def _check_tied(self, first: KeySet, last: KeySet) -> None:
        """E405 where one tensor would have to be the embedding of two models."""
        if not (self._tied(first) or self._tied(last)):
            return
        for _, embedding in first.architecture.tied:
            ours = _named(first, embedding)
            theirs = _named(last, embedding)
            if ours is not None and theirs is not None and ours != theirs:
                raise fail(
                    "E405",
                    "the first and the last part are tied to different embeddings",
                    self.span,
                    notes=(
                        f"the embeddings come from `{ours.label}` and the head is that of "
                        f"`{theirs.label}`, and both are one tensor, `{embedding}`",
                    ),
                    help="take both from one model, or write `stack(..., untie=true)`",
                )

    def _check_shapes(self, parts: Sequence[KeySet]) -> None:
        """A layer's tensors have the shapes that they have in the other parts."""
        known: dict[str, Leaf] = {}
        for part in parts:
            for name, leaf in part.origins.items():
                place = part.architecture.place(name)
                if place.layer is None:
                    continue
                other = known.setdefault(place.tail, leaf)
                a, b = self._entry(other), self._entry(leaf)
                if other.label != leaf.label and a.shape != b.shape:
                    raise fail(
                        "E402",
                        f"layers of `{other.label}` and `{leaf.label}` differ in their shapes",
                        self.span,
                        notes=(f"`{a.name}` is {a.describe()} and `{b.name}` is {b.describe()}",),
                        help="stack models of one architecture and width",
                    )

    def _check_size(self, parts: Sequence[KeySet]) -> None:
        """E107 for a stack that no file can hold."""
        layers = sum(part.architecture.layers for part in parts)
        tensors = sum(len(part.origins) for part in parts)
        most = f"{10**MAX_DIGITS:,} layers or more" if layers >= 10**MAX_DIGITS else ""
        most = most or (f"more than {MAX_TENSORS:,} tensors" if tensors > MAX_TENSORS else "")
        if most:
            raise fail(
                "E107",
                f"this stack has {most}",
                self.span,
                help="stack fewer layers; each stack of stacks doubles their number",
            )

    def _entry(self, leaf: Leaf) -> TensorEntry:
        return self.checkpoints[leaf.label].tensors[TensorName(leaf.name)]


def _routes(parts: Sequence[KeySet]) -> _Routes:
    """For each tensor of the stack, the number of its part and its name there."""
    first, last = parts[0], parts[-1]
    routes = {name: (0, name) for name in first.origins if _side(first, name) == "before"}
    layer = 0
    for number, part in enumerate(parts):
        for name in part.origins:
            place = part.architecture.place(name)
            if place.layer is not None:
                routes[f"{_head(first)}{layer + place.layer}{place.tail}"] = (number, name)
        layer += part.architecture.layers
    for name in last.origins:
        if _side(last, name) == "after":
            routes[_in_first_names(name, first, last)] = (len(parts) - 1, name)
    return routes


def _own_head(first: KeySet, last: KeySet, number: int) -> _Routes:
    """The head's name, and the embedding of the last part, which it is there."""
    for head, embedding in last.architecture.tied:
        for name in last.origins:
            if name == embedding or name.endswith(f".{embedding}"):
                prefix = name.removesuffix(embedding)
                return {_in_first_names(f"{prefix}{head}", first, last): (number, name)}
    return {}


def _in_first_names(name: str, first: KeySet, other: KeySet) -> str:
    """A name of one part of a stack, with the prefix that the first part's names have."""
    ours, theirs = _head(first), _head(other)
    if ours == theirs:
        return name
    if theirs.endswith(ours):
        return name.removeprefix(theirs.removesuffix(ours))
    return ours.removesuffix(theirs) + name if ours.endswith(theirs) else name


def _head(part: KeySet) -> str:
    return part.architecture.stacks[0]


def _side(part: KeySet, name: str) -> str:
    return part.architecture.place(name).side


def _named(part: KeySet, name: str) -> Leaf | None:
    found = [leaf for n, leaf in part.origins.items() if n == name or n.endswith(f".{name}")]
    return found[0] if len(found) == 1 else None
