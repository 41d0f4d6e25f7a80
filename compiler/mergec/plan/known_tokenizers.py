"""The tokenizers of a spec's sources, each read once, and those with the same files only once.

Files of a hub that are not here yet are brought when nothing less will do.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mergec.catalog import Checkpoint
from mergec.catalog.late_files import beginning, is_late, small_file
from mergec.catalog.quoted import counted, quoted, several
from mergec.catalog.regular_file import read_whole
from mergec.catalog.tokenizer import Tokenizer, chat_template, declared_tokens, read_tokenizer
from mergec.catalog.tokenizer_differences import Differences
from mergec.catalog.tokenizer_files import TokenizerFiles, as_object, tokenizer_files
from mergec.catalog.tokenizer_glimpse import differs_for_sure, glimpse
from mergec.diagnostics import Diagnostic, MergecError

_DOCUMENT, _CONFIG = "tokenizer.json", "tokenizer_config.json"
_ROLES = ("bos_token", "eos_token", "pad_token", "unk_token", "sep_token", "cls_token")
# What tokens and their ids, and what rules of taking text apart, come from.
_OF_TOKENS = (_DOCUMENT, "vocab.txt", "vocab.json", "merges.txt", "added_tokens.json")
# The beginnings of two files and all headers are less than a megabyte.
_BEGINNING = 256 << 10
_SHA256 = 64  # hexadecimal digits


@dataclass(slots=True)
class KnownTokenizers:
    """Reads them when they are asked for. With `sparing` nothing is fetched without need."""

    checkpoints: Mapping[str, Checkpoint]
    sparing: bool = False
    _digests: dict[tuple[str, str, bool], str] = field(
        default_factory=dict[tuple[str, str, bool], str]
    )
    _read: dict[str, Tokenizer | None] = field(default_factory=dict[str, Tokenizer | None])

    def of(self, label: str) -> Tokenizer | None:
        """The tokenizer of a source; None if it has none.

        Raises E505 and E506, and what `small_file` raises.
        """
        if label not in self._read:
            same = next((other for other in self._read if self.alike(label, other)), None)
            self._read[label] = self._read[same] if same is not None else self._found(label)
        return self._read[label]

    def _found(self, label: str) -> Tokenizer | None:
        checkpoint = self.checkpoints[label]
        names = tokenizer_files(checkpoint)
        return read_tokenizer(checkpoint.root, names, lambda name: _bring(checkpoint, names, name))

    def alike(self, left: str, right: str) -> bool:
        """Whether two sources have the same files, whatever these are."""
        names = tokenizer_files(self.checkpoints[left])
        others = tokenizer_files(self.checkpoints[right])
        return names == others and all(self._same(left, right, name) for name in names)

    def of_same_tokens(self, left: str, right: str) -> bool:
        """Whether the files that tell of tokens and rules are the same; others may differ."""
        for name in _OF_TOKENS:
            has, other = (name in self.checkpoints[it].small_files for it in (left, right))
            if has != other or (has and not self._same(left, right, name)):
                return False
        one, two = self._config(left), self._config(right)
        return None not in (one, two) and dict(declared_tokens(one or {})) == dict(
            declared_tokens(two or {})
        )

    def apart(self, left: str, right: str, rows: tuple[int, int]) -> Differences | None:
        """What parts of tokenizers show to be different in any case, `rows` being those of each.

        None if it takes the whole to tell, or the whole is here.
        """
        if not any(is_late(self.checkpoints[label], _DOCUMENT) for label in (left, right)):
            return None
        for much in (False, True):
            one, two = (self._part(label, much=much) for label in (left, right))
            moved = differs_for_sure(one, two)
            alone = [(token, n, True) for token, n in one.items() if n >= rows[1]]
            alone += [(token, n, False) for token, n in two.items() if n >= rows[0]]
            if moved or (alone and rows[0] != rows[1]):
                alone.sort(key=lambda each: (each[1], each[0]))
                return Differences(moved, tuple(alone), (), partial=True)
        return None

    def template(self, label: str) -> str | None:
        """The chat template of a source, or None; also of one whose tokens cannot be read."""
        checkpoint = self.checkpoints[label]
        files = TokenizerFiles(checkpoint.root, bring=lambda name: small_file(checkpoint, name))
        there = _CONFIG in checkpoint.small_files
        config = files.json(_CONFIG) if there else dict[str, Any]()
        return chat_template(files, tokenizer_files(checkpoint), config)

    def special_tokens(self, label: str) -> Mapping[str, str]:
        """The tokens that a source names for roles such as `eos_token`, as far as it is here."""
        stated = (self._config(label) or {}).items()
        found = {role: as_object(it).get("content", it) for role, it in stated if role in _ROLES}
        return {role: token for role, token in found.items() if isinstance(token, str)}

    def tokens_to_check(self, label: str) -> Mapping[str, int]:
        """The tokens of a source; of one that is not here, to be sparing, those that are added."""
        if self.sparing and is_late(self.checkpoints[label], _DOCUMENT):
            return self._part(label, much=False)
        tokenizer = self.readable(label)
        return tokenizer.tokens if tokenizer is not None else {}

    def readable(self, label: str) -> Tokenizer | None:
        """The same as `of`, and None too for one that cannot be read."""
        try:
            return self.of(label)
        except MergecError:
            return None

    def _part(self, label: str, *, much: bool) -> Mapping[str, int]:
        """Tokens by the config, and with `much` those at the beginning of tokenizer.json."""
        checkpoint = self.checkpoints[label]
        if not is_late(checkpoint, _DOCUMENT):
            tokenizer = self.readable(label)
            return tokenizer.tokens if tokenizer is not None else {}
        declared = {
            token: number
            for token, number in declared_tokens(self._config(label) or {})
            if isinstance(token, str) and type(number) is int and number >= 0
        }
        if not much:
            return declared
        return glimpse(beginning(checkpoint, _DOCUMENT, _BEGINNING)) | declared

    def _config(self, label: str) -> Mapping[str, Any] | None:
        """tokenizer_config.json, an empty one if there is none; None if it is not here."""
        checkpoint = self.checkpoints[label]
        if is_late(checkpoint, _CONFIG):
            return None
        there = _CONFIG in checkpoint.small_files
        return TokenizerFiles(checkpoint.root).json(_CONFIG) if there else {}

    def _same(self, left: str, right: str, name: str) -> bool:
        """Whether two sources have the same file of a name, by what stands for its bytes."""
        both = [self.checkpoints[label] for label in (left, right)]
        if _size(both[0], name) != _size(both[1], name):
            return False
        stated = [it.late[name].identity for it in both if is_late(it, name)]
        if len({len(it) for it in stated if it}) > 1:
            return False  # a large file to one and none to the other; what they say will tell
        by_git = bool(stated) and len(stated[0] or "") != _SHA256
        one, two = (self._digest(label, name, by_git=by_git) for label in (left, right))
        return one == two

    def _digest(self, label: str, name: str, *, by_git: bool) -> str:
        key = (label, name, by_git)
        if key not in self._digests:
            checkpoint = self.checkpoints[label]
            stated = checkpoint.late[name].identity if is_late(checkpoint, name) else None
            if stated is None or (len(stated) != _SHA256) is not by_git:
                raw = read_whole(small_file(checkpoint, name))
                stated = _git_id(raw) if by_git else hashlib.sha256(raw).hexdigest()
            self._digests[key] = stated
        return self._digests[key]


def beyond(label: str, tokens: Mapping[str, int], rows: int) -> Diagnostic | None:
    """E503 for tokens whose ids have no row."""
    lost = sorted((token for token in tokens if tokens[token] >= rows), key=tokens.__getitem__)
    if not lost:
        return None
    named = several([quoted(token) for token in lost])
    return Diagnostic(
        "E503",
        f"the tokenizer of `{label}` has {counted(len(lost), 'token')} beyond its {rows:,} rows",
        None,
        notes=(f"there is no row for {named}",),
        help=("take the tokenizer that belongs to these weights, or remove the tokens from it",),
    )


def _size(checkpoint: Checkpoint, name: str) -> int:
    late = checkpoint.late.get(name)
    return late.size if late is not None else (checkpoint.root / name).stat().st_size


def _git_id(raw: bytes) -> str:
    """The id that git gives to a file, and a hub to one that is no large file."""
    return hashlib.sha1(b"blob %d\0" % len(raw) + raw, usedforsecurity=False).hexdigest()


def _bring(checkpoint: Checkpoint, names: tuple[str, ...], name: str) -> None:
    if name in names:
        small_file(checkpoint, name)
