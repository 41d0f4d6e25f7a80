"""`mergec run`."""

from pathlib import Path

import click

from mergec.cli.options import resources
from mergec.cli.printing import counted, print_diagnostics
from mergec.cli.progress import progress_bar
from mergec.diagnostics import escape


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="The folder to make; it must not exist.",
)
@resources
@click.option(
    "--device",
    type=click.Choice(["cpu", "cuda"]),
    default="cpu",
    show_default=True,
    help="Where torch computes.",
)
@click.option(
    "--verify",
    type=click.Choice(["full", "none"]),
    default="full",
    show_default=True,
    help="Read the weights back before they are published, or trust the disk.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def run(
    spec: Path,
    output: Path,
    backend: str,
    memory: int,
    threads: int | None,
    device: str,
    verify: str,
    quiet: bool,
) -> None:
    """Run SPEC, a `.merge` file or a plan made from one, and write the checkpoint.

    All or nothing: the output folder appears complete, or not at all.
    """
    from mergec.api import compile_spec, execute, load_plan
    from mergec.plan.review import amount
    from mergec.shards import stale_partials

    compiled = load_plan(spec) if spec.suffix == ".json" else compile_spec(spec)
    if not quiet:
        print_diagnostics(compiled.warnings)
    total = sum(row.nbytes for row in compiled.plan.rows)
    with progress_bar(f"merging {compiled.plan.export.name}", total, quiet=quiet) as progress:
        report = execute(
            compiled,
            output,
            backend=backend,
            device=device,
            memory=memory,
            threads=threads,
            read_back=verify == "full",
            progress=progress,
        )
    if quiet:
        return
    click.echo(
        f"wrote {escape(str(output))}: {counted(report.tensors)}, {amount(report.bytes_written)} "
        f"in {report.seconds:.1f} s, peak memory {amount(report.peak_memory, binary=True)}"
    )
    for partial in stale_partials(output):
        click.echo(f"note: a run that was killed left {escape(str(partial))}; it can be removed")
