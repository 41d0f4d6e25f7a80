"""Whether the parents of each export belong together, from headers and small files alone.

What is found is a row of the table of findings (`mergec check --findings`); errors and warnings are
told as diagnostics too. A further check is one more function in `CHECKS`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from mergec.catalog import Checkpoint
from mergec.catalog.architecture import Architecture
from mergec.catalog.config_differences import config_differences, text_section
from mergec.catalog.config_fields import CONFIG_FIELDS, Severity
from mergec.catalog.storage import custom_code, odd_storage, stated_method
from mergec.catalog.tied import head_kind
from mergec.diagnostics import Diagnostic, escape
from mergec.elaborate import Elaborated, SourceDecl
from mergec.ir import NodeKey
from mergec.plan.findings import Finding, Meeting, Parent, told
from mergec.plan.model import PlannedExport
from mergec.resolve.routing import VIEWS

Check = Callable[[Meeting], Iterable[Finding]]


def compatibility(
    exports: Sequence[PlannedExport],
    sources: Sequence[SourceDecl],
    checkpoints: Mapping[str, Checkpoint],
    architectures: Mapping[str, Architecture],
) -> tuple[Finding, ...]:
    """Everything that `CHECKS` find about the parents that meet in an export."""
    found: dict[Finding, None] = {}
    decls = {decl.label: decl for decl in sources}
    for export in exports:
        roles = _roles_read(export, architectures[export.donor])
        parents = {
            label: Parent(
                decls[label],
                checkpoints[label],
                architectures[label],
                frozenset(roles.get(label, ())),
            )
            for label in (export.donor, *(each for each in roles if each != export.donor))
        }
        meeting = Meeting(
            export.decl.name,
            parents[export.donor],
            tuple(parent for label, parent in parents.items() if label != export.donor),
        )
        found |= dict.fromkeys(each for check in CHECKS for each in check(meeting))
    return tuple(found)


def diagnostics(findings: Sequence[Finding], sources: Sequence[SourceDecl]) -> Iterator[Diagnostic]:
    """The errors and warnings among the findings, with the places of the parents."""
    decls = {decl.label: decl for decl in sources}
    roles = {field.name: " | ".join(sorted(field.roles)) for field in CONFIG_FIELDS if field.roles}
    yield from told(findings, sources, roles)
    seen: set[tuple[str, str]] = set()
    for found in findings:
        tell = _TOLD.get(found.code or "")
        if tell is not None and (found.code or "", found.sources[0]) not in seen:
            seen.add((found.code or "", found.sources[0]))
            yield tell(found, decls[found.sources[0]])


def refuse_odd_storage(
    elaborated: Elaborated, checkpoints: Mapping[str, Checkpoint]
) -> Iterator[Diagnostic]:
    """E421 for each source that is computed with and stored in a form that has no arithmetic."""
    computed = _computed_with(elaborated)
    for decl in elaborated.sources:
        odd = odd_storage(checkpoints[decl.label]) if decl.label in computed else None
        if odd is not None:
            yield Diagnostic(
                "E421",
                f"the weights of `{escape(decl.ref)}` are quantised ({odd.form})",
                decl.span,
                "quantised weights",
                notes=(odd.shown, "codes and scales cannot be averaged, nor have they deltas"),
                help=(
                    "merge the models as they were before, in bf16, f16 or f32, "
                    "and quantise the child",
                    "if no such files are to be had, load this model with the program that "
                    "quantised it, save its weights dequantised, and name that folder",
                ),
            )


def _computed_with(elaborated: Elaborated) -> set[str]:
    """The labels of the sources below an operator; what is copied may be stored in any form."""
    labels: set[str] = set()
    inside: set[NodeKey] = set()
    for export in elaborated.exports:
        for node in reversed(elaborated.graph.below(export.node)):  # users before operands
            if node.op == "source":
                labels |= {str(node.param("label"))} if node.key in inside else set()
            elif node.op not in VIEWS or node.key in inside:
                inside.update(node.operands)
    return labels


def _roles_read(export: PlannedExport, donor: Architecture) -> dict[str, set[str]]:
    """For each source that is read, the roles of the output tensors that it is read for."""
    found: dict[str, set[str]] = {}
    for row in export.rows:
        place = donor.place(row.tensor)
        for label in dict.fromkeys(row.labels):
            found.setdefault(label, set()).update(place.roles)
    return found


def _settings(meeting: Meeting) -> Iterator[Finding]:
    """Settings of config.json that change what weights mean."""
    donor = meeting.donor
    if donor.checkpoint.config is None:
        return
    ours = text_section(donor.checkpoint.config, donor.architecture.config_path)
    for other in meeting.others:
        config = other.checkpoint.config
        if config is None:
            continue
        theirs = text_section(config, other.architecture.config_path)
        for each in config_differences(ours, theirs, other.roles):
            yield Finding(
                each.severity,
                {"error": "E420", "warning": "W404", "note": None}[each.severity],
                meeting.export,
                (donor.decl.label, other.decl.label),
                each.field.name,
                (each.one, each.other),
                each.field.reason,
            )


def _without_config(meeting: Meeting) -> Iterator[Finding]:
    for parent in meeting.parents:
        if parent.checkpoint.config is None and len(meeting.parents) > 1:
            yield _of_one(
                meeting,
                parent,
                "config.json",
                "none",
                "nothing is known of the settings that names and shapes do not show",
            )


def _dtypes(meeting: Meeting) -> Iterator[Finding]:
    """Weights of other precision; the merge is computed above the wider of them."""
    ours = _float_dtypes(meeting.donor)
    for other in meeting.others:
        theirs = _float_dtypes(other)
        if ours and theirs and ours != theirs:
            yield Finding(
                "note",
                None,
                meeting.export,
                (meeting.donor.decl.label, other.decl.label),
                "dtype",
                (ours, theirs),
                "the child has the first one's, unless the export says otherwise",
            )


def _float_dtypes(parent: Parent) -> str:
    found = {entry.dtype for entry in parent.checkpoint.tensors.values() if entry.dtype.is_float}
    return ", ".join(sorted(dtype.word for dtype in found))


def _stated_storage(meeting: Meeting) -> Iterator[Finding]:
    """A config that speaks of quantised weights beside weights that are not."""
    for parent in meeting.parents:
        method = stated_method(parent.checkpoint.config)
        if method is not None and odd_storage(parent.checkpoint) is None:
            mine = parent is meeting.donor
            yield _of_one(
                meeting,
                parent,
                "quantization_config",
                method,
                "the tensors are plain floats"
                + (", and a loader of the child would take them for codes" if mine else ""),
                code="W405" if mine else None,
            )


def _code(meeting: Meeting) -> Iterator[Finding]:
    """Classes that files of Python beside the weights define. They are never imported."""
    for parent in meeting.parents:
        named = custom_code(parent.checkpoint.config)
        if named:
            mine = parent is meeting.donor
            yield _of_one(
                meeting,
                parent,
                "auto_map",
                ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else ""),
                "mergec runs and copies no code"
                + ("; a loader of the child looks for it beside config.json" if mine else ""),
                code="W406" if mine else None,
            )


def _heads(meeting: Meeting) -> Iterator[Finding]:
    """A tied head that is stored a second time."""
    for parent in meeting.parents:
        if head_kind(parent.checkpoint, parent.architecture) == "copy":
            heads = [h for h, _ in parent.architecture.tied if h in parent.checkpoint.tensors]
            yield _of_one(
                meeting,
                parent,
                "tie_word_embeddings",
                f"true, and `{escape(heads[0])}` is stored",
                "the head is the embedding; its copy is not written, and must be equal to it",
            )


def _of_one(
    meeting: Meeting, parent: Parent, subject: str, value: str, reason: str, code: str | None = None
) -> Finding:
    severity: Severity = "note" if code is None else "warning"
    labels = (parent.decl.label,)
    return Finding(severity, code, meeting.export, labels, subject, (value,), reason)


CHECKS: tuple[Check, ...] = (
    _settings, _without_config, _dtypes, _heads, _stated_storage, _code,
)  # fmt: skip
"""What is looked at in each meeting of parents, in the order of the table."""


def _stated_quantised(found: Finding, decl: SourceDecl) -> Diagnostic:
    return Diagnostic(
        "W405",
        f"config.json of `{escape(decl.ref)}` states {found.values[0]}, and its weights are floats",
        decl.span,
        "gives the child its config.json",
        notes=(found.reason,),
        help=("remove `quantization_config` from its config.json",),
    )


def _names_code(found: Finding, decl: SourceDecl) -> Diagnostic:
    return Diagnostic(
        "W406",
        f"config.json of `{escape(decl.ref)}` names Python code, {found.values[0]}",
        decl.span,
        "gives the child its config.json",
        notes=(found.reason,),
        help=(
            "copy the `.py` files to the child yourself if you trust them, or choose a base whose "
            "architecture loaders know",
        ),
    )


_TOLD: Mapping[str, Callable[[Finding, SourceDecl], Diagnostic]] = {
    "W405": _stated_quantised,
    "W406": _names_code,
}
