"""`mergec export`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mergec.cli.options import parameters
from mergec.cli.printing import print_diagnostics
from mergec.cli.writing import require_folder, write_text

if TYPE_CHECKING:
    from mergec.elaborate import Setting


@click.group()
def export() -> None:
    """Write a spec as a recipe of another tool."""


@export.command()
@click.argument("spec", type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="RECIPE", type=click.Path(path_type=Path))
@parameters
def mergekit(spec: Path, settings: "Mapping[str, Setting]", output: Path | None) -> None:
    """Write SPEC as YAML for mergekit 0.1.5, if a recipe can say what it does.

    Without -o the recipe is printed. Where mergekit's numbers will differ is told on standard
    error.
    """
    from mergec.api.exporting import export_recipe

    if output is not None:
        require_folder(output)
    recipe = export_recipe(spec, settings=settings)
    print_diagnostics(recipe.findings)
    if output is None:
        click.echo(recipe.text, nl=False)
    else:
        write_text(output, recipe.text)
