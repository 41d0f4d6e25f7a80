"""What the licences of the parents say about each child."""

from collections.abc import Mapping

from mergec.catalog import Checkpoint, Licence
from mergec.catalog.licence_ids import is_licence
from mergec.catalog.licence_union import licence_finding
from mergec.catalog.quoted import quoted
from mergec.diagnostics import Diagnostic
from mergec.elaborate import Elaborated, ExportDecl
from mergec.elaborate.parameters import Report
from mergec.ir import Graph


def parents_of(export: ExportDecl, graph: Graph) -> tuple[str, ...]:
    """The labels of the sources that an export is made of, sorted."""
    return tuple(sorted({str(leaf.param("label")) for leaf in graph.leaves(export.node)}))


def check_licences(
    elaborated: Elaborated, checkpoints: Mapping[str, Checkpoint], report: Report
) -> None:
    """Report W506 for each child whose parents' licences are in conflict, and W507."""
    for source in elaborated.sources:
        licence = checkpoints[source.label].licence
        if licence is not None and not is_licence(licence.id):
            message = f"the licence of `{source.label}`, {quoted(licence.id)}, is not a known one"
            hint = "state an identifier of the hub or of SPDX in its model card"
            report(Diagnostic("W507", message, source.span, help=(hint,)))
    for export in elaborated.exports:
        labels = parents_of(export, elaborated.graph)
        licences: dict[str, Licence | None] = {it: checkpoints[it].licence for it in labels}
        finding = licence_finding(licences)
        if finding.verdict == "conflict":
            message = f"the licences of the parents of `{export.name}` are in conflict"
            hint = "read the licences, or ask the authors, before the child is published"
            report(Diagnostic("W506", message, export.span, notes=finding.reasons, help=(hint,)))
