"""The graphs that the compiler makes of a spec for each of its tensors, with what they read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mergec.catalog import Checkpoint, TensorEntry
from mergec.catalog.describe import describe
from mergec.diagnostics import Diagnostic, MergecError
from mergec.elaborate import Elaborated
from mergec.ir import Graph
from mergec.plan.find_tensors import find_tensors
from mergec.resolve import Findings, KeySets, Resolver


@dataclass(frozen=True, slots=True)
class TensorGraph:
    """The graph of one tensor of an export as written, its only output: views are resolved.

    `reads` leads from source nodes to what they read, a source's label and its tensor; `sites` to
    the name that this tensor is asked by, which masks are drawn for.
    """

    export: str
    name: str
    graph: Graph
    reads: Mapping[str, tuple[str, TensorEntry]]
    sites: Mapping[str, str]


def tensor_graphs(
    checked: Elaborated, checkpoints: Mapping[str, Checkpoint]
) -> Iterator[TensorGraph]:
    """Every floating-point tensor of every export. MergecError for what has no plan either."""
    architectures = {k: describe([*c.tensors], c.config) for k, c in checkpoints.items()}
    keys, findings = KeySets(checked, checkpoints, architectures), Findings()
    resolver = Resolver(checked, keys, findings)
    errors: list[Diagnostic] = []
    for export in checked.exports:
        wanted = {
            name: resolver.tensor((export.node,), name)
            for name, leaf in keys.of(export.node).origins.items()
            if not keys.entry(leaf).dtype.is_integer
        }
        findings.report(errors.append)
        demands = [
            (leaf, export.donor)
            for resolved in wanted.values()
            if resolved is not None
            for leaf in resolved.leaves.values()
        ]
        found = find_tensors(checked, checkpoints, demands, errors.append)
        if any(each.severity == "error" for each in errors):
            raise MergecError(errors)
        for name, resolved in wanted.items():
            assert resolved is not None
            yield TensorGraph(
                export.name,
                name,
                resolver.builder.finish({"result": resolved.roots[0]}),
                {key: (leaf.label, found[leaf]) for key, leaf in resolved.leaves.items()},
                {key: leaf.name for key, leaf in resolved.leaves.items()},
            )
