"""`mergec laws`."""

import os
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import click

from mergec.cli.options import plugins, trying
from mergec.cli.printing import print_diagnostics
from mergec.cli.progress import counting_bar
from mergec.cli.writing import write_text
from mergec.diagnostics import fail


@click.command()
@click.argument("operators", nargs=-1, metavar="[OPERATOR]...")
@click.option(
    "--law", "laws", metavar="NAME", multiple=True, help="Only laws of this name or label."
)
@trying
@click.option("--list", "as_list", is_flag=True, help="Print the laws, and try none.")
@plugins
def laws(
    operators: tuple[str, ...],
    laws: tuple[str, ...],
    backends: tuple[str, ...],
    effort: str,
    seed: int,
    jobs: int | None,
    as_list: bool,
    output_format: str,
    junit: Path | None,
) -> int:
    """Search for counterexamples to the laws that OPERATORs claim, by default all operators.

    Prints each counterexample with the command that comes to it again. Exits with 0 if all laws
    hold and 10 if one is broken. The same seed tries the same examples everywhere.
    """
    if find_spec("hypothesis") is None:
        raise fail(
            "E603",
            "`mergec laws` needs Hypothesis, which is not installed",
            help='run `pip install "mergec[verify]"`',
        )
    from mergec.backends import installed_backends
    from mergec.plugin.registry import load_installed
    from mergec.verify import law_report
    from mergec.verify.law_runs import run_laws, select_laws

    load_installed()
    selected = select_laws(operators, laws)
    if as_list:
        as_json = output_format == "json"
        click.echo(law_report.laws_as_json(selected) if as_json else law_report.listed(selected))
        return 0
    used = backends or installed_backends()
    with counting_bar("trying laws", len(selected) * len(used)) as progress:
        results = run_laws(
            selected,
            used,
            effort=effort,
            seed=seed,
            jobs=jobs or os.cpu_count() or 1,
            start=_with_plugins(),
            progress=progress,
        )
    if junit is not None:
        write_text(junit, law_report.as_junit(results, effort, seed))
    if output_format == "json":
        click.echo(law_report.as_json(results, effort, seed), nl=False)
    else:
        for result in results:
            if result.broken is not None:
                click.echo(law_report.counterexample(result, effort, seed))
        click.echo(law_report.summary(results))
    broken = law_report.diagnostics(results, effort, seed)
    print_diagnostics(broken)
    return broken[0].exit if broken else 0


def _with_plugins() -> "partial[None]":
    """What a process of its own runs first, to know the operators that this one knows."""
    from mergec.plugin.registry import load_for_good

    given = click.get_current_context().params
    return partial(load_for_good, given["plugin"], installed=not given["no_plugins"])
