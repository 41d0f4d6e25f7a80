"""Find the tensors that are asked of sources, under their own names or behind a prefix."""

from collections.abc import Mapping, Sequence

from mergec.catalog import Checkpoint, NameMap, TensorEntry, TensorName, match_names
from mergec.diagnostics import Diagnostic, Label
from mergec.elaborate import Elaborated, SourceDecl
from mergec.elaborate.parameters import Report
from mergec.frozen import frozen
from mergec.resolve import Leaf

_SHOWN = 3


@frozen
class FoundTensors:
    """The tensors that were found, and the prefix rule in use for each source."""

    entries: Mapping[Leaf, TensorEntry]
    rules: Mapping[str, str | None]

    def __contains__(self, leaf: Leaf) -> bool:
        return leaf.stored in self.entries

    def __getitem__(self, leaf: Leaf) -> TensorEntry:
        return self.entries[leaf.stored].seen_by(leaf.view)


def find_tensors(
    elaborated: Elaborated,
    checkpoints: Mapping[str, Checkpoint],
    demands: Sequence[tuple[Leaf, str]],
    report: Report,
) -> FoundTensors:
    """Where each demanded tensor is; `demands` say too by the names of which source it is asked.

    One prefix rule holds for all tensors that are asked of a source by the names of another. Two
    exports may have names of different sources. Reports E401 and E404.
    """
    wanted: dict[tuple[str, str], dict[TensorName, None]] = {}
    for leaf, donor in demands:
        wanted.setdefault((leaf.label, donor), {})[TensorName(leaf.name)] = None
    decls = {decl.label: decl for decl in elaborated.sources}
    entries: dict[Leaf, TensorEntry] = {}
    rules: dict[str, str | None] = {}
    for (label, donor), names in wanted.items():
        tensors = checkpoints[label].tensors
        found = match_names([*names], tensors)
        if found.ambiguous:
            report(_ambiguous(decls[label], decls[donor], found))
        elif found.missing:
            report(_missing(decls[label], decls[donor], found, len(names)))
        rules[label] = rules.get(label) or found.rule
        for name, own in found.names.items():
            entries[Leaf(label, name)] = tensors[own]
    return FoundTensors(entries, rules)


def _ambiguous(decl: SourceDecl, donor: SourceDecl, found: NameMap) -> Diagnostic:
    rules = " or ".join(found.ambiguous)
    return Diagnostic(
        "E404",
        f"tensor names of `{decl.ref}` match those of `{donor.label}` in more than one way",
        decl.span,
        labels=(Label(donor.span, "the output has its names"),),
        notes=(f"each of these rules finds every tensor: {rules}",),
        help=("rename the tensors of one source so that only one rule fits",),
    )


def _missing(decl: SourceDecl, donor: SourceDecl, found: NameMap, demanded: int) -> Diagnostic:
    shown = ", ".join(f"`{name}`" for name in found.missing[:_SHOWN])
    rest = len(found.missing) - _SHOWN
    more = f" and {rest} more" if rest > 0 else ""
    return Diagnostic(
        "E401",
        f"`{decl.ref}` lacks {len(found.missing)} of the {demanded} tensors that the output needs",
        decl.span,
        f"lacks {shown}{more}",
        labels=(Label(donor.span, "the output has the tensors of this source"),)
        if donor.label != decl.label
        else (),
        notes=("the output has the tensors of the base, or of the first operand",),
        help=("put the source with the fewest tensors first, or merge matching models",),
    )
