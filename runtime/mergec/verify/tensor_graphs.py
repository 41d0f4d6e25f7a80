"""The graphs that the compiler makes of a spec for each of its tensors, with what they read."""

from collections.abc import Iterator, Mapping
from dataclasses import field

from mergec.catalog import Checkpoint, TensorEntry
from mergec.catalog.describe import describe
from mergec.diagnostics import Diagnostic, MergecError
from mergec.elaborate import Elaborated, ExportDecl
from mergec.frozen import frozen
from mergec.ir import Graph, NodeKey
from mergec.plan.find_tensors import find_tensors
from mergec.plan.naming import naming_of
from mergec.resolve import Findings, KeySets, Leaf, ResolvedTensor, Resolver
from mergec.resolve.aligned_rows import AlignedRows


@frozen
class TensorGraph:
    """The graph of one tensor of an export as written, its only output: views are resolved.

    `reads` leads from source nodes to what they read, a source's label and its tensor; `sites` to
    the name that this tensor is asked by, which masks are drawn for, and from members of operators
    with statistics of all tensors to the names of these. `wholes` has such operators, here and
    below: each with all its tensors in order, every one the output of a graph of its own.
    """

    export: str
    name: str
    graph: Graph
    reads: Mapping[str, tuple[str, TensorEntry]]
    sites: Mapping[str, str]
    wholes: "Mapping[NodeKey, Mapping[str, TensorGraph]]" = field(repr=False)


def tensor_graphs(
    checked: Elaborated,
    checkpoints: Mapping[str, Checkpoint],
    aligned: AlignedRows | None = None,
) -> Iterator[TensorGraph]:
    """Every floating-point tensor of every export. MergecError for what has no plan either.

    `aligned` are the rows of tokens, where `checked` was put into vocabularies.
    """
    architectures = {k: describe([*c.tensors], c.config) for k, c in checkpoints.items()}
    keys = KeySets(checked, checkpoints, architectures, aligned or AlignedRows())
    findings = Findings()
    resolver = Resolver(checked, keys, findings)
    asking = _Asking(checked, keys, resolver)
    tensors = (export for export in checked.exports if not export.is_adapter)
    exported = [(export.name, asking.exported(export)) for export in tensors]
    counted = asking.counted()
    errors: list[Diagnostic] = []
    findings.report(errors.append)
    every = [*(value for _, value in exported), *counted.values()]
    demands = [
        (leaf, asked.donor)
        for value in every
        for asked in value
        for leaf in asked.resolved.leaves.values()
    ]
    found = find_tensors(checked, checkpoints, demands, errors.append)
    if any(each.severity == "error" for each in errors):
        raise MergecError(errors)
    wholes: dict[NodeKey, dict[str, TensorGraph]] = {}

    def graph(export: str, asked: _Asked) -> TensorGraph:
        sites: dict[str, str] = {key: leaf.name for key, leaf in asked.resolved.leaves.items()}
        return TensorGraph(
            export,
            asked.name,
            resolver.builder.finish({"result": asked.resolved.roots[0]}),
            {key: (leaf.label, found[leaf]) for key, leaf in asked.resolved.leaves.items()},
            sites | dict(asked.resolved.members.items()),
            wholes,
        )

    for node, value in counted.items():
        wholes[node] = {
            asked.name: graph("", asked)
            for asked in value
            if not found[resolver.origin(node, asked.name)].dtype.is_integer
            and "barrier" in dict(resolver.builder[asked.resolved.roots[0]].params)
        }
    for export, value in exported:
        for asked in value:
            yield graph(export, asked)


@frozen
class _Asked:
    """A tensor, what it comes to, and the source whose names it is asked by."""

    name: str
    resolved: ResolvedTensor
    donor: str


@frozen
class _Asking:
    """Asks values for their tensors, but for those of integers."""

    checked: Elaborated
    keys: KeySets
    resolver: Resolver

    def exported(self, export: ExportDecl) -> list[_Asked]:
        """The tensors of an export, by its own names."""
        names = {name: (name, export.donor) for name in self._names(export.node)}
        return self._asked(export.node, names)

    def counted(self) -> dict[NodeKey, list[_Asked]]:
        """The tensors of each operator that has statistics of all, as far as any was asked for."""
        found: dict[NodeKey, list[_Asked]] = {}
        while fresh := [key for key in self.resolver.barriers if key not in found]:
            for key in fresh:
                found[key] = self._asked(key, self._named(key))
        return found

    def _named(self, key: NodeKey) -> dict[str, tuple[str, str]]:
        """By which name, of which source, each tensor is asked for, as exports ask for it."""
        naming = naming_of(self.checked, self.keys, key, self.resolver.barriers[key])
        return {
            own: (naming.of(own), naming.donor) if naming else (own, leaf.label)
            for own, leaf in self._names(key).items()
        }

    def _names(self, key: NodeKey) -> dict[str, Leaf]:
        origins = self.keys.of(key).origins.items()
        return {own: leaf for own, leaf in origins if not self.keys.entry(leaf).dtype.is_integer}

    def _asked(self, key: NodeKey, names: Mapping[str, tuple[str, str]]) -> list[_Asked]:
        pairs = [
            (name, donor, self.resolver.tensor((key,), name)) for name, donor in names.values()
        ]
        return [_Asked(name, found, donor) for name, donor, found in pairs if found is not None]
