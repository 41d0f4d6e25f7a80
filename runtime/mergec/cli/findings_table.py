"""The table of `mergec check --findings`: what parents that meet say of the same things."""

import json
from collections.abc import Iterator, Mapping, Sequence

import click

from mergec.diagnostics import Diagnostic, escape
from mergec.diagnostics.render_json import diagnostic_fields
from mergec.plan.findings import Finding

SCHEMA = "mergec.findings/1"


def print_table(
    rows: Mapping[str, Sequence[Finding]], told: Sequence[Diagnostic], output_format: str
) -> None:
    """The findings of each spec, by its name, as text; or as JSON, with the diagnostics."""
    if output_format == "json":
        click.echo(json.dumps(document(rows, told), indent=2))
        return
    for spec, found in rows.items():
        click.echo("\n".join(_lines(spec, found)))


def document(
    rows: Mapping[str, Sequence[Finding]], told: Sequence[Diagnostic]
) -> dict[str, object]:
    """The JSON; docs/compatibility.md says what its members mean."""
    return {
        "schema": SCHEMA,
        "findings": [
            {
                "spec": spec,
                "severity": each.severity,
                "code": each.code,
                "export": each.export,
                "sources": [*each.sources],
                "subject": each.subject,
                "values": [*each.values],
                "reason": each.reason,
            }
            for spec, found in rows.items()
            for each in found
        ],
        "diagnostics": [diagnostic_fields(each) for each in told],
    }


def _lines(spec: str, found: Sequence[Finding]) -> Iterator[str]:
    groups: dict[tuple[str, tuple[str, ...]], list[Finding]] = {}
    for each in found:
        groups.setdefault((each.export, each.sources), []).append(each)
    if not groups:
        yield f"{escape(spec)}: the models that meet say the same of everything that is known"
    for (export, sources), about in groups.items():
        yield f"{escape(spec)}: {escape(export)}, of {' and '.join(map(escape, sources))}"
        cells = [(each.severity, escape(each.subject), *each.values, each.reason) for each in about]
        widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]) - 1)]
        for *row, reason in cells:
            text = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            yield f"  {text}  {reason}"
