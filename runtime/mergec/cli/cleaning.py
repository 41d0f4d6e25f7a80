"""`mergec clean`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mergec.diagnostics import escape

if TYPE_CHECKING:
    from mergec.shards import Partial


@click.command()
@click.argument("place", metavar="[OUTPUT]", required=False, type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Remove them; otherwise they are only listed.")
@click.option(
    "--cache",
    is_flag=True,
    help="Remove small files from object stores that nobody used within a day.",
)
def clean(place: Path | None, yes: bool, cache: bool) -> None:
    """List or remove what interrupted runs to OUTPUT left beside it.

    OUTPUT may be the name that such a run was to give its result, a folder in which such folders
    stand, or one of them. What a run that still lives works in is never touched.
    """
    if place is None and not cache:
        raise click.UsageError("name an output, or give `--cache`")
    if place is not None:
        _clean_partials(place, yes=yes)
    if cache:
        _clean_cache()


def _clean_partials(place: Path, *, yes: bool) -> None:
    from mergec.shards.clean import find_partials, remove_partial

    found = find_partials(place)
    for partial in found:
        if partial.holder is None and yes:
            remove_partial(partial)
            click.echo(f"removed {escape(str(partial.path))}")
        else:
            click.echo(f"{escape(str(partial.path))}: {_state(partial)}")
    if not found:
        click.echo("nothing is left of interrupted runs")
    elif not yes and any(partial.holder is None for partial in found):
        click.echo("`--yes` removes what no run works in")


def _clean_cache() -> None:
    from mergec.catalog.store_cache_size import clean_cache
    from mergec.plan.review import amount

    cleaned = clean_cache()
    states = "1 state" if cleaned.folders == 1 else f"{cleaned.folders:,} states"
    click.echo(f"removed small files of {states} of stores, {amount(cleaned.nbytes)}")


def _state(partial: "Partial") -> str:
    from mergec.shards.recovery import claimed_tensors

    if partial.holder is not None:
        return f"{escape(partial.holder)} works in it"
    claimed = len(claimed_tensors(partial.read().lines))
    if not claimed:
        return "nothing in it to go on with"
    return f"{claimed:,} tensors are finished" if claimed > 1 else "1 tensor is finished"
