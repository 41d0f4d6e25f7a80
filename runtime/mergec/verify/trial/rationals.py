"""The tensors of small checkpoints on rationals, those included that hang on all others."""

from collections.abc import Sequence
from dataclasses import field
from functools import partial

from mergec.catalog import Dtype
from mergec.frozen import frozen
from mergec.ir import Graph, NodeKey
from mergec.verify.exact.meaning import NotStatedError
from mergec.verify.exact_value import Exact, Noise, Part, exact_of_many, exact_value, unstated
from mergec.verify.seen_rows import seen
from mergec.verify.tensor_graphs import TensorGraph
from mergec.verify.trial.contents import decoded
from mergec.verify.trial.folder import Contents

# More elements than this in the operands of one value take minutes, and gigabytes are kept.
_MOST_ELEMENTS = 500_000

_Settled = dict[str, Exact] | NotStatedError


@frozen
class Rationals:
    """Evaluates tensors of checkpoints that hold `contents`.

    What an operator with statistics of all tensors gives is computed for all of them at once, and
    kept: by the operator, and by the draw of noise.
    """

    contents: Contents
    _settled: dict[tuple[NodeKey, Noise | None], _Settled] = field(
        default_factory=dict[tuple[NodeKey, Noise | None], _Settled]
    )

    def of(
        self, graph: Graph, each: TensorGraph, noise: Noise | None = None
    ) -> Exact | NotStatedError:
        """A tensor by `graph`, or why that has no meaning that is stated."""
        try:
            self._settle(graph, each, noise)
            part = self._part(graph, each)
            given = part.sources, part.tensor, part.sites, part.shapes
            return exact_value(graph, *given, noise, partial(self._of_many, noise))
        except NotStatedError as error:
            return error

    def _settle(self, graph: Graph, each: TensorGraph, noise: Noise | None) -> None:
        """All that statistics below have to be known for, what is below it first."""
        waiting = _counted(graph)
        while waiting:
            node = waiting[-1]
            if (node, noise) in self._settled:
                waiting.pop()
                continue
            tensors = [*each.wholes[node].values()]
            below = {key: None for one in tensors for key in _counted(one.graph) if key != node}
            fresh = [key for key in below if (key, noise) not in self._settled]
            if fresh:
                waiting += fresh
                continue
            self._settled[node, noise] = self._all(tensors, noise)
            waiting.pop()

    def _all(self, tensors: Sequence[TensorGraph], noise: Noise | None) -> _Settled:
        """Every tensor of an operator."""
        missing = {op: None for one in tensors for op in unstated(one.graph)}
        if missing:
            return NotStatedError(", ".join(missing))
        parts = [self._part(one.graph, one) for one in tensors]
        count = sum(len(values) for part in parts for values in part.sources.values())
        if count > _MOST_ELEMENTS:
            return NotStatedError(f"statistics of {count} elements")
        self._make_room(count, noise)
        try:
            found = exact_of_many(parts, noise, partial(self._of_many, noise))
        except NotStatedError as error:
            return error
        return {one.name: exact for one, exact in zip(tensors, found, strict=True)}

    def _of_many(self, noise: Noise | None, node: NodeKey, name: str) -> Exact:
        settled = self._settled[node, noise]
        if isinstance(settled, NotStatedError):
            raise NotStatedError(str(settled))
        return settled[name]

    def _make_room(self, count: int, noise: Noise | None) -> None:
        """Forget other draws of noise where all together would be too much."""
        others = [key for key in self._settled if key[1] not in (None, noise)]
        if len(others) * count > _MOST_ELEMENTS:
            for key in others:
                del self._settled[key]

    def _part(self, graph: Graph, each: TensorGraph) -> Part:
        held = {
            key: seen(entry, self.contents[label][entry.name])
            for key, (label, entry) in each.reads.items()
        }
        sources = {key: decoded(tensor).tolist() for key, tensor in held.items()}
        shapes = {key: tensor.shape for key, tensor in held.items()}
        return Part(graph, sources, each.name, each.sites, shapes)


def stored_dtypes(each: TensorGraph) -> Sequence[Dtype]:
    """The dtypes of what a tensor is computed from."""
    return [entry.dtype for _, entry in each.reads.values()]


def _counted(graph: Graph) -> list[NodeKey]:
    """The operators in it that have statistics of all tensors."""
    found = (value for node in graph.nodes() for name, value in node.params if name == "barrier")
    return [*dict.fromkeys(NodeKey(str(value)) for value in found)]
