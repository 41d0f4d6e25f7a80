"""`mergec calibrate`."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from mergec.cli.options import computing
from mergec.cli.progress import counting_bar
from mergec.diagnostics import escape


@click.command()
@computing
@click.option(
    "--folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=".",
    show_default=True,
    help="Where results will be written: 64 MiB are, for a moment.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def calibrate(backend: str, folder: Path, quiet: bool) -> None:
    """Measure this machine for some seconds, so that plans can say how long a run takes.

    The figures are kept in the user's cache folder, for one backend each, and are used by `plan`
    and `run`. Nothing but these estimates depends on them.
    """
    from mergec.backends import get_backend
    from mergec.cli.version import tool_version
    from mergec.plan.calibration import calibration_file, keep_rates
    from mergec.plan.review import amount
    from mergec.shards.system_errors import output_failed
    from mergec.verify.calibrate import MEASUREMENTS
    from mergec.verify.calibrate import calibrate as measure

    library = get_backend(backend)
    try:
        with counting_bar("calibrating", MEASUREMENTS) as progress:
            rates = measure(library, folder, progress)
    except OSError as error:
        raise output_failed(error, folder) from None
    try:
        keep_rates(backend, tool_version(), rates, _versions(backend))
    except OSError as error:
        raise output_failed(error, calibration_file()) from None
    if quiet:
        return
    click.echo(f"one thread of `{backend}`: bytes, and time for an operand's element in a stage")
    moved = ("read", rates.read), ("write", rates.write), ("SHA-256", rates.digest)
    for what, rate in (*moved, ("to the disk", rates.sync)):
        click.echo(f"  {what:<16} {amount(int(rate))}/s")
    for stage, seconds in sorted(rates.stages.items()):
        click.echo(f"  {stage:<16} {seconds * 1e9:.2f} ns")
    click.echo(f"wrote {escape(str(calibration_file()))}")


def _versions(backend: str) -> dict[str, str]:
    """Those of what computes, as far as they are known."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(("numpy", "llvmlite" if backend == "native" else backend)):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
