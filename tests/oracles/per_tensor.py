"""The graphs that the compiler makes of a spec for each of its tensors, with what they read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mergec.catalog import Checkpoint, TensorEntry, TensorName
from mergec.catalog.describe import describe
from mergec.elaborate import Elaborated
from mergec.ir import Graph
from mergec.resolve import Findings, KeySets, Resolver
from mergec.verify.evaluate import StoredTensor
from tests.strategies import Checkpoints, entry


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
    architectures = {k: describe([*c.tensors], None) for k, c in checkpoints.items()}
    keys, findings = KeySets(checked, checkpoints, architectures), Findings()
    resolver = Resolver(checked, keys, findings)
    for export in checked.exports:
        for name, leaf in keys.of(export.node).origins.items():
            if keys.entry(leaf).dtype.is_integer:
                continue
            resolved = resolver.tensor((export.node,), name)
            assert resolved is not None, findings.first
            yield TensorGraph(
                export.name,
                name,
                resolver.builder.finish({"result": resolved.roots[0]}),
                {key: entry(held[at.label], at.name) for key, at in resolved.leaves.items()},
                {key: at.name for key, at in resolved.leaves.items()},
            )


def _checkpoint(tensors: Mapping[str, StoredTensor]) -> Checkpoint:
    entries = [
        TensorEntry(TensorName(name), tensor.dtype, tensor.shape, "", 0, len(tensor.data))
        for name, tensor in tensors.items()
    ]
    return Checkpoint(Path(), (), {each.name: each for each in entries}, None, (), None)
