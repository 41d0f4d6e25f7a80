"""Several checkpoints beside each other: `mergec inspect A B ...` shows what differs in a table."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from mergec.cli import inspection_words as one_alone
from mergec.diagnostics import MergecError, escape
from mergec.frozen import frozen

if TYPE_CHECKING:
    from mergec.api.inspection import Inspected
    from mergec.catalog import Checkpoint
    from mergec.catalog.inspection import Inspection
    from mergec.catalog.tokenizer_differences import Differences
    from mergec.execute.likeness import Kinship
    from mergec.plan.known_tokenizers import KnownTokenizers

SCHEMA = "mergec.inspect_several/1"
_AS_FIRST = "as in the first"


@frozen
class Row:
    """What each checkpoint says of one subject, as text for people."""

    subject: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether they do not all say the same."""
        return len(set(self.values)) > 1


def print_table(found: Sequence["Inspected"], kin: Sequence["Kinship"]) -> None:
    """What differs, a column for each checkpoint; below it the subjects on which all agree.

    `kin` is that of each checkpoint but the first with the first, if it was asked for.
    """
    from mergec.cli.tables import facts, phrases, show

    rows = [*_ancestors(kin), *_rows(found)]
    differing = [[row.subject, *row.values] for row in rows if row.differs]
    same = [(row.subject, row.values[0]) for row in rows if not row.differs]
    head = ["", *(each.reference for each in found)]
    parts = [phrases(head, differing)] if differing else []
    told = [("the same" if n == 0 else "", f"{it[0]}: {it[1]}") for n, it in enumerate(same)]
    show(*parts, facts(told))


def print_json(found: Sequence["Inspected"], kin: Sequence["Kinship"]) -> None:
    """All of it for programs; docs/looking.md says what the members mean."""
    rows = [*_rows(found)]
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "references": [each.reference for each in found],
        "differences": [
            {"subject": row.subject, "values": [*row.values]} for row in rows if row.differs
        ],
        "kinship": [
            {
                "of": [found[0].reference, other.reference],
                "verdict": each.verdict,
                "cosine": each.cosine,
            }
            for other, each in zip(found[1:], kin, strict=bool(kin))
        ],
        "same": {row.subject: row.values[0] for row in rows if not row.differs},
        "inspected": [one_alone.document(each) for each in found],
    }
    click.echo(json.dumps(document, indent=1))


def _rows(found: Sequence["Inspected"]) -> Iterator[Row]:
    facts = [each.facts for each in found]
    for subject, tell in _SUBJECTS.items():
        yield Row(subject, tuple(map(tell, facts)))
        if subject == "architecture":
            yield from _settings(facts)
        if subject == "tokenizer":
            yield from _vocabularies(facts)
    yield Row("tensors", _tensors(facts))
    yield Row("lineage", tuple(_lineage(each) for each in found))


def _ancestors(kin: Sequence["Kinship"]) -> Iterator[Row]:
    if kin:
        told = (
            it.verdict if it.cosine is None else f"{it.verdict}, median cosine {it.cosine:.2f}"
            for it in kin
        )
        yield Row("weights", ("the first", *told))


def _settings(facts: Sequence["Inspection"]) -> Iterator[Row]:
    """The settings that give weights another meaning, where any two differ."""
    from mergec.catalog.config_differences import shown, text_section
    from mergec.catalog.config_fields import CONFIG_FIELDS

    configs = [
        text_section(it.checkpoint.config or {}, it.architecture.config_path) for it in facts
    ]
    for field in CONFIG_FIELDS:
        values = tuple(shown(field.read(config)) for config in configs)
        if len(set(values)) > 1 and field.name not in ("model_type", "vocab_size"):
            yield Row(field.name, values)


def _vocabularies(facts: Sequence["Inspection"]) -> Iterator[Row]:
    """How the tokenizer of each differs from that of the first, and the chat templates."""
    from mergec.plan.known_tokenizers import KnownTokenizers

    known = KnownTokenizers({str(n): each.checkpoint for n, each in enumerate(facts)})
    yield Row("tokens", tuple(_tokens(known)))
    templates = (_template(known, str(n), each) for n, each in enumerate(facts))
    yield Row("chat template", tuple(templates))


