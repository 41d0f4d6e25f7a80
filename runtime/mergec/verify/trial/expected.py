"""What the tensors of a small checkpoint must merge to: by whole tensors, and by rationals."""

from collections.abc import Mapping
from dataclasses import field

from mergec.backends import get_backend
from mergec.diagnostics import MergecError
from mergec.frozen import frozen
from mergec.ir import Graph
from mergec.passes import expand_composites, normal_form
from mergec.plan import Row
from mergec.verify.evaluate import StoredTensor
from mergec.verify.exact_value import unstated
from mergec.verify.seen_rows import seen
from mergec.verify.tensor_graphs import TensorGraph
from mergec.verify.trial.contents import decoded
from mergec.verify.trial.folder import Contents
from mergec.verify.whole import whole


@frozen
class Refused:
    """The merge has no result for these numbers; `code` is that of the error."""

    code: str


@frozen
class Expectations:
    """Evaluates the graphs of one spec's tensors; what is the same for many is made once."""

    _normal: dict[str, Graph] = field(default_factory=dict[str, Graph])
    _stated: dict[str, tuple[Graph | None, str]] = field(
        default_factory=dict[str, tuple[Graph | None, str]]
    )

    def of(self, each: TensorGraph, row: Row, contents: Contents) -> StoredTensor | Refused | None:
        """The tensor by the normal form on whole tensors; None if it needs other tensors too."""
        graph = self._normal_form(each.graph)
        if is_of_many(graph):
            return None
        inputs = {
            key: seen(entry, contents[label][entry.name])
            for key, (label, entry) in each.reads.items()
        }
        try:
            data = whole(graph, inputs, row.work, row.dtype, row.tensor, each.sites, row.shape)
        except MergecError as error:
            return Refused(error.diagnostics[0].code)
        found = StoredTensor(row.dtype, row.shape, data)
        backend = get_backend("reference")
        values = decoded(found)
        return Refused("E806") if backend.count_non_finite(values) else found

    def stated(self, graph: Graph) -> tuple[Graph | None, str]:
        """The graph to evaluate on rationals: as written, or where that is not stated its stages.

        With it a note; without a graph the note says what has no exact meaning.
        """
        (key,) = graph.outputs.values()
        if key not in self._stated:
            self._stated[key] = _stated(graph)
        return self._stated[key]

    def _normal_form(self, graph: Graph) -> Graph:
        (key,) = graph.outputs.values()
        if key not in self._normal:
            self._normal[key] = normal_form(graph)
        return self._normal[key]


def _stated(graph: Graph) -> tuple[Graph | None, str]:
    missing = unstated(graph)
    if not missing:
        return graph, ""
    stages = expand_composites(graph)
    below = unstated(stages)
    if not below:
        return stages, f"compared with exact through its stages: {', '.join(missing)}"
    return None, f"no exact meaning is stated of {', '.join(dict.fromkeys((*missing, *below)))}"


def is_of_many(graph: Graph) -> bool:
    """Whether a statistic of other tensors is in it, so that one tensor alone does not do."""
    return any(name == "barrier" for node in graph.nodes() for name, _ in node.params)


def copied(row: Row, contents: Mapping[str, Mapping[str, StoredTensor]]) -> StoredTensor:
    """What a row that copies writes."""
    return seen(row.entries[0], contents[row.labels[0]][row.entries[0].name])
