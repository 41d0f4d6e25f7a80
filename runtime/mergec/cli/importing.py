"""`mergec import`."""

from dataclasses import replace
from pathlib import Path

import click

from mergec.cli.denied import denied_codes
from mergec.cli.printing import FORMATS, print_findings
from mergec.cli.writing import require_folder, write_text
from mergec.diagnostics import Diagnostic, MergecError


@click.group(name="import")
def import_() -> None:
    """Write a recipe of another tool as a spec."""


@import_.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="SPEC", type=click.Path(path_type=Path))
@click.option("--paper", is_flag=True, help="Use mergec's own operators, and say what changes.")
@click.option("--lenient", is_flag=True, help="Ignore unknown keys, as mergekit does.")
@click.option(
    "--report",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write what is found to this file too, as JSON.",
)
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
    help="How findings are printed; other than text needs -o.",
)
def mergekit(
    recipe: Path,
    output: Path | None,
    paper: bool,
    lenient: bool,
    report: Path | None,
    denied: frozenset[str],
    output_format: str,
) -> int:
    """Write RECIPE, YAML for mergekit 0.1.5, as a spec that gives the same numbers.

    Without -o the spec is printed. What mergekit ignores, and where the spec differs from it, is
    told on standard error.
    """
    from mergec.api.importing import import_recipe

    if output is None and output_format != "text":
        raise click.UsageError("--output-format is printed where the spec would be; add -o SPEC")
    for path in (output, report):
        if path is not None:
            require_folder(path)
    text = None
    try:
        imported = import_recipe(recipe, output, paper=paper, lenient=lenient)
        findings, text = imported.findings, imported.text
    except MergecError as error:
        findings = error.diagnostics
    told = [replace(each, denied=each.code in denied) for each in findings]
    wrong = next((each for each in told if each.severity == "error"), None)
    if report is not None:
        _report(report, told)
    if wrong is None and text is not None:
        _write(text, output)
    print_findings([(str(recipe), each) for each in told], output_format)
    return 0 if wrong is None else wrong.exit


def _write(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=False)
    else:
        write_text(output, text)


def _report(path: Path, found: list[Diagnostic]) -> None:
    from mergec.diagnostics import render_json

    write_text(path, render_json(found))
