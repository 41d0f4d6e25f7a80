"""Put the sources of exports in the vocabularies that these have, in the graph as written."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mergec.elaborate import Elaborated, Places
from mergec.ir import MODEL, Condition, Fact, GraphBuilder, NodeKey, Operation, Value, facts
from mergec.plan.vocabularies import ExportVocabulary
from mergec.resolve.aligned_rows import VOCABULARY, AlignedRows, AlignedSource
from mergec.resolve.child_vocabulary import digest_of


def align_graph(
    checked: Elaborated, vocabularies: Sequence[ExportVocabulary | None]
) -> tuple[Elaborated, AlignedRows]:
    """The spec with a node `vocabulary` over each source that needs one; itself if none does.

    Contracts measure in the vocabulary of the first export that has one.
    """
    nothing: Mapping[str, AlignedSource] = {}
    wanted = [it.alignment.sources if it is not None else nothing for it in vocabularies]
    if not any(wanted):
        return checked, AlignedRows()
    builder = GraphBuilder()
    ways = [_way(checked, sources, builder) for sources in wanted]
    first = next(way for way, sources in zip(ways, wanted, strict=True) if sources)
    exports = tuple(
        replace(export, node=way[export.node])
        for export, way in zip(checked.exports, ways, strict=True)
    )
    contracts = tuple(
        replace(it, condition=_moved(it.condition, first)) for it in checked.contracts
    )
    outputs = {export.name: export.node for export in exports}
    asked = [key for it in contracts for f in facts(it.condition) for key in f.operands]
    fresh = [key for key in dict.fromkeys(asked) if key not in {*outputs.values()}]
    outputs |= {f"require/{number}": key for number, key in enumerate(fresh, 1)}
    places = _places(checked.places, ways)
    graph = builder.finish(outputs)
    aligned = {digest_of(it): it for sources in wanted for it in sources.values()}
    made = replace(checked, graph=graph, exports=exports, contracts=contracts, places=places)
    return made, AlignedRows(aligned)


def _places(old: Places, ways: Sequence[Mapping[NodeKey, NodeKey]]) -> Places:
    """Where the spec says things, of the old nodes and of those that stand for them."""
    nodes, names = dict(old.nodes), dict(old.names)
    parameters, arms = dict(old.parameters), dict(old.arms)
    for way in ways:
        for key, new in way.items():
            if key in old.nodes:
                nodes.setdefault(new, old.nodes[key])
            if key in old.names:
                names.setdefault(new, old.names[key])
            if key in old.arms:
                arms.setdefault(new, old.arms[key])
        for (key, param), span in old.parameters.items():
            if key in way:
                parameters.setdefault((way[key], param), span)
    return Places(nodes, names, parameters, arms)


def _way(
    checked: Elaborated, sources: Mapping[str, AlignedSource], builder: GraphBuilder
) -> dict[NodeKey, NodeKey]:
    """From nodes of the graph as written to those of one export's vocabulary."""
    way: dict[NodeKey, NodeKey] = {}
    declared = {it.label: it for it in checked.sources}

    def source(label: str) -> NodeKey:
        it = declared[label]
        params: dict[str, Value] = {"label": it.label, "ref": it.ref, "rev": it.rev}
        return builder.add("source", params=params, type=MODEL)

    for node in checked.graph.nodes():
        made = builder.keep(node.over(tuple(way[key] for key in node.operands)))
        aligned = sources.get(str(node.param("label"))) if node.op == "source" else None
        if aligned is not None:
            others = (*aligned.filling.parts, *aligned.filling.mean)
            labels = dict.fromkeys([aligned.own.label, *(part.label for part in others)])
            said: dict[str, Value] = {"label": aligned.own.label, "rows": digest_of(aligned)}
            made = builder.add(VOCABULARY, map(source, labels), said, type=node.type)
        way[node.key] = made
    return way


def _moved(condition: Condition, way: Mapping[NodeKey, NodeKey]) -> Condition:
    if isinstance(condition, Fact):
        return Fact(condition.kind, tuple(way[key] for key in condition.operands))
    if isinstance(condition, Operation):
        return Operation(condition.op, tuple(_moved(it, way) for it in condition.operands))
    return condition
