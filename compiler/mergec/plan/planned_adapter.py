"""An export that is an adapter, with its config and what it leaves out."""

from collections.abc import Iterator, Mapping

from mergec.catalog import Checkpoint, TensorName
from mergec.catalog.architecture import Architecture
from mergec.catalog.quoted import quoted
from mergec.diagnostics import Diagnostic
from mergec.elaborate import Elaborated, ExportDecl
from mergec.elaborate.parameters import Report
from mergec.ir import NodeKey
from mergec.plan.adapter_export import adapter_config
from mergec.plan.adapter_sum import adapter_sum
from mergec.plan.layout import OutputTensor, lay_out
from mergec.plan.model import PlannedExport, Row
from mergec.plan.svd_export import reduced_model

_METADATA = {"format": "pt"}


def planned_adapter(
    checked: Elaborated,
    decl: ExportDecl,
    rows: tuple[Row, ...],
    checkpoints: Mapping[str, Checkpoint],
    dropped: tuple[str, ...],
) -> PlannedExport:
    """One file of factors, as PEFT looks for it, and the config that says what they mean."""
    made = reduced_model(checked, decl)
    if made is None:
        found = adapter_sum(checked, decl, checkpoints)
        terms = [term for parts in found.modules.values() for term in parts]
        turned = any(term.turned and not term.is_embedding for term in terms)
        labels = dict.fromkeys(str(leaf.param("label")) for leaf in checked.graph.leaves(decl.node))
        adapters = (checkpoints[label].adapter for label in labels)
        bases = {adapter.base for adapter in adapters if adapter is not None}
        dropped = tuple(found.dropped)
    else:
        turned = any(_is_turned(row) for row in rows if ".lora_A." in row.tensor)
        bases = set(_bases(checked, checkpoints, made.of))
    base = next(iter(bases)) if len(bases) == 1 else None
    outputs = [OutputTensor(row.tensor, row.dtype, row.shape) for row in rows]
    size = sum(each.nbytes for each in outputs)
    return PlannedExport(
        decl=decl,
        folder=decl.name if len(checked.exports) > 1 else "",
        donor=decl.donor,
        rows=rows,
        layouts=lay_out(outputs, max(size, 1), _METADATA, stem="adapter_model"),
        config=adapter_config(rows, base, turned=turned),
        files=(),
        dropped=dropped,
    )


def warn_of_tied_embedding(
    export: PlannedExport, checkpoint: Checkpoint, architecture: Architecture, report: Report
) -> None:
    """W407 where an adapter of two models changes an embedding whose vectors are the head too."""
    held = checkpoint.tensors
    tied = {table for head, table in architecture.tied if TensorName(head) not in held}
    for row in export.rows:
        if row.of is not None and row.of.tensor in tied and "lora_embedding_A" in row.tensor:
            report(_tied(export.decl, row.of.tensor))


def _tied(decl: ExportDecl, table: str) -> Diagnostic:
    return Diagnostic(
        "W407",
        f"the adapter changes {quoted(table)}, which is the head of this model too",
        decl.span,
        notes=("PEFT adapts the embedding alone until it merges the adapter, and then both",),
        help=("leave it out, as in `match { embed => 0*(code - base), else => code - base }`",),
    )


def _is_turned(row: Row) -> bool:
    return any(dict(call.params).get("turned") is True for call in row.program.calls)


def _bases(
    checked: Elaborated, checkpoints: Mapping[str, Checkpoint], delta: NodeKey
) -> Iterator[str | None]:
    """What the models are called that deltas below are taken from: by a hub, or where saved."""
    for node in checked.graph.below(delta):
        if node.op != "affine" or node.param("coefficients") != (1, -1):
            continue
        taken = checked.graph.node(node.operands[1])
        if taken.op == "source" and taken.type.mass == 1:
            yield _name(checkpoints[str(taken.param("label"))])


def _name(checkpoint: Checkpoint) -> str | None:
    if checkpoint.hub is not None:
        return checkpoint.hub.repo
    name = (checkpoint.config or {}).get("_name_or_path")
    return name if isinstance(name, str) and name else None
