"""`mergec check` and `mergec fmt`."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mergec.cli.denied import denied_codes
from mergec.cli.options import parameters, plugins, reach
from mergec.cli.printing import FORMATS, print_diagnostics, print_findings
from mergec.cli.writing import write_text
from mergec.diagnostics import Diagnostic, MergecError, apply_fixes, escape

if TYPE_CHECKING:
    from mergec.elaborate import Setting
    from mergec.plan.findings import Finding

# A fix may lay open the next; one that never ends is a mistake of ours.
_ROUNDS = 10

_Paths = tuple[Path, ...]


@click.command()
@click.argument("specs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--spec-only", is_flag=True, help="Do not look at the sources.")
@click.option(
    "--findings",
    "table",
    is_flag=True,
    help="Print all that is found about models that are merged together, notes among it.",
)
@click.option("--fix", is_flag=True, help="First make the changes that keep a spec's meaning.")
@click.option(
    "--deny",
    "denied",
    multiple=True,
    metavar="CODE",
    callback=denied_codes,
    help="Let this warning count as an error; `warnings` for all.",
)
@click.option(
    "--output-format",
    type=click.Choice(FORMATS),
    default="text",
    help="How findings are printed.",
)
@reach
@plugins
@parameters
def check(
    specs: _Paths,
    spec_only: bool,
    table: bool,
    fix: bool,
    denied: frozenset[str],
    output_format: str,
    settings: "Mapping[str, Setting]",
) -> int:
    """Report every mistake in SPECS, from their text and the headers of their sources."""
    specs = tuple(dict.fromkeys(specs))
    _require_sense(table=table, spec_only=spec_only, output_format=output_format)
    rows: dict[str, Sequence[Finding]] = {}
    findings: dict[Diagnostic, str] = {}
    for path in specs:
        keep = partial(rows.__setitem__, str(path))
        look = partial(_check, path, spec_only=spec_only, settings=settings, tell=keep)
        # What programs read stands alone on standard output.
        found = _fix(path, look, err=output_format != "text") if fix else look()
        for each in found:
            # A finding in a library that several specs use is one finding.
            findings.setdefault(replace(each, denied=each.code in denied), str(path))
    if table:
        from mergec.cli.findings_table import print_table

        print_table(rows, [*findings], output_format)
    if not table or output_format == "text":
        print_findings([(spec, each) for each, spec in findings.items()], output_format)
    if not findings and output_format == "text":
        click.echo(f"{len(specs)} spec{'s' * (len(specs) != 1)} checked, nothing found")
    return next((each.exit for each in findings if each.severity == "error"), 0)


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


def _require_sense(*, table: bool, spec_only: bool, output_format: str) -> None:
    if table and spec_only:
        raise click.UsageError("--findings is about the sources, which --spec-only leaves aside")
    if table and output_format not in ("text", "json"):
        raise click.UsageError("--findings is printed as text or json")


def _check(
    path: Path,
    *,
    spec_only: bool,
    settings: "Mapping[str, Setting]",
    tell: "Callable[[Sequence[Finding]], object]",
) -> tuple[Diagnostic, ...]:
    """Errors and warnings alike."""
    from mergec.api.specs import check_spec

    try:
        if spec_only:
            return check_spec(path, spec_only=True, settings=settings, tell=tell)
        from mergec.api.locking import check_beside_lock

        return check_beside_lock(path, settings=settings, tell=tell)
    except MergecError as error:
        return error.diagnostics


def _fix(
    path: Path, look: Callable[[], tuple[Diagnostic, ...]], *, err: bool
) -> tuple[Diagnostic, ...]:
    """Make the safe fixes of what `look` finds, say how many, and return what is left."""
    from mergec.syntax import read_spec

    found = look()
    made = 0
    try:
        for _ in range(_ROUNDS):
            text, count = apply_fixes(read_spec(path, str(path)).text, found)
            if count == 0:
                break
            write_text(path, text)
            made += count
            found = look()
    except MergecError as error:
        # Not written, or not to be read: that is what is left to say, beside what was found.
        found = tuple(dict.fromkeys((*found, *error.diagnostics)))
    if made:
        findings = f"{made} finding{'s' * (made != 1)}"
        click.echo(f"fixed {findings} in {escape(str(path))}", err=err)
    return found


def _difference(before: str, after: str, path: Path) -> str:
    import difflib

    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        str(path),
        f"{path} (formatted)",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
