"""What `mergec inspect` says of a checkpoint: its lines as words, and its JSON."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mergec.diagnostics import escape

if TYPE_CHECKING:
    from mergec.api.inspection import Inspected
    from mergec.catalog import Licence
    from mergec.catalog.inspection import Amount, Embeddings, Inspection
    from mergec.catalog.lineage_file import Lineage
    from mergec.catalog.tokenizer_facts import TokenizerFacts

SCHEMA = "mergec.inspect/1"


def document(found: "Inspected") -> dict[str, Any]:
    """The JSON of an inspection; docs/looking.md says what its members mean."""
    facts = found.facts
    checkpoint, architecture = facts.checkpoint, facts.architecture
    licence = checkpoint.licence
    return {
        "schema": SCHEMA,
        "reference": found.reference,
        "kind": kind_of(facts),
        **_amount(facts.whole),
        "distinct_parameters": facts.distinct,
        "dtypes": {dtype.word: _amount(held) for dtype, held in facts.dtypes.items()},
        "files": [
            {
                "name": shard.name,
                "size": shard.size,
                "header_sha256": shard.header_digest,
                **_amount(facts.files[shard.name]),
                "metadata": dict(shard.metadata),
            }
            for shard in checkpoint.shards
        ],
        "architecture": {
            "family": architecture.family,
            "described": architecture.described,
            "model_type": facts.model_type,
            "classes": [*facts.classes],
            "layers": architecture.layers,
            "stacks": [*architecture.stacks],
        },
        "embeddings": _embeddings(facts.embeddings),
        "vocabulary": facts.vocabulary,
        "tokenizer": _tokenizer(facts.tokenizer),
        "licence": licence.id if licence is not None else None,
        "licence_terms": _licence_terms(licence),
        "quantisation": facts.quantisation,
        "lineage": _lineage(found.lineage),
        "warnings": [{"code": each.code, "message": each.message} for each in found.warnings],
    }


def kind_of(facts: "Inspection") -> str:
    """What the checkpoint is."""
    from mergec.catalog.open_adapter import is_adapter_file

    if is_adapter_file(facts.checkpoint):
        return "adapter"
    return "delta" if facts.is_delta else "model"


def parameter_words(facts: "Inspection") -> str:
    """All parameters as one figure, what stands twice counted once."""
    twice = facts.embeddings.head if facts.distinct != facts.whole.parameters else None
    again = f" ({escape(twice.name)} is the embedding)" if twice is not None else ""
    return f"{facts.distinct:,}{again}"


def architecture_words(facts: "Inspection") -> str:
    """The architecture, and how it is known."""
    architecture = facts.architecture
    layers = f"{architecture.layers} layer{'s' * (architecture.layers != 1)}"
    if architecture.described:
        classes = f" ({', '.join(map(escape, facts.classes))})" if facts.classes else ""
        return f"{escape(facts.model_type or '')}{classes}, {layers}"
    stated = f"{escape(facts.model_type)}, " if facts.model_type else ""
    return f"{stated}roles inferred from names, {layers}"


def embedding_words(embeddings: "Embeddings") -> str:
    """The table of tokens, the head, and whether they are tied."""
    table = embeddings.table
    if table is None:
        return "not known"
    head = head_words(embeddings)
    named = head if embeddings.head is None else f"head {head}"
    return f"{escape(table.name)} {table.describe()}; {named}, {tied_words(embeddings)}"


def head_words(embeddings: "Embeddings") -> str:
    """The head, if it is stored."""
    return "no head" if embeddings.head is None else escape(embeddings.head.name)


def tied_words(embeddings: "Embeddings") -> str:
    """What config.json says of the head and the table."""
    tied = {
        True: "tied in config.json",
        False: "not tied",
        None: "config.json does not say if tied",
    }
    return tied[embeddings.tied]


def vocabulary_words(facts: "Inspection") -> str:
    """How many tokens there are, by each place that says so."""
    known: list[str] = []
    if facts.vocabulary is not None:
        known.append(f"{facts.vocabulary:,} in config.json")
    if facts.embeddings.table is not None:
        known.append(f"{facts.embeddings.table.shape[0]:,} rows")
    if facts.tokenizer.entries is not None:
        known.append(f"{facts.tokenizer.entries:,} in the tokenizer")
    return ", ".join(known) or "not known"


def tokenizer_words(tokenizer: "TokenizerFacts") -> Iterator[str]:
    """The tokenizer's files, and what is wrong with one."""
    for name in tokenizer.files:
        kind = f" ({tokenizer.kind})" if name == "tokenizer.json" and tokenizer.kind else ""
        problem = f", which {tokenizer.problems[name]}" if name in tokenizer.problems else ""
        yield f"{name}{kind}{problem}"


def licence_words(licence: "Licence | None") -> str:
    """The licence with its kind, and what else is stated of it."""
    from mergec.catalog.licence_terms import terms_of

    if licence is None:
        return "none stated"
    named = [each for each in (licence.name, licence.link) if each is not None]
    where = {"card": "", "config": ", in config.json", "file": ", by its text"}[licence.stated_in]
    told = f"{licence.id}{where} ({terms_of(licence.key).family})"
    return "\n".join([told, *named])


def _licence_terms(licence: "Licence | None") -> dict[str, Any] | None:
    from mergec.catalog.licence_terms import terms_of

    if licence is None:
        return None
    terms = terms_of(licence.key)
    return {
        "spdx": licence.spdx,
        "name": licence.name,
        "link": licence.link,
        "stated_in": licence.stated_in,
        "family": terms.family.value,
        "asks": [*terms.asks],
    }


def quantisation_words(quantisation: Mapping[str, Any] | None) -> str:
    """How the weights are quantised, by config.json."""
    if quantisation is None:
        return "none stated"
    method = quantisation.get("quant_method", "of no stated method")
    bits = quantisation.get("bits")
    return escape(f"{method}, {bits} bits" if bits is not None else str(method))


def lineage_words(lineage: "Lineage | None") -> str:
    """Of what and by what it was made, if mergec merged it."""
    known = _lineage(lineage)
    if known is None:
        return "none"
    parents = ", ".join(
        ref if label == ref else f"{label} {ref}" for label, ref in known["sources"].items()
    )
    made = escape(f"merged by mergec {known['version']} from {parents}")
    return f"{made}\nplan {escape(known['plan'])}"


def _amount(held: "Amount") -> dict[str, int]:
    return {"tensors": held.tensors, "parameters": held.parameters, "bytes": held.nbytes}


def _embeddings(embeddings: "Embeddings") -> dict[str, Any]:
    table, head = embeddings.table, embeddings.head
    return {
        "table": table.name if table is not None else None,
        "rows": table.shape[0] if table is not None else None,
        "head": head.name if head is not None else None,
        "tied": embeddings.tied,
    }


def _tokenizer(tokenizer: "TokenizerFacts") -> dict[str, Any]:
    return {
        "files": [*tokenizer.files],
        "kind": tokenizer.kind,
        "entries": tokenizer.entries,
        "highest_id": tokenizer.highest,
        "chat_template": tokenizer.chat_template,
        "problems": dict(tokenizer.problems),
    }


def _lineage(lineage: "Lineage | None") -> dict[str, Any] | None:
    """What of a lineage says where a child comes from."""
    if lineage is None:
        return None
    made = lineage.statement
    return {
        "version": made.version,
        "spec": made.spec["name"],
        "plan": made.plan,
        "sources": {source.label: source.ref for source in made.sources},
        "merged_sources": sorted(source.label for source in made.sources if source.lineage),
    }
