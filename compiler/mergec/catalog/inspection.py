"""All that a checkpoint says of itself in headers and small files, gathered for people to look at.

No weight is read and nothing is judged: what does not fit together with what is told where a spec
puts it together.
"""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from mergec.catalog.architecture import Architecture
from mergec.catalog.checkpoint import Checkpoint, TensorEntry, TensorName
from mergec.catalog.describe import describe
from mergec.catalog.dtypes import Dtype
from mergec.catalog.tied import head_kind
from mergec.catalog.tokenizer_facts import TokenizerFacts, tokenizer_facts
from mergec.frozen import frozen

# Where models of several parts keep the settings of the one for text.
_TEXT_SECTIONS = ("text_config", "language_config", "llm_config")
_QUANTISED = ("quantization_config", "compression_config")


@frozen
class Amount:
    """Some tensors together: how many, their elements, and their bytes."""

    tensors: int
    parameters: int
    nbytes: int

    @classmethod
    def of(cls, entries: Iterable[TensorEntry]) -> "Amount":
        """The amount that these tensors are."""
        listed = list(entries)
        parameters = sum(entry.numel for entry in listed)
        return cls(len(listed), parameters, sum(entry.nbytes for entry in listed))


@frozen
class Embeddings:
    """The table of tokens and the head that scores them.

    `tied` is what config.json says of them, None where it is silent. `head` is the name of the head
    if it is stored. None for what is not known of this architecture.
    """

    table: TensorEntry | None
    head: TensorEntry | None
    tied: bool | None


@frozen
class Inspection:
    """What is known of a checkpoint.

    `is_delta` says that mergec wrote it as a delta. `distinct` counts the parameters of `whole`
    without a head that is the embedding and stored a second time. `dtypes` are in the order of the
    format, `files` in that of their names. `vocabulary` is the size that config.json states, and
    `quantisation` its settings of quantised storage.
    """

    checkpoint: Checkpoint
    architecture: Architecture
    is_delta: bool
    whole: Amount
    distinct: int
    dtypes: Mapping[Dtype, Amount]
    files: Mapping[str, Amount]
    embeddings: Embeddings
    vocabulary: int | None
    tokenizer: TokenizerFacts
    quantisation: Mapping[str, Any] | None

    @property
    def model_type(self) -> str | None:
        """`model_type` in config.json."""
        stated = (self.checkpoint.config or {}).get("model_type")
        return stated if isinstance(stated, str) else None

    @property
    def classes(self) -> tuple[str, ...]:
        """`architectures` in config.json: the classes that load it."""
        stated = (self.checkpoint.config or {}).get("architectures")
        listed = cast("list[object]", stated) if isinstance(stated, list) else []
        return tuple(each for each in listed if isinstance(each, str))


def inspect(checkpoint: Checkpoint) -> Inspection:
    """Gather what the headers and small files of an opened checkpoint say."""
    architecture = describe(checkpoint.tensors.keys(), checkpoint.config)
    entries = list(checkpoint.tensors.values())
    found = sorted({entry.dtype for entry in entries}, key=lambda dtype: dtype.rank)
    vocabulary = _number(checkpoint.config, "vocab_size")
    embeddings = _embeddings(checkpoint, architecture, vocabulary)
    whole = Amount.of(entries)
    return Inspection(
        checkpoint=checkpoint,
        architecture=architecture,
        is_delta=any("mergec.kind" in shard.metadata for shard in checkpoint.shards),
        whole=whole,
        distinct=whole.parameters - _twice(checkpoint, architecture, embeddings),
        dtypes={dtype: Amount.of(e for e in entries if e.dtype is dtype) for dtype in found},
        files=_by_file(checkpoint),
        embeddings=embeddings,
        vocabulary=vocabulary,
        tokenizer=tokenizer_facts(checkpoint),
        quantisation=quantisation_settings(checkpoint.config),
    )


def _by_file(checkpoint: Checkpoint) -> Mapping[str, Amount]:
    held: dict[str, list[TensorEntry]] = {shard.name: [] for shard in checkpoint.shards}
    for entry in checkpoint.tensors.values():
        held[entry.file].append(entry)
    return {name: Amount.of(entries) for name, entries in held.items()}


def _embeddings(
    checkpoint: Checkpoint, architecture: Architecture, vocabulary: int | None
) -> Embeddings:
    pairs = [(TensorName(head), TensorName(table)) for head, table in architecture.tied]
    tables = [checkpoint.tensors[name] for _, name in pairs]
    table = next((entry for entry in tables if len(entry.shape) == 2), None)
    heads = (checkpoint.tensors.get(name) for name, _ in pairs)
    head = next((entry for entry in heads if entry is not None), None)
    if table is None:  # where no family says which: the only one of the stated size
        tables = [
            entry
            for entry in checkpoint.tensors.values()
            if "embed" in architecture.place(entry.name).roles and entry.shape[:1] == (vocabulary,)
        ]
        table = tables[0] if len(tables) == 1 else None
    tied = _stated(checkpoint.config, "tie_word_embeddings")
    return Embeddings(table, head, tied if isinstance(tied, bool) else None)


def _twice(checkpoint: Checkpoint, architecture: Architecture, embeddings: Embeddings) -> int:
    """The parameters of a head that config.json says is the embedding."""
    head, table = embeddings.head, embeddings.table
    if head is None or table is None or head.shape != table.shape:
        return 0
    return head.numel if head_kind(checkpoint, architecture) == "copy" else 0


def quantisation_settings(config: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What config.json says of quantised storage; None where it says nothing."""
    stated = (_stated(config, key) for key in _QUANTISED)
    return next((cast("dict[str, Any]", it) for it in stated if isinstance(it, dict)), None)


def _number(config: Mapping[str, Any] | None, key: str) -> int | None:
    stated = _stated(config, key)
    return stated if type(stated) is int else None


def _stated(config: Mapping[str, Any] | None, key: str) -> object:
    """What config.json has under `key`, or the part of it that is about text."""
    known = config or {}
    if key in known:
        return cast("object", known[key])
    for name in _TEXT_SECTIONS:
        section = known.get(name)
        if isinstance(section, dict) and key in section:
            return cast("dict[str, object]", section)[key]
    return None
