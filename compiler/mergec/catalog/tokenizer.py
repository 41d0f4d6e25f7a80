"""A tokenizer as data: which id each token has, and by what rules text becomes tokens."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mergec.catalog.quoted import quoted, several
from mergec.catalog.tokenizer_files import TokenizerFiles, as_list, as_object
from mergec.diagnostics import MergecError, fail

# No embedding has more rows, and a table of all ids is made.
_MAX_ID = 10_000_000
_CONVERT = (
    "write a tokenizer.json beside the weights: load the model's tokenizer with transformers and"
    " call its `save_pretrained`"
)


@dataclass(frozen=True, slots=True, eq=False)
class Tokenizer:
    """What the files of one tokenizer say.

    `tokens` leads from every token, added ones among them, to its id. `kind` is the model's type
    as tokenizer.json has it, such as `BPE`, empty where there is no such file. `document` is
    tokenizer.json, `config` tokenizer_config.json, `template` the chat template, if there is one.
    """

    tokens: Mapping[str, int]
    kind: str
    document: Mapping[str, Any]
    config: Mapping[str, Any]
    template: str | None

    @property
    def size(self) -> int:
        """The highest id and one."""
        return max(self.tokens.values(), default=-1) + 1

    @property
    def model(self) -> Mapping[str, Any]:
        """The part of tokenizer.json that knows pieces of text."""
        return as_object(self.document.get("model"))

    @property
    def added(self) -> Mapping[str, Mapping[str, Any]]:
        """The added tokens as tokenizer.json has them, by their text, in the order of their ids."""
        entries = [as_object(entry) for entry in as_list(self.document.get("added_tokens"))]
        known = [entry for entry in entries if entry.get("content") in self.tokens]
        known.sort(key=lambda entry: self.tokens[entry["content"]])
        return {entry["content"]: entry for entry in known}


def read_tokenizer(
    root: Path, names: Iterable[str], bring: Callable[[str], object] = lambda _: None
) -> Tokenizer | None:
    """The tokenizer that the files `names` of a folder are; None if they state no token.

    `bring` is called with the name of each before it is opened. Raises E505 for files that cannot
    be read as one and E506 for a token or an id that occurs twice.
    """
    names = [*names]
    files = TokenizerFiles(root, bring=bring)
    document, config = (
        files.json(name) if name in names else dict[str, Any]()
        for name in ("tokenizer.json", "tokenizer_config.json")
    )
    pairs: Iterable[tuple[object, object]] = ()
    if document:
        where, pairs = "tokenizer.json", _of_document(document)
    elif "vocab.txt" in names:
        where, pairs = "vocab.txt", _of_lines(files.bytes("vocab.txt") or b"")
    elif "vocab.json" in names:
        where, pairs = "vocab.json", files.json("vocab.json").items()
    else:
        where = ""
    further = [declared_tokens(config)]
    if "added_tokens.json" in names:
        further.append(files.json("added_tokens.json").items())
    if files.problems:
        name, problem = next(iter(files.problems.items()))
        raise _unread(root / name, problem)
    tokens = _checked(root / where, pairs, further)
    if not tokens:
        _refuse_sentencepiece(root, names)
        return None
    kind = as_object(document.get("model")).get("type")
    template = chat_template(files, names, config)
    return Tokenizer(tokens, kind if isinstance(kind, str) else "", document, config, template)


def _of_document(document: Mapping[str, Any]) -> Iterator[tuple[object, object]]:
    vocabulary: object = as_object(document.get("model")).get("vocab")
    for number, entry in enumerate(as_list(vocabulary)):  # of Unigram: a token's place is its id
        yield next(iter(as_list(entry)), None), number
    yield from as_object(vocabulary).items()
    for entry in map(as_object, as_list(document.get("added_tokens"))):
        yield entry.get("content"), entry.get("id")


def _of_lines(raw: bytes) -> Iterator[tuple[object, object]]:
    lines = raw.decode("utf-8", "replace").removesuffix("\n").split("\n")
    return ((line.removesuffix("\r"), number) for number, line in enumerate(lines) if raw)


def declared_tokens(config: Mapping[str, Any]) -> Iterable[tuple[object, object]]:
    """Tokens of tokenizer_config.json: a loader adds those that tokenizer.json does not have."""
    for number, entry in as_object(config.get("added_tokens_decoder")).items():
        whole = number.isascii() and number.isdigit() and len(number) < len(str(_MAX_ID)) + 1
        yield as_object(entry).get("content"), int(number) if whole else number


def _checked(
    path: Path,
    pairs: Iterable[tuple[object, object]],
    further: Iterable[Iterable[tuple[object, object]]],
) -> dict[str, int]:
    """All tokens with their ids. E506 for two ids of one token, and two tokens of one id."""
    tokens: dict[str, int] = {}
    by_id: dict[int, str] = {}
    for token, number in (pair for group in (pairs, *further) for pair in group):
        if not isinstance(token, str) or type(number) is not int or not 0 <= number <= _MAX_ID:
            raise _unread(path, f"gives {quoted(token)} the id {quoted(number)}")
        if tokens.setdefault(token, number) != number:
            raise _twice(path, f"token {quoted(token)} has the ids {tokens[token]} and {number}")
        if by_id.setdefault(number, token) != token:
            both = several([quoted(by_id[number]), quoted(token)])
            raise _twice(path, f"id {number} belongs to two tokens, {both}")
    return tokens


def chat_template(
    files: TokenizerFiles, names: Iterable[str], config: Mapping[str, Any]
) -> str | None:
    """The chat template that a tokenizer's files have, a file of its own before the config."""
    if "chat_template.jinja" in names:
        return (files.bytes("chat_template.jinja") or b"").decode("utf-8", "replace")
    stated = config.get("chat_template")
    if not stated:
        return None
    return stated if isinstance(stated, str) else json.dumps(stated, sort_keys=True)


def _refuse_sentencepiece(root: Path, names: Iterable[str]) -> None:
    for name in names:
        if name.endswith((".model", ".tiktoken")) or name == "tekken.json":
            raise _unread(root / name, "is in a format that mergec copies and does not read")


def _unread(path: Path, problem: str) -> MergecError:
    return fail("E505", f"{quoted(path)} {problem}", help=_CONVERT)


def _twice(path: Path, what: str) -> MergecError:
    return fail(
        "E506",
        f"in the tokenizer {quoted(path)} {what}",
        help="repair the tokenizer's files: a token must have one id, and an id one token",
    )
