"""`mergec verify`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mergec.cli.options import plugins, reach
from mergec.cli.printing import counted, print_diagnostics
from mergec.cli.progress import progress_bar
from mergec.diagnostics import escape

if TYPE_CHECKING:
    from mergec.catalog.sample import Sample
    from mergec.verify import State


@click.command()
@click.argument("output", type=click.Path(path_type=Path))
@click.option(
    "--replay",
    metavar="full|sample=n/t",
    help="Recompute the tensors from their sources: all, or the n-th of t parts.",
)
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    help="The folder that the spec's paths start at, if the sources moved.",
)
@click.option(
    "--against",
    metavar="OTHER",
    type=click.Path(path_type=Path),
    help="Compare with this checkpoint too, tensor by tensor and byte by byte.",
)
@reach
@plugins
def verify(output: Path, replay: str | None, root: Path | None, against: Path | None) -> int:
    """Check that OUTPUT is what its lineage says; with --replay, what its sources merge to.

    Prints verified, failed or inconclusive, and exits with 0, 10 or 14. Where OUTPUT holds several
    exports, each is checked, and the worst of them decides.
    """
    from mergec.api import verify_results
    from mergec.verify import parse_sample, worst

    sample = parse_sample(replay) if replay is not None else None
    if replay is not None and sample is None:
        raise click.BadParameter(
            "write `full`, or `sample=1/10` for a tenth", param_hint="--replay"
        )
    with progress_bar("verifying", None, quiet=sample is None) as progress:
        verdicts = verify_results(
            output, replay=sample, root=root, progress=progress, against=against
        )
    print_diagnostics([found for verdict in verdicts.values() for found in verdict.findings])
    for folder, verdict in verdicts.items():
        name = f"{escape(folder)}: " if folder else ""
        replayed = f", {verdict.replayed} recomputed" if sample is not None else ""
        share = _share(verdict.state, sample)
        click.echo(f"{name}{verdict.state}{share}: {counted(verdict.checked)} checked{replayed}")
    return worst(verdict.state for verdict in verdicts.values()).exit


def _share(state: "State", sample: "Sample | None") -> str:
    """What was not recomputed is not said to be verified."""
    if sample is None or sample.parts == 1 or state != "verified":
        return ""
    return f" {sample.part}/{sample.parts}"
