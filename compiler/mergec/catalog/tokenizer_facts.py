"""What the tokenizer's files say, as far as it can be told by reading them as plain data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, cast

from mergec.catalog.checkpoint import Checkpoint
from mergec.catalog.json_text import JsonProblem, parse_json
from mergec.catalog.open_checkpoint import TOKENIZER_FILES
from mergec.catalog.regular_file import open_regular
from mergec.diagnostics import MergecError

# The largest vocabularies in use make files of some 35 MB.
_MAX_BYTES = 64 << 20
_MAX_DEPTH = 64
# A list for each of half a million merges is the most that is known; an empty one costs a reader
# twenty times the bytes it is written with.
_MAX_BRACKETS = 2_000_000


@dataclass(frozen=True, slots=True)
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
    files = tuple(
        name
        for name in checkpoint.small_files
        if any(fnmatchcase(name, pattern) for pattern in TOKENIZER_FILES)
    )
    reader = _Reader(checkpoint.root, {})
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


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads small files of a folder, and notes why one could not be."""

    root: Path
    problems: dict[str, str]

    def bytes(self, name: str) -> bytes | None:
        """All bytes of a file."""
        try:
            with open_regular(self.root / name) as file:
                if file.size > _MAX_BYTES:
                    self.problems[name] = f"is larger than {_MAX_BYTES >> 20} MiB"
                    return None
                return file.read(0, file.size)
        except MergecError:
            self.problems[name] = "cannot be read"
            return None

    def json(self, name: str) -> Mapping[str, Any]:
        """The object in a file; an empty one if there is none."""
        raw = self.bytes(name)
        if raw is None:
            return {}
        if raw.count(b"[") + raw.count(b"{") > _MAX_BRACKETS:
            self.problems[name] = f"has more than {_MAX_BRACKETS:,} brackets"
            return {}
        try:
            found = parse_json(raw, max_depth=_MAX_DEPTH)
        except JsonProblem as problem:
            self.problems[name] = str(problem)
            return {}
        if isinstance(found, dict):
            return cast("dict[str, Any]", found)
        self.problems[name] = "is not a JSON object"
        return {}


def _of_tokenizer(document: Mapping[str, Any]) -> tuple[str | None, set[int] | None]:
    """The type of the model in tokenizer.json, and all ids."""
    model = _object(document.get("model"))
    kind = model.get("type")
    vocabulary = model.get("vocab")
    if isinstance(vocabulary, list):  # of Unigram: a token's place is its id
        ids = set(range(len(cast("list[object]", vocabulary))))
    else:
        ids = _ids(_object(vocabulary))
    added = document.get("added_tokens")
    if isinstance(added, list):
        entries = (_object(entry).get("id") for entry in cast("list[object]", added))
        ids |= set(_whole(list(entries)))
    return kind if isinstance(kind, str) else None, ids


def _ids(vocabulary: Mapping[str, Any]) -> set[int]:
    return set(_whole(list(vocabulary.values())))


def _of_lines(raw: bytes | None) -> set[int]:
    return set(range(len(raw.splitlines()))) if raw is not None else set()


def _chat_template(files: Sequence[str], reader: _Reader) -> str | None:
    own = next((name for name in files if name.startswith("chat_template")), None)
    if own is None and "tokenizer_config.json" in files:
        template = reader.json("tokenizer_config.json").get("chat_template")
        own = "tokenizer_config.json" if template else None
    return own


def _object(value: object) -> Mapping[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _whole(values: Sequence[object]) -> Iterator[int]:
    return (value for value in values if type(value) is int and value >= 0)
