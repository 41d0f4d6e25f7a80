"""`mergec inspect`."""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from mergec.cli import inspection_words as words
from mergec.cli.options import reach
from mergec.cli.printing import counted, print_diagnostics

if TYPE_CHECKING:
    from mergec.api.inspection import Inspected
    from mergec.catalog.inspection import Amount
    from mergec.execute.likeness import Kinship

_SHOWN = 8


@click.command()
@click.argument("references", metavar="REF...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="All that is known, for programs.")
@click.option(
    "--kin/--no-kin",
    default=None,
    help="Sample weights: have several a common ancestor? By default those on this machine.",
)
@reach
def inspect(references: tuple[str, ...], as_json: bool, kin: bool | None) -> None:
    """Show what the checkpoint REF says of itself, in headers and small files.

    Of several, show in what they differ, and whether they have an ancestor in common. REF is
    written as in a spec: `./base`.
    """
    from mergec.api.inspection import inspect_checkpoints

    if kin and len(references) < 2:
        raise click.UsageError("--kin compares: name two models or more")
    inspected = inspect_checkpoints(references)
    print_diagnostics(dict.fromkeys(it for each in inspected for it in each.warnings))
    if len(inspected) > 1:
        from mergec.cli import side_by_side

        show_all = side_by_side.print_json if as_json else side_by_side.print_table
        show_all(inspected, _ancestry(inspected, kin))
        return
    found = next(iter(inspected))
    if as_json:
        click.echo(json.dumps(words.document(found), indent=1))
        return
    from mergec.cli.tables import columns, facts, show
    from mergec.plan.review import amount

    known = found.facts
    by_dtype = [
        [dtype.word, *_counts(held), amount(held.nbytes)] for dtype, held in known.dtypes.items()
    ]
    by_file = [
        [name, *_counts(held), amount(held.nbytes)]
        for name, held in [*known.files.items()][:_SHOWN]
    ]
    if len(known.files) > _SHOWN:
        by_file.append([f"and {len(known.files) - _SHOWN} more", "", "", ""])
    head = ["tensors", "parameters", "size"]
    show(
        facts(_rows(found)),
        columns(["dtype", *head], by_dtype),
        columns(["file", *head], by_file),
    )


def _ancestry(inspected: Sequence["Inspected"], asked: bool | None) -> Sequence["Kinship"]:
    """What is worth a line: all that was asked for, else what could be told."""
    from mergec.api.ancestry import can_be_sampled, find_ancestry

    if asked is False or (asked is None and not can_be_sampled(inspected)):
        return ()
    found = find_ancestry(inspected)
    print_diagnostics(found.warnings)
    told = asked or any(kin.verdict != "unknown" for kin in found.kinships)
    return found.kinships if told else ()


def _rows(found: "Inspected") -> Iterator[tuple[str, str]]:
    from mergec.plan.review import amount

    facts = found.facts
    whole = facts.whole
    size = f"{counted(whole.tensors)}, {whole.parameters:,} parameters, {amount(whole.nbytes)}"
    yield words.kind_of(facts), f"{found.reference}\n{size}"
    yield "parameters", words.parameter_words(facts)
    yield "architecture", words.architecture_words(facts)
    yield "embeddings", words.embedding_words(facts.embeddings)
    yield "vocabulary", words.vocabulary_words(facts)
    yield "tokenizer", "\n".join(words.tokenizer_words(facts.tokenizer)) or "no file"
    yield "chat template", facts.tokenizer.chat_template or "none"
    yield "licence", words.licence_words(facts.checkpoint.licence)
    yield "quantisation", words.quantisation_words(facts.quantisation)
    yield "lineage", words.lineage_words(found.lineage)


def _counts(held: "Amount") -> tuple[str, str]:
    return f"{held.tensors:,}", f"{held.parameters:,}"
