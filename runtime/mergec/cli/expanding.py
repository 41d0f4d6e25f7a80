"""`mergec expand`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mergec.cli.options import parameters, plugins, reach
from mergec.cli.printing import print_diagnostics

if TYPE_CHECKING:
    from mergec.elaborate import Setting


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@click.option(
    "--normal",
    is_flag=True,
    help="Print what is computed for each tensor instead; looks at the sources.",
)
@reach
@plugins
@parameters
def expand(spec: Path, settings: "Mapping[str, Setting]", normal: bool) -> None:
    """Print SPEC without macros, used specs, parameters and defaults.

    The text is a spec of the same meaning; relative paths in it start at the folder of SPEC.
    """
    from mergec.api.expansion import expand_spec, expand_to_normal_form

    expansion = (expand_to_normal_form if normal else expand_spec)(spec, settings=settings)
    print_diagnostics(expansion.warnings)
    click.echo(expansion.text, nl=False)
