"""`mergec advise`."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mergec.cli import options
from mergec.cli.options import computing, reach
from mergec.cli.printing import print_diagnostics
from mergec.cli.progress import progress_bar
from mergec.cli.writing import require_folder, write_text
from mergec.diagnostics import escape

if TYPE_CHECKING:
    from mergec.api.advice import Advised

SCHEMA = "mergec.advise/1"


@click.command()
@click.argument("references", metavar="BASE A [B]...", nargs=-1, required=True)
@click.option("--no-base", is_flag=True, help="The first is a parent like the others.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write the starter spec to this file, instead of showing it.",
)
@click.option("--json", "as_json", is_flag=True, help="Advice and figures, for programs.")
@computing
@options.threads
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@reach
def advise(
    references: tuple[str, ...],
    no_base: bool,
    output: Path | None,
    as_json: bool,
    backend: str,
    threads: int | None,
    quiet: bool,
) -> None:
    """Say which merge of A, B ... to try first, with reasons, and write a spec to start from.

    The models are compared as by `mergec compare`. References are written as in a spec: `./code`.
    """
    from mergec.api.advice import advise_merge

    if len(references) < 2:
        raise click.UsageError("name two models or more: there is nothing to merge with one")
    if output is not None:
        require_folder(output)
    base, parents = (None, references) if no_base else (references[0], references[1:])
    with ExitStack() as stack:

        def begin(total: int) -> Callable[[int], None]:
            return stack.enter_context(progress_bar("comparing", total, quiet=quiet))

        advised = advise_merge(
            parents,
            base,
            folder=str(output.parent) if output is not None else ".",
            backend=backend,
            threads=threads,
            begin=begin,
        )
    print_diagnostics(advised.warnings)
    if output is not None and advised.spec is not None:
        write_text(output, advised.spec)
    if as_json:
        click.echo(json.dumps(document(advised), indent=1))
        return
    _print(advised, output)


def document(advised: "Advised") -> dict[str, Any]:
    """The JSON of an advice; docs/looking.md says what its members mean."""
    advice = advised.advice
    return {
        "schema": SCHEMA,
        "sources": dict(advised.references),
        "choice": advice.choice,
        "reasons": [*advice.reasons],
        "then": [*advice.then],
        "avoid": [*advice.avoid],
        "spec": advised.spec,
        "situation": asdict(advised.situation),
        "warnings": [{"code": each.code, "message": each.message} for each in advised.warnings],
    }


def _print(advised: "Advised", output: Path | None) -> None:
    from mergec.cli.tables import facts, show

    show(facts(_rows(advised)))
    if advised.spec is None:
        if output is not None:
            click.echo(f"wrote nothing to {escape(str(output))}: there is no merge to begin with")
        return
    if output is None:
        click.echo(f"\n{advised.spec}", nl=False)
    else:
        click.echo(f"wrote {escape(str(output))}")


def _rows(advised: "Advised") -> Iterator[tuple[str, str]]:
    advice = advised.advice
    yield "try first", advice.choice
    yield "because", "\n".join(advice.reasons)
    if advice.then:
        yield "then", "\n".join(advice.then)
    if advice.avoid:
        yield "avoid", "\n".join(advice.avoid)
