"""`mergec check` and `mergec fmt`."""

import difflib
import sys
from pathlib import Path

import click

from mergec.cli.printing import print_diagnostics
from mergec.cli.writing import write_text
from mergec.diagnostics import Diagnostic, MergecError, escape

_Paths = tuple[Path, ...]


@click.command()
@click.argument("specs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--spec-only", is_flag=True, help="Do not look at the sources.")
@click.option(
    "--output-format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How findings are printed.",
)
def check(specs: _Paths, spec_only: bool, output_format: str) -> int:
    """Report every mistake in SPECS, from their text and the headers of their sources."""
    from mergec.api.specs import check_spec

    found: list[Diagnostic] = []
    status = 0
    for path in specs:
        try:
            found.extend(check_spec(path, spec_only=spec_only))
        except MergecError as error:
            found.extend(error.diagnostics)
            status = status or error.exit
    print_diagnostics(found, output_format)
    if not found and output_format == "text":
        click.echo(f"{len(specs)} spec{'s' * (len(specs) != 1)} checked, nothing found")
    return status


@click.command()
@click.argument("specs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--check", "only_check", is_flag=True, help="Change nothing; exit 1 if any differs.")
@click.option("--diff", is_flag=True, help="Change nothing; print what would change.")
def fmt(specs: _Paths, only_check: bool, diff: bool) -> int:
    """Put SPECS into the one canonical form; comments stay."""
    from mergec.api.specs import format_text
    from mergec.syntax import read_spec

    differing = status = 0
    found: list[Diagnostic] = []
    for path in specs:
        try:
            source = read_spec(path, str(path))
            formatted = format_text(source)
            if formatted == source.text:
                continue
            differing += 1
            if diff:
                sys.stdout.write(_difference(source.text, formatted, path))
            elif only_check:
                click.echo(f"would reformat {escape(str(path))}")
            else:
                write_text(path, formatted)
                click.echo(f"reformatted {escape(str(path))}")
        except MergecError as error:
            found.extend(error.diagnostics)
            status = status or error.exit
    print_diagnostics(found)
    return status or int(bool(differing) and (only_check or diff))


def _difference(before: str, after: str, path: Path) -> str:
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        str(path),
        f"{path} (formatted)",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
