"""The facts about tokens in config.json and generation_config.json of a child."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mergec.catalog.tokenizer_files import as_list, as_object

# `eos_token_id`, `image_token_index`, `suppress_tokens`, and lists of such.
_IDS = re.compile(r"[a-z0-9_]*_token_(id|ids|index)|(begin_)?suppress_tokens|bad_words_ids")
_SIZE = "vocab_size"


@dataclass(slots=True)
class TokenIds:
    """What a config must say of tokens in the vocabulary of the child.

    `owned` says that the ids of the donor's configs are the child's. Else each is taken from the
    config of the tokenizer's own model, or by the token that the donor has there: `before` are the
    donor's tokens and `tokens` the child's. `lost` collects keys whose token the child lacks.
    """

    rows: int
    owned: bool
    before: Mapping[str, int]
    tokens: Mapping[str, int]
    lost: dict[str, str] = field(default_factory=dict[str, str])
    _names: dict[int, str] = field(default_factory=dict[int, str])

    def edited(
        self, config: Mapping[str, Any], owner: Mapping[str, Any], path: Sequence[str] = ()
    ) -> dict[str, Any]:
        """`config` with the child's ids; `owner` is what the tokenizer's own model has there.

        `path` leads to the member about text, of which the same holds.
        """
        made = {key: self._value(key, value, owner) for key, value in config.items()}
        if path and isinstance(config.get(path[0]), dict):
            theirs = as_object(owner.get(path[0])) or owner
            made[path[0]] = self.edited(config[path[0]], theirs, path[1:])
        return made

    def _value(self, key: str, value: Any, owner: Mapping[str, Any]) -> Any:
        if key == _SIZE and type(value) is int:
            return self.rows
        if self.owned or value is None or not _IDS.fullmatch(key):
            return value
        return owner[key] if key in owner else self._moved(key, value)

    def _moved(self, key: str, value: Any) -> Any:
        """The child's id for the donor's token; None for a token that the child lacks."""
        listed: object = value
        if isinstance(listed, list):
            moved = [self._moved(key, each) for each in as_list(value)]
            return [each for each in moved if each is not None]
        if type(value) is not int or value < 0:
            return value
        if not self._names:
            self._names = {number: token for token, number in self.before.items()}
        token = self._names.get(value)
        if token is not None and token in self.tokens:
            return self.tokens[token]
        self.lost[key] = token or str(value)
        return None
