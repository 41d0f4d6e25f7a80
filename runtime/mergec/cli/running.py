"""`mergec run`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mergec.cli.numbers_table import print_numbers
from mergec.cli.options import device, hash_cache, parameters, plugins, reach, resources
from mergec.cli.pass_options import without_passes
from mergec.cli.printing import counted, print_diagnostics
from mergec.cli.progress import progress_bar
from mergec.diagnostics import escape

if TYPE_CHECKING:
    from mergec.api.locking import LockFile
    from mergec.api.specs import CompiledSpec
    from mergec.catalog.sample import Sample
    from mergec.elaborate import Setting
    from mergec.execute import LeftOut, RunReport
    from mergec.execute.cuts import ExportCuts


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="The folder to make; with several exports, each gets a folder of its name in it.",
)
@without_passes
@reach
@plugins
@parameters
@resources
@device
@click.option(
    "--verify",
    metavar="full|sample=n/t|none",
    default="full",
    show_default=True,
    help="Read the weights back before they are published, or the n-th of t parts, or none.",
)
@click.option(
    "--no-sync",
    is_flag=True,
    help="Do not wait for the disk: a power failure may then take the result away.",
)
@click.option(
    "--no-digests",
    is_flag=True,
    help="Do not hash the weights either; goes with --verify none.",
)
@click.option(
    "--report",
    "listed",
    is_flag=True,
    help="List tensors with numbers not finite or too small.",
)
@click.option(
    "--preflight-only",
    is_flag=True,
    help="Print what can be known before the first byte, and stop there.",
)
@click.option(
    "--output-format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How the outcome is printed.",
)
@click.option(
    "--locked/--unlocked",
    default=None,
    help="Use what is locked alone, which is the default where SPEC has a lock; or leave the lock.",
)
@hash_cache
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with what a run of the same plan left when it was interrupted.",
)
@click.option(
    "--replace",
    is_flag=True,
    help="Take the place of an older result of mergec's, which stays until this one is on disk.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def run(
    spec: Path,
    output: Path,
    settings: "Mapping[str, Setting]",
    without: tuple[str, ...],
    backend: str,
    memory: int,
    threads: int | None,
    device: str,
    verify: str,
    no_sync: bool,
    no_digests: bool,
    listed: bool,
    preflight_only: bool,
    output_format: str,
    locked: bool | None,
    cached: bool,
    resume: bool,
    replace: bool,
    quiet: bool,
) -> None:
    """Run SPEC, a `.merge` file or a plan made from one, and write the checkpoint.

    All or nothing: the output folder, which must not exist unless `--replace` is given, appears
    complete, or not at all.
    """
    from mergec.api import execute
    from mergec.cli.interrupted import telling_what_stays
    from mergec.cli.run_state import begin
    from mergec.shards import stale_partials
    from mergec.shards.fetch import absent_files

    if resume and no_digests:
        raise click.UsageError("what is resumed is compared with digests; omit `--no-digests`")

    read_back = _read_back(verify)
    left_out = _left_out(verify, no_sync=no_sync, no_digests=no_digests)
    as_json = output_format == "json"
    state = begin(output, as_json=as_json)
    compiled, lock = _compile(spec, settings, without, locked, cached=cached)
    if preflight_only:
        from mergec.cli.preflight_table import print_preflight

        print_preflight(
            compiled, output, backend, device, memory, threads, as_json=as_json, replace=replace
        )
        return
    if not quiet:
        print_diagnostics(compiled.warnings)
    absent = absent_files(compiled.plan)
    total = sum(row.nbytes for row in compiled.plan.rows) + sum(file.size for file in absent)
    names = " and ".join(export.decl.name for export in compiled.plan.exports)
    doing = "fetching and merging" if absent else "merging"
    with (
        telling_what_stays(output),
        progress_bar(f"{doing} {names}", total, quiet=quiet) as progress,
    ):
        report = execute(
            compiled,
            output,
            backend=backend,
            device=device,
            memory=memory,
            threads=threads,
            left_out=left_out,
            progress=progress,
            lock=lock,
            resume=resume,
            replace=replace,
            read_back=read_back,
        )
    state.published = True
    if as_json:
        from mergec.cli.run_document import print_run

        print_run(report)
    if not quiet:
        print_diagnostics(report.warnings)
    if quiet or as_json:
        return
    _print_report(compiled, report)
    if listed:
        print_numbers(report.numbers)
    for partial in stale_partials(output):
        click.echo(f"note: another run left {escape(str(partial))}; `mergec clean` removes it")


def _read_back(verify: str) -> "Sample":
    from mergec.catalog.sample import ALL, parse_sample

    sample = ALL if verify == "none" else parse_sample(verify)
    if sample is None:
        raise click.BadParameter(
            "write `full`, `none`, or `sample=1/10` for a tenth", param_hint="--verify"
        )
    return sample


def _left_out(verify: str, *, no_sync: bool, no_digests: bool) -> "tuple[LeftOut, ...]":
    if no_digests and verify != "none":
        raise click.UsageError(
            "what is read back is compared with digests; `--no-digests` needs `--verify none`"
        )
    switched: Mapping[LeftOut, bool] = {
        "digests": no_digests,
        "read_back": verify == "none",
        "sync": no_sync,
    }
    return tuple(step for step, off in switched.items() if off)


def _compile(
    spec: Path,
    settings: "Mapping[str, Setting]",
    without: tuple[str, ...],
    locked: bool | None,
    *,
    cached: bool,
) -> "tuple[CompiledSpec, LockFile | None]":
    from mergec.api import compile_spec, load_plan
    from mergec.api.locking import compile_locked

    if spec.suffix == ".json":
        _require_fixed(settings, without)
    if locked is not False:
        return compile_locked(
            spec, settings=settings, without=without, must=locked is True, cached=cached
        )
    if spec.suffix == ".json":
        return load_plan(spec), None
    return compile_spec(spec, settings=settings, without=without), None


def _require_fixed(settings: "Mapping[str, Setting]", without: tuple[str, ...]) -> None:
    if settings:
        raise click.UsageError(
            "a plan is fixed; set parameters where it is made, with `mergec plan`"
        )
    if without:
        raise click.UsageError(
            "a plan is fixed; switch passes off where it is made, with `mergec plan`"
        )


def _print_report(compiled: "CompiledSpec", report: "RunReport") -> None:
    """One line for one export; for several one each, and one for them all."""
    from mergec.execute import LEFT_OUT
    from mergec.plan.review import amount
    from mergec.plan.review_adapters import dropped_note

    exports = compiled.plan.exports
    for export in exports if len(exports) > 1 else ():
        place = escape(str(report.target / export.folder))
        size = amount(export.bytes_written)
        click.echo(f"wrote {place}: {counted(len(export.rows))}, {size}")
    click.echo(
        f"wrote {escape(str(report.target))}: {counted(report.tensors)}, "
        f"{amount(report.bytes_written)} in {_time(report)}, "
        f"peak memory {amount(report.peak_memory, binary=True)} of "
        f"{amount(report.projected_memory, binary=True)} projected"
    )
    for cut in report.cuts:
        click.echo(_cut(cut))
    for export in exports:
        if export.dropped:
            click.echo(f"{escape(export.decl.name)} {dropped_note(export)}")
    if report.resumed:
        click.echo(f"note: {counted(report.resumed)} had been made by the run before")
    if report.read_back.parts > 1:
        click.echo(f"note: {_partly(compiled, report)}")
    for left_out in report.left_out:
        click.echo(f"note: {LEFT_OUT[left_out]}")


def _partly(compiled: "CompiledSpec", report: "RunReport") -> str:
    named = [[row.tensor for row in export.rows] for export in compiled.plan.exports]
    looked_at = sum(len(report.read_back.of(names)) for names in named)
    return (
        f"{looked_at} of {counted(report.tensors)} read back ({report.read_back}): "
        "a fault of the disk in the others would go unnoticed"
    )


def _cut(cut: "ExportCuts") -> str:
    """How near a result of low rank is, relative to the change that it stands for."""
    worst = escape(cut.worst.tensor)
    return (
        f"{escape(cut.export)} leaves out {cut.share:.3g} of the norm of the change in "
        f"{counted(len(cut.tensors))}, at most {cut.worst.share:.3g} ({worst})"
    )


def _time(report: "RunReport") -> str:
    if report.projected_seconds is None:
        return f"{report.seconds:.1f} s"
    return f"{report.seconds:.1f} s of {report.projected_seconds:.1f} s projected"
