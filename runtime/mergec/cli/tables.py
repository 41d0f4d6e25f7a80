"""Tables of text: coloured and as wide as the terminal on one, plain and never cut elsewhere."""

import io
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from mergec.diagnostics import escape

if TYPE_CHECKING:
    from rich.console import RenderableType

# Columns of what is no terminal: a file has room, and whoever reads it wants whole names.
_ROOM = 10_000


def facts(rows: Iterable[tuple[str, str]]) -> "RenderableType":
    """Names with what is known of each; several lines of it stand below each other."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, said in rows:
        table.add_row(Text(name), Text("\n".join(map(escape, said.split("\n")))))
    return table


def columns(head: Sequence[str], rows: Iterable[Sequence[str]]) -> "RenderableType":
    """A table; its first column is of words and the others are of numbers."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number, name in enumerate(head):
        table.add_column(
            Text(name), justify="right" if number else "left", no_wrap=bool(number), overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(escape(cell)) for cell in row))
    return table


def phrases(head: Sequence[str], rows: Iterable[Sequence[str]]) -> "RenderableType":
    """A table of words: every column begins at the left, and folds where there is little room."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in head:
        table.add_column(Text(escape(name)), overflow="fold")
    for row in rows:
        table.add_row(*(Text(escape(cell)) for cell in row))
    return table


def show(*parts: "RenderableType") -> None:
    """Print tables and lines on standard output, a blank line between any two."""
    from rich.console import Console

    terminal = sys.stdout.isatty()
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    said = io.StringIO()
    console = Console(
        file=said,
        width=None if terminal else _ROOM,
        force_terminal=terminal and not plain,
        no_color=plain,
        markup=False,
        emoji=False,
        highlight=False,
    )
    for number, part in enumerate(parts):
        if number:
            console.print()
        console.print(part)
    click.echo("".join(f"{line.rstrip()}\n" for line in said.getvalue().splitlines()), nl=False)
