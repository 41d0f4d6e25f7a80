"""The table of `mergec run --preflight-only`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mergec.cli.printing import print_diagnostics
from mergec.diagnostics import escape
from mergec.diagnostics.render_json import diagnostic_fields

if TYPE_CHECKING:
    from mergec.api.specs import CompiledSpec
    from mergec.execute.preflight import Check

SCHEMA = "mergec.preflight/1"


def print_preflight(
    compiled: "CompiledSpec",
    target: Path,
    backend: str,
    device: str,
    memory: int,
    threads: int | None,
    *,
    as_json: bool,
    replace: bool,
) -> None:
    """Look, print, and end with the status of the first row that failed."""
    from mergec.backends import get_backend
    from mergec.execute.preflight import preflight
    from mergec.plan import default_threads, fit_budget

    budget = fit_budget(compiled.plan, memory, threads or default_threads(), backend, device)
    rows = preflight(
        compiled.plan, target, budget, lambda: get_backend(backend, device), replace=replace
    )
    wrong = [found for row in rows for found in row.wrong]
    status = wrong[0].exit if wrong else 0
    if as_json:
        click.echo(json.dumps({"schema": SCHEMA, "exit": status, "rows": _members(rows)}, indent=2))
    else:
        width = max(len(row.what) for row in rows)
        for row in rows:
            said = row.figure if row.ok else f"{row.wrong[0].code} {row.wrong[0].message}"
            word = "ok    " if row.ok else "failed"
            click.echo(f"{word}  {row.what.ljust(width)}  {escape(said)}")
    print_diagnostics(wrong)
    if wrong:
        click.get_current_context().exit(status)


def _members(rows: "Sequence[Check]") -> list[dict[str, object]]:
    return [
        {
            "what": row.what,
            "ok": row.ok,
            "figure": row.figure,
            "code": row.wrong[0].code if row.wrong else None,
            "errors": [diagnostic_fields(found) for found in row.wrong],
        }
        for row in rows
    ]
