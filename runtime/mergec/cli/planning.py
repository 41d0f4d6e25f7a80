"""`mergec plan`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mergec.cli.options import parameters, plugins, resources
from mergec.cli.printing import print_diagnostics
from mergec.cli.writing import write_text

if TYPE_CHECKING:
    from mergec.elaborate import Setting


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write the plan to this file, NAME.json, beside the spec for `mergec run NAME.json`.",
)
@click.option(
    "--output-format",
    type=click.Choice(["text", "json", "graph"]),
    default="text",
    help="text for review, json for programs, graph for the operators.",
)
@plugins
@parameters
@resources
def plan(
    spec: Path,
    settings: "Mapping[str, Setting]",
    output: Path | None,
    output_format: str,
    backend: str,
    memory: int,
    threads: int | None,
) -> None:
    """Show what running SPEC would read, compute and write. Reads headers, never a weight."""
    from mergec.api.specs import compile_spec, write_plan
    from mergec.ir import print_graph
    from mergec.plan import default_threads, fit_budget, review

    if output is not None and output.suffix != ".json":
        # By that ending `run` tells a plan from a spec.
        raise click.BadParameter(f"name it `{output.stem}.json`", param_hint="-o")
    compiled = compile_spec(spec, settings=settings)
    print_diagnostics(compiled.warnings)
    budget = fit_budget(compiled.plan, memory, threads or default_threads(), backend)
    if output is not None:
        write_text(output, write_plan(compiled, budget))
    if output_format == "json":
        click.echo(write_plan(compiled, budget), nl=False)
    elif output_format == "graph":
        click.echo(print_graph(compiled.plan.written), nl=False)
    else:
        click.echo(review(compiled.plan, budget), nl=False)
