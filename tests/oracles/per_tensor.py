"""The graphs that the compiler makes of a spec for each of its tensors, with the tensors read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mergec.catalog import Checkpoint, TensorEntry, TensorName
from mergec.catalog.describe import describe
from mergec.diagnostics import Diagnostic
from mergec.elaborate import Elaborated
from mergec.ir import Graph
from mergec.plan import Row
from mergec.plan.bind import bind
from mergec.resolve import KeySets
from mergec.verify import tensor_graphs as shipped
from mergec.verify.evaluate import StoredTensor
from tests.strategies import Checkpoints


@dataclass(frozen=True, slots=True)
class TensorGraph:
    """The graph of one tensor of an export, its only output.

    `inputs` and `sites` lead from source nodes to what they read, and to the name it is asked by.
    """

    export: str
    name: str
    graph: Graph
    inputs: Mapping[str, StoredTensor]
    sites: Mapping[str, str]


def tensor_graphs(checked: Elaborated, held: Checkpoints) -> Iterator[TensorGraph]:
    """Every floating-point tensor of every export."""
    checkpoints = {label: _checkpoint(tensors) for label, tensors in held.items()}
    for each in shipped.tensor_graphs(checked, checkpoints):
        inputs = {key: held[label][entry.name] for key, (label, entry) in each.reads.items()}
        yield TensorGraph(each.export, each.name, each.graph, inputs, each.sites)


def rows_of(checked: Elaborated, held: Checkpoints) -> dict[tuple[str, str], Row]:
    """What is computed for each tensor, by the names of its export and its own."""
    checkpoints = {label: _checkpoint(tensors) for label, tensors in held.items()}
    architectures = {k: describe([*c.tensors], c.config) for k, c in checkpoints.items()}
    keys, found = KeySets(checked, checkpoints, architectures), list[Diagnostic]()
    bound = bind(checked, checkpoints, architectures, keys, found.append)
    assert bound is not None, found
    return {
        (export.name, row.tensor): row
        for export, rows in zip(checked.exports, bound.rows, strict=True)
        for row in rows
    }


def _checkpoint(tensors: Mapping[str, StoredTensor]) -> Checkpoint:
    entries = [
        TensorEntry(TensorName(name), tensor.dtype, tensor.shape, "", 0, len(tensor.data))
        for name, tensor in tensors.items()
    ]
    return Checkpoint(Path(), (), {each.name: each for each in entries}, None, (), None)
