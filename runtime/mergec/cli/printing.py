"""How commands print diagnostics: text for people, JSON for programs."""

import contextlib
import os
import sys
from collections.abc import Iterable

import click

from mergec.diagnostics import Diagnostic, render_json, render_text, summary_line


def print_diagnostics(diagnostics: Iterable[Diagnostic], output_format: str = "text") -> None:
    """Text goes to standard error, JSON to standard output; nothing is printed for none as text."""
    found = tuple(diagnostics)
    if output_format == "json":
        click.echo(render_json(found), nl=False)
        return
    if not found:
        return
    text = render_text(found, color=_colored())
    # Who closed or filled standard error still learns the exit status.
    with contextlib.suppress(OSError):
        click.echo(_printable(f"{text}\n{summary_line(found)}"), err=True)


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
