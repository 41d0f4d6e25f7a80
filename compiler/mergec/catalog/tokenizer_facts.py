"""What the tokenizer's files say, as far as it can be told by reading them as plain data."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mergec.catalog.checkpoint import Checkpoint
from mergec.catalog.late_files import small_file
from mergec.catalog.tokenizer_files import TokenizerFiles, as_list, as_object, tokenizer_files
from mergec.frozen import frozen


@frozen
class TokenizerFacts:
    """The tokenizer beside a checkpoint's weights.

    `kind` is the model's type as tokenizer.json has it, such as `BPE`. `entries` counts the ids
    that have a token, added ones among them, and `highest` is the highest. `chat_template` names
    the file that has one. None for what is not stated in a file that mergec reads. `problems`
    complete the sentence "the file ...".
    """

    files: tuple[str, ...]
    kind: str | None
    entries: int | None
    highest: int | None
    chat_template: str | None
    problems: Mapping[str, str]


def tokenizer_facts(checkpoint: Checkpoint) -> TokenizerFacts:
    """Read tokenizer.json, or vocab.txt or vocab.json where there is none; never runs anything."""
    files = tokenizer_files(checkpoint)
    reader = TokenizerFiles(checkpoint.root, bring=lambda name: small_file(checkpoint, name))
    kind, ids = None, None
    if "tokenizer.json" in files:
        kind, ids = _of_tokenizer(reader.json("tokenizer.json"))
    elif "vocab.txt" in files:
        ids = _of_lines(reader.bytes("vocab.txt"))
    elif "vocab.json" in files:
        ids = _ids(reader.json("vocab.json"))
    template = _chat_template(files, reader)
    return TokenizerFacts(
        files=files,
        kind=kind,
        entries=len(ids) if ids else None,
        highest=max(ids) if ids else None,
        chat_template=template,
        problems=reader.problems,
    )


def _of_tokenizer(document: Mapping[str, Any]) -> tuple[str | None, set[int] | None]:
    """The type of the model in tokenizer.json, and all ids."""
    model = as_object(document.get("model"))
    kind = model.get("type")
    vocabulary: object = model.get("vocab")
    # Of Unigram a list: a token's place is its id.
    ids = set(range(len(as_list(vocabulary)))) | _ids(as_object(vocabulary))
    added = document.get("added_tokens")
    ids |= set(_whole([as_object(entry).get("id") for entry in as_list(added)]))
    return kind if isinstance(kind, str) else None, ids


def _ids(vocabulary: Mapping[str, Any]) -> set[int]:
    return set(_whole(list(vocabulary.values())))


def _of_lines(raw: bytes | None) -> set[int]:
    return set(range(len(raw.splitlines()))) if raw is not None else set()


def _chat_template(files: Sequence[str], reader: TokenizerFiles) -> str | None:
    own = next((name for name in files if name.startswith("chat_template")), None)
    if own is None and "tokenizer_config.json" in files:
        template = reader.json("tokenizer_config.json").get("chat_template")
        own = "tokenizer_config.json" if template else None
    return own


def _whole(values: Sequence[object]) -> Iterator[int]:
    return (value for value in values if type(value) is int and value >= 0)
