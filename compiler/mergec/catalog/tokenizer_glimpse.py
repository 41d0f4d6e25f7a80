"""The tokens that stand at the beginning of a tokenizer.json, without the rest of the file.

Added tokens come first in it, then pieces in the order of their ids, so that a part of the file is
enough to show that two vocabularies differ. That they agree only whole files can show.
"""

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from json.decoder import scanstring  # type: ignore[attr-defined]  # stated in no stub
from typing import Any, cast

from mergec.catalog.tokenizer_files import as_list, as_object

Pair = tuple[str, int]

_SPACE = re.compile(r"[ \t\r\n]*")
_WHOLE = re.compile(r"(\d{1,9})[ \t\r\n]*[,}]")  # what follows shows that no digit is cut off
_PART_OF_MODEL = "model"
_DECODER = json.JSONDecoder()


class _End(Exception):
    """The text ends, or is no JSON, and no more is read of it."""


def glimpse(raw: bytes) -> dict[str, int]:
    """Tokens with their ids, as far as the first bytes of a tokenizer.json state them.

    Nothing is judged: a token or an id that comes twice is left out where it comes again.

    >>> glimpse(b'{"version": "1.0", "model": {"vocab": {"a": 0, "b": 1, "c": 2')
    {'a': 0, 'b': 1}
    """
    found: dict[str, int] = {}
    seen: set[int] = set()
    try:
        for token, number in _pairs(_Text(codecs.getincrementaldecoder("utf-8")("replace"), raw)):
            if token not in found and number not in seen:
                found[token] = number
                seen.add(number)
    except (_End, ValueError, RecursionError):
        pass
    return found


class _Text:
    """A text, and how far it is read."""

    def __init__(self, decoder: codecs.IncrementalDecoder, raw: bytes) -> None:
        self.text: str = decoder.decode(raw)
        self.at = 0

    def next_is(self, sign: str) -> bool:
        """Whether a sign comes next, which is then passed; raises where nothing comes."""
        self.at = cast("re.Match[str]", _SPACE.match(self.text, self.at)).end()
        if self.at >= len(self.text):
            raise _End
        if self.text[self.at] != sign:
            return False
        self.at += 1
        return True

    def expect(self, sign: str) -> None:
        """Pass a sign."""
        if not self.next_is(sign):
            raise _End

    def value(self) -> Any:
        """The next value, which stands there whole."""
        self.next_is("\0")
        found, self.at = _DECODER.raw_decode(self.text, self.at)
        if self.at >= len(self.text):
            raise _End  # a number may go on
        return found

    def members(self) -> Iterator[str]:
        """The keys of the object that begins here; whoever asks passes their values."""
        self.expect("{")
        if self.next_is("}"):
            return
        while True:
            self.expect('"')
            key, self.at = cast("tuple[str, int]", scanstring(self.text, self.at, True))
            self.expect(":")
            yield key
            if self.next_is("}"):
                return
            self.expect(",")

    def items(self) -> Iterator[object]:
        """The values of the list that begins here."""
        self.expect("[")
        if self.next_is("]"):
            return
        while True:
            yield self.value()
            if self.next_is("]"):
                return
            self.expect(",")


def _pairs(text: _Text) -> Iterator[Pair]:
    for key in text.members():
        if key == "added_tokens" and _begins(text, "["):
            for item in text.items():
                entry = as_object(item)
                yield from _pair(entry.get("content"), entry.get("id"))
        elif key == _PART_OF_MODEL and _begins(text, "{"):
            for part in text.members():
                if part == "vocab":
                    yield from _vocabulary(text)
                else:
                    text.value()
        else:
            text.value()


def _begins(text: _Text, sign: str) -> bool:
    there = text.next_is(sign)
    text.at -= there
    return there


def _vocabulary(text: _Text) -> Iterator[Pair]:
    if _begins(text, "["):  # of Unigram: a token's place is its id
        for number, item in enumerate(text.items()):
            yield from _pair(next(iter(as_list(item)), None), number)
        return
    for token in text.members():
        text.next_is("\0")
        found = _WHOLE.match(text.text, text.at)
        if found is None:
            raise _End
        text.at = found.end(1)
        yield token, int(found[1])


def _pair(token: object, number: object) -> Iterator[Pair]:
    if isinstance(token, str) and type(number) is int and number >= 0:
        yield token, number


def differs_for_sure(
    one: Mapping[str, int], two: Mapping[str, int]
) -> tuple[tuple[int, str, str], ...]:
    """Ids with a token in each of two partial vocabularies, and not the same; by id."""
    names = {number: token for token, number in one.items()}
    return tuple(
        (number, names[number], token)
        for number, token in sorted((number, token) for token, number in two.items())
        if names.get(number, token) != token
    )
