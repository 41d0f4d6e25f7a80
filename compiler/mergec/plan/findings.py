"""What is found about the parents of an export together: rows of one table, and diagnostics."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from mergec.catalog import Checkpoint
from mergec.catalog.architecture import Architecture
from mergec.catalog.config_fields import Severity
from mergec.diagnostics import Diagnostic, Label, escape
from mergec.elaborate import SourceDecl
from mergec.frozen import frozen

_SHOWN = 6


@frozen
class Parent:
    """A source that is read for an export.

    `roles` are those of the output tensors that it is read for.
    """

    decl: SourceDecl
    checkpoint: Checkpoint
    architecture: Architecture
    roles: frozenset[str]


@frozen
class Meeting:
    """The parents of one export: the donor, which gives the child its config, and the others."""

    export: str
    donor: Parent
    others: tuple[Parent, ...]

    @property
    def parents(self) -> tuple[Parent, ...]:
        """All of them, the donor first."""
        return (self.donor, *self.others)


@frozen
class Finding:
    """A row of the table of findings.

    `sources` are the labels of the parents that it is about, and `values` what each of them says
    of the `subject`. `code` is that of the diagnostic that tells of it, None for a note, which is
    told in the table alone. `reason` says why it matters.
    """

    severity: Severity
    code: str | None
    export: str
    sources: tuple[str, ...]
    subject: str
    values: tuple[str, ...]
    reason: str


_HELP: Mapping[str, str] = {
    "E420": "merge models of one configuration, or correct the config.json that is wrong",
    "W404": "check that these models belong together; if they do, write "
    "`# mergec: allow W404 because ...` above this statement",
}
_WHAT: Mapping[str, str] = {
    "E420": "so that equal names and shapes do not mean the same",
    "W404": "which seldom merges well",
}


def told(
    findings: Iterable[Finding], sources: Iterable[SourceDecl], roles: Mapping[str, str]
) -> Iterator[Diagnostic]:
    """One diagnostic for each code and pair of parents that has findings with it.

    `roles` has the words of a selector for those subjects that are about some tensors alone.
    """
    decls = {decl.label: decl for decl in sources}
    groups: dict[tuple[str, tuple[str, ...]], dict[str, Finding]] = {}
    for found in findings:
        if found.code is not None and found.code in _HELP:
            about = groups.setdefault((found.code, found.sources), {})
            about.setdefault(found.subject, found)
    for (code, labels), about in groups.items():
        one, other = (decls[label] for label in labels)
        yield _of_pair(code, one, other, [*about.values()], roles)


def _of_pair(
    code: str,
    one: SourceDecl,
    other: SourceDecl,
    found: Sequence[Finding],
    roles: Mapping[str, str],
) -> Diagnostic:
    first, *more = found
    a, b = f"`{escape(one.ref)}`", f"`{escape(other.ref)}`"
    settings = f"`{first.subject}`"
    if more:
        settings += f" and {len(more)} more setting{'s' * (len(more) != 1)}"
    notes = [
        f"`{each.subject}` is {each.values[0]} in {a} and {each.values[1]} in {b}: {each.reason}"
        for each in found[:_SHOWN]
    ]
    notes += [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    help_ = [_HELP[code]]
    concerned = sorted({roles.get(each.subject, "") for each in found})
    if code == "E420" and all(concerned):
        arm = f"match {{ {' | '.join(concerned)} => ..., else => ... }}"
        help_.append(f"take the tensors that it is about from one model, by `{arm}`")
    return Diagnostic(
        code,
        f"{b} differs from {a} in {settings}, {_WHAT[code]}",
        other.span,
        f"{first.values[1]} here",
        labels=(Label(one.span, f"{first.values[0]} here"),),
        notes=tuple(notes),
        help=tuple(help_),
    )
