"""`mergec lock`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mergec.cli.options import hash_cache, parameters, plugins, reach, threads
from mergec.cli.printing import print_diagnostics
from mergec.cli.progress import progress_bar
from mergec.cli.writing import write_text
from mergec.diagnostics import escape

if TYPE_CHECKING:
    from mergec.api.lock_work import Locked
    from mergec.elaborate import Setting


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@click.option(
    "--check", "only_check", is_flag=True, help="Write nothing; exit 1 if anything differs."
)
@click.option(
    "--upgrade",
    metavar="NAME",
    multiple=True,
    help="Move this source to what its reference leads to now, and leave all others.",
)
@reach
@plugins
@parameters
@threads
@hash_cache
def lock(
    spec: Path,
    settings: "Mapping[str, Setting]",
    only_check: bool,
    upgrade: tuple[str, ...],
    threads: int | None,
    cached: bool,
) -> int:
    """Write SPEC.lock, which says byte for byte what the sources of SPEC are.

    Weights on this disk are hashed, those on a hub are not fetched. What is locked on a hub stays
    at its commit.
    """
    from mergec.api.lock_work import check_lock, lock_spec

    if only_check and upgrade:
        raise click.UsageError("--check changes nothing, and --upgrade is a change")
    if spec.suffix == ".json":
        raise click.UsageError("a plan has no lock of its own; lock the spec that it was made from")
    with progress_bar("hashing", None, quiet=False) as progress:
        try:
            found = (
                check_lock(
                    spec, settings=settings, threads=threads, cached=cached, progress=progress
                )
                if only_check
                else lock_spec(
                    spec,
                    settings=settings,
                    upgrade=upgrade,
                    threads=threads,
                    cached=cached,
                    progress=progress,
                )
            )
        except KeyError as error:
            name = f"{escape(str(error.args[0]))!r} is no source of this spec"
            raise click.BadParameter(name, param_hint="--upgrade") from None
    print_diagnostics(found.warnings)
    for change in found.changes:
        click.echo(f"{change.mark} {change.text}")
    if only_check:
        said = "does not match" if found.changes else "matches"
        click.echo(f"{escape(str(found.path))} {said}: {_summary(found)}")
        return int(bool(found.changes))
    if found.differs:
        write_text(found.path, found.lock.text)
    said = "wrote" if found.differs else "nothing to change in"
    click.echo(f"{said} {escape(str(found.path))}: {_summary(found)}")
    return 0


def _summary(found: "Locked") -> str:
    from mergec.plan.review import amount

    files = [file for source in found.lock.sources.values() for file in source.files.values()]
    sources = len(found.lock.sources)
    return (
        f"{sources} source{'s' * (sources != 1)}, {len(files)} file{'s' * (len(files) != 1)}, "
        f"{amount(sum(file.size for file in files))}"
    )