def _tokens(known: "KnownTokenizers") -> Iterator[str]:
    from mergec.catalog.tokenizer_differences import differences

    for label in known.checkpoints:
        first, other = known.readable("0"), known.readable(label)
        if _alike(known, label):
            yield _AS_FIRST
        elif first is None or other is None:
            yield "not compared"
        else:
            yield _unlike(differences(first, other))


def _alike(known: "KnownTokenizers", label: str) -> bool:
    """Whether the files are those of the first, as far as they can be read."""
    try:
        return known.alike("0", label)
    except MergecError:
        return False


def _unlike(found: "Differences") -> str:
    own = sum(not first for _, _, first in found.alone)
    counts = {"moved": len(found.moved), "more": own, "fewer": len(found.alone) - own}
    words = [f"{count:,} {what}" for what, count in counts.items() if count]
    words += [f"other {', '.join(found.rules)}"] if found.rules else []
    return ", ".join(words) or _AS_FIRST


def _tensors(facts: Sequence["Inspection"]) -> tuple[str, ...]:
    """How many tensors each has, and how they differ from those of the first."""
    first = facts[0].checkpoint
    return tuple(
        f"{len(each.checkpoint.tensors):,}{_other_tensors(first, each.checkpoint)}"
        for each in facts
    )


def _other_tensors(first: "Checkpoint", other: "Checkpoint") -> str:
    from mergec.catalog import match_names

    if other is first:
        return ""
    names = match_names([*first.tensors], other.tensors.keys())
    reshaped = sum(
        first.tensors[mine].shape != other.tensors[theirs].shape
        for mine, theirs in names.names.items()
    )
    counts = {
        "lacking": len(names.missing),
        "more": len(other.tensors) - len(names.names),
        "of other shapes": reshaped,
    }
    words = [f"{count:,} {what}" for what, count in counts.items() if count]
    words += [f"names by {names.rule}"] if names.rule is not None else []
    return f" ({', '.join(words)})" if words else ""


def _dtypes(facts: "Inspection") -> str:
    return ", ".join(f"{held.tensors:,} {dtype.word}" for dtype, held in facts.dtypes.items())


def _shards(facts: "Inspection") -> str:
    count = len(facts.files)
    return f"{count:,} file{'s' * (count != 1)}"


def _size(facts: "Inspection") -> str:
    from mergec.plan.review import amount

    return amount(facts.whole.nbytes)


def _table(facts: "Inspection") -> str:
    table = facts.embeddings.table
    return "not known" if table is None else f"{escape(table.name)} {table.describe()}"


def _template(known: "KnownTokenizers", label: str, facts: "Inspection") -> str:
    """The digest of what it says; the file where that is not known."""
    from hashlib import sha256

    read = known.readable(label)
    if read is None or read.template is None:
        return facts.tokenizer.chat_template or "none"
    return f"sha256 {sha256(read.template.encode(errors='replace')).hexdigest()[:12]}"


def _lineage(found: "Inspected") -> str:
    return (
        f"plan {escape(found.lineage.statement.plan[:12])}" if found.lineage is not None else "none"
    )


_SUBJECTS: Mapping[str, Callable[["Inspection"], str]] = {
    "kind": one_alone.kind_of,
    "architecture": one_alone.architecture_words,
    "parameters": one_alone.parameter_words,
    "embeddings": _table,
    "head": lambda it: one_alone.head_words(it.embeddings),
    "tied": lambda it: one_alone.tied_words(it.embeddings),
    "vocabulary": one_alone.vocabulary_words,
    "tokenizer": lambda it: ", ".join(one_alone.tokenizer_words(it.tokenizer)) or "no file",
    "dtypes": _dtypes,
    "shards": _shards,
    "size": _size,
    "licence": lambda it: one_alone.licence_words(it.checkpoint.licence).replace("\n", ", "),
    "quantisation": lambda it: one_alone.quantisation_words(it.quantisation),
}
