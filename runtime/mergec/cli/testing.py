"""`mergec test`."""

import json
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mergec.cli.options import parameters, plugins, reach, trying
from mergec.cli.printing import print_diagnostics
from mergec.cli.progress import counting_bar
from mergec.cli.writing import write_text

if TYPE_CHECKING:
    from mergec.elaborate import Setting
    from mergec.verify.trial import Effort

_INCONCLUSIVE = 14


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@trying
@reach
@plugins
@parameters
def test(
    spec: Path,
    backends: tuple[str, ...],
    effort: "Effort",
    seed: int,
    jobs: int | None,
    output_format: str,
    junit: Path | None,
    settings: "Mapping[str, Setting]",
) -> int:
    """Try SPEC: the laws of its operators, and its plan on small random checkpoints.

    The checkpoints have the names, dtypes and ranks of the spec's sources, whose headers are read
    and no weight. What a run makes of them is compared with the reference backend on whole tensors
    and with exact rationals. Exits with 0 if all agree, 10 if something differs, and 14 if nothing
    could be compared.
    """
    from mergec.api.trials import try_spec
    from mergec.verify.trial import Labour
    from mergec.verify.trial.print_report import as_junit, as_text

    given = click.get_current_context().params
    with counting_bar("trying", None) as progress:
        report = try_spec(
            spec,
            settings=settings,
            backends=backends,
            effort=effort,
            seed=seed,
            arguments=_repeated(given),
            labour=Labour(jobs or os.cpu_count() or 1, _with_plugins(given)),
            progress=progress,
        )
    if junit is not None:
        write_text(junit, as_junit(report))
    if output_format == "json":
        click.echo(json.dumps(report.as_json(), indent=2, ensure_ascii=False))
    else:
        click.echo(as_text(report), nl=False)
    print_diagnostics(report.findings)
    if report.findings:
        return report.findings[0].exit
    return _INCONCLUSIVE if report.state == "inconclusive" else 0


def _repeated(given: Mapping[str, Any]) -> list[str]:
    """The options that say which spec this is, for whoever makes the same comparison again."""
    pairs = [
        *(("--set", each) for each in given["given"]),
        *(("--params", str(each)) for each in (given["file"],) if each is not None),
        *(("--plugin", str(each)) for each in given["plugin"]),
    ]
    said = [word for pair in pairs for word in pair]
    return [*said, "--no-plugins"] if given["no_plugins"] else said


def _with_plugins(given: Mapping[str, Any]) -> "partial[None]":
    """What a process that tries laws runs first, to know the operators that this one knows."""
    from mergec.plugin.registry import load_for_good

    return partial(load_for_good, given["plugin"], installed=not given["no_plugins"])
