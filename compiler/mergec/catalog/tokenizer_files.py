"""The files of a tokenizer, read as plain data within limits; nothing in them is ever run."""

from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, cast

from mergec.catalog.checkpoint import Checkpoint
from mergec.catalog.json_text import JsonProblem, parse_json
from mergec.catalog.open_checkpoint import is_of_tokenizer
from mergec.catalog.quoted import quoted
from mergec.catalog.regular_file import open_regular
from mergec.diagnostics import MergecError
from mergec.frozen import frozen

# The largest vocabularies in use make files of some 35 MB.
_MAX_BYTES = 64 << 20
_MAX_DEPTH = 64
# A list for each of half a million merges is the most that is known; an empty one costs a reader
# twenty times the bytes it is written with.
_MAX_BRACKETS = 2_000_000


@frozen
class TokenizerFiles:
    """Reads files of a folder, and notes in `problems` why one could not be read.

    A problem completes the sentence "the file ...". `bring` is called with the name of each before
    it is opened.
    """

    root: Path
    problems: dict[str, str] = field(default_factory=dict[str, str])
    bring: Callable[[str], object] = lambda _: None

    def bytes(self, name: str) -> bytes | None:
        """All bytes of a file."""
        self.bring(name)
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
            twice = f" ({quoted(problem.key)})" if problem.kind == "duplicate" else ""
            self.problems[name] = f"{problem}{twice}"
            return {}
        if isinstance(found, dict):
            return cast("dict[str, Any]", found)
        self.problems[name] = "is not a JSON object"
        return {}


def tokenizer_files(checkpoint: Checkpoint) -> tuple[str, ...]:
    """The names of those beside a checkpoint, sorted."""
    return tuple(name for name in checkpoint.small_files if is_of_tokenizer(name))


def as_object(value: object) -> Mapping[str, Any]:
    """A JSON object as it is, and nothing for any other value."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """A JSON list as it is, and nothing for any other value."""
    return cast("list[object]", value) if isinstance(value, list) else []
