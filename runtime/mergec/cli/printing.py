"""How commands print diagnostics: text for people, other formats for programs."""

import contextlib
import os
import sys
from collections.abc import Iterable, Sequence

import click

from mergec.cli.version import tool_version
from mergec.diagnostics import (
    Diagnostic,
    render_github,
    render_json,
    render_sarif,
    render_text,
    summary_line,
)

FORMATS = ("text", "json", "github", "sarif")


def print_diagnostics(diagnostics: Iterable[Diagnostic]) -> None:
    """Text on standard error, with a line that counts; nothing for none."""
    found = tuple(diagnostics)
    if not found:
        return
    text = render_text(found, color=_colored())
    # Who closed or filled standard error still learns the exit status.
    with contextlib.suppress(OSError):
        click.echo(_printable(f"{text}\n{summary_line(found)}"), err=True)


def print_findings(findings: Sequence[tuple[str, Diagnostic]], output_format: str) -> None:
    """Findings in one of the FORMATS, each with the name of the spec that was checked.

    Text goes to standard error; what programs read goes to standard output.
    """
    diagnostics = [found for _, found in findings]
    match output_format:
        case "json":
            click.echo(render_json(diagnostics), nl=False)
        case "github":
            click.echo(render_github(findings), nl=False)
        case "sarif":
            click.echo(render_sarif(findings, tool_version()), nl=False)
        case _:
            print_diagnostics(diagnostics)


def counted(tensors: int) -> str:
    """`1 tensor`, `2 tensors`."""
    return f"{tensors} tensor{'s' * (tensors != 1)}"


def _colored() -> bool:
    """Colour on a terminal only, and not if the user says no."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stderr.isatty() and not plain


def _printable(text: str) -> str:
    """Escape what the stream cannot encode: a locale never turns a message into an exception."""
    encoding = sys.stderr.encoding or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)
