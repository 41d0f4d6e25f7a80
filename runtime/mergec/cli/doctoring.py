"""`mergec doctor`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mergec.diagnostics import escape

if TYPE_CHECKING:
    from mergec.api.doctor import Facts


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=".",
    show_default=True,
    help="Where results will be written: a few files are tried there.",
)
@click.option(
    "--output-format", type=click.Choice(["text", "json"]), default="text", help="For whom."
)
def doctor(folder: Path, output_format: str) -> None:
    """Look at this machine: what is installed and works, and what to do about the rest.

    Ends with 1 where something would make a run fail. Says of logins only whether there are any.
    """
    from mergec.api.doctor import advice, as_document, examine

    facts = examine(folder)
    found = advice(facts)
    if output_format == "json":
        click.echo(json.dumps(as_document(facts, found), indent=2))
    else:
        from mergec.cli.tables import facts as table
        from mergec.cli.tables import show

        show(table(_rows(facts)))
        for each in found:
            word = "problem" if each.problem else "note"
            click.echo(f"{word}: {escape(each.what)}; {escape(each.do)}")
        if not found:
            click.echo("nothing to mend")
    if any(each.problem for each in found):
        click.get_current_context().exit(1)


def _rows(facts: "Facts") -> list[tuple[str, str]]:
    from mergec.plan.review import amount

    missing = [name for name, found in facts.extras.items() if found is None]
    there = [f"{name} ({found})" for name, found in facts.extras.items() if found is not None]
    rows = [
        ("mergec", f"{facts.mergec}, Python {facts.python}, {facts.system}"),
        ("libraries", ", ".join(f"{name} {found}" for name, found in facts.libraries.items())),
        ("extras", ", ".join(there) or "none"),
    ]
    if missing:
        rows.append(("missing", f'{", ".join(missing)}: pip install "mergec[{",".join(missing)}]"'))
    rows += [
        (
            "backends",
            ", ".join(f"{name} {fault or 'works'}" for name, fault in facts.backends.items()),
        ),
        ("CUDA", facts.cuda or "none"),
    ]
    for limit in facts.memory:
        free = "" if limit.free is None else f", {amount(limit.free, binary=True)} left"
        whole = "" if limit.limit is None else amount(limit.limit, binary=True)
        rows.append(("memory", f"{limit.who}: {whole}{free}"))
    cache = facts.cache
    rows.append(("kernels", f"{cache.files} in {cache.folder}, {amount(cache.nbytes)}"))
    rows.append((facts.folder, _able(facts)))
    rows.append(("open files", f"{facts.open_files:,}"))
    logins = [name for name, there in facts.logins.items() if there]
    rows.append(("logins", ", ".join(logins) or "none"))
    rows.append(("calibrated", ", ".join(facts.calibrated) or "no"))
    return rows


def _able(facts: "Facts") -> str:
    found = facts.abilities
    if found is None:
        return facts.folder_fault
    able = {
        "renames without replacing": found.rename_without_replacing,
        "exchanges names": found.exchange,
        "reserves space": found.reserve,
        "syncs": found.sync,
        "locks": found.lock,
        "reads without waiting": found.read_what_is_cached,
    }
    has = [what for what, there in able.items() if there]
    lacks = [what for what, there in able.items() if not there]
    return ", ".join(has) + (f"; not: {', '.join(lacks)}" if lacks else "")
