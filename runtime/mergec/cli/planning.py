"""`mergec plan`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mergec.cli.options import device, parameters, plugins, reach, resources
from mergec.cli.pass_options import print_after, without_passes
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
@click.option(
    "--passes",
    is_flag=True,
    help="Print what each pass did, and what is fused into which sweep and why, instead.",
)
@click.option(
    "--kernels",
    is_flag=True,
    help="Print the loops that the native backend compiles for this plan, or with `--backend "
    "torch --device cuda` the tensor operations that are fused, instead.",
)
@print_after
@without_passes
@reach
@plugins
@parameters
@resources
@device
def plan(
    spec: Path,
    settings: "Mapping[str, Setting]",
    output: Path | None,
    output_format: str,
    backend: str,
    memory: int,
    threads: int | None,
    device: str,
    passes: bool,
    kernels: bool,
    printed_after: tuple[str, ...],
    without: tuple[str, ...],
) -> None:
    """Show what running SPEC would read, compute and write. Reads headers, never a weight."""
    from mergec.api.locking import compile_beside_lock
    from mergec.api.specs import write_plan
    from mergec.backends.registry import require_device
    from mergec.cli.version import tool_version
    from mergec.ir import print_graph
    from mergec.plan import default_threads, fit_budget, review
    from mergec.plan.calibration import load_rates
    from mergec.plan.review_passes import PassLog, graphs_after, review_passes

    if output is not None and output.suffix != ".json":
        # By that ending `run` tells a plan from a spec.
        raise click.BadParameter(f"name it `{output.stem}.json`", param_hint="-o")
    told = passes or kernels or bool(printed_after)
    if told and output_format != "text":
        raise click.UsageError(
            "--passes, --kernels and --print-after print text, so --output-format is text"
        )
    log = PassLog()
    watch = log.watch if told else None
    compiled = compile_beside_lock(spec, settings=settings, without=without, watch=watch)
    print_diagnostics(compiled.warnings)
    require_device(backend, device)
    budget = fit_budget(compiled.plan, memory, threads or default_threads(), backend, device)
    rates = load_rates(backend, tool_version()) if device == "cpu" else None
    if output is not None:
        write_text(output, write_plan(compiled, budget, rates))
    if output_format == "json":
        click.echo(write_plan(compiled, budget, rates), nl=False)
    elif told:
        for name in printed_after:
            click.echo(graphs_after(log, name), nl=False)
        if passes:
            click.echo(review_passes(compiled.plan, log), nl=False)
        if kernels:
            from mergec.execute.kernels import kernel_listing

            click.echo("\n\n".join(kernel_listing(compiled.plan, backend, device)))
    elif output_format == "graph":
        click.echo(print_graph(compiled.plan.written), nl=False)
    else:
        click.echo(review(compiled.plan, budget, rates), nl=False)
