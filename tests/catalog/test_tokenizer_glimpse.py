"""What the beginning of a tokenizer.json tells: never more than the whole, and nothing is run."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from mergec.catalog.tokenizer_glimpse import differs_for_sure, glimpse
from tests.toy_vocabularies import LETTERS, bpe

UNIGRAM = {"model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["é", -1.25]]}}


@pytest.mark.parametrize(
    ("document", "every"),
    [
        (
            bpe((*LETTERS, 'e"\u00e9\n'), added=("<|im|>",)),
            {token: n for n, token in enumerate((*LETTERS, 'e"\u00e9\n', "<|im|>"))},
        ),
        (UNIGRAM, {"<unk>": 0, "é": 1}),
    ],
)
@pytest.mark.parametrize("form", [{"ensure_ascii": False}, {"indent": 2}])
def test_every_beginning_tells_a_part_of_the_whole(
    form: Mapping[str, Any], document: Mapping[str, Any], every: Mapping[str, int]
) -> None:
    raw = json.dumps(document, **form).encode()
    before = 0
    for length in range(len(raw) + 1):
        found = glimpse(raw[:length])
        assert found.items() <= every.items(), raw[:length]
        assert before <= len(found)
        before = len(found)
    assert glimpse(raw) == every


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[]", b"\xff\xfe{", b'{"added_tokens": 3}', b'{"added_tokens": [3, {"id": true}]}',
        b'{"model": []}', b'{"model": {"vocab": 3}}', b'{"model": {"vocab": {"a": -1}}}',
        b'{"model": {"vocab": {"a": 99999999999}}}', b'{"version": ' + b"[" * 200_000,
        b'{"version": ' + b"9" * 10_000 + b"}",
    ],
)  # fmt: skip
def test_what_is_no_tokenizer_tells_nothing(raw: bytes) -> None:
    assert glimpse(raw) == {}


def test_only_ids_that_both_have_differ_for_sure() -> None:
    one, two = {"a": 0, "b": 1, "x": 5}, {"a": 0, "c": 1, "y": 6}
    assert differs_for_sure(one, two) == ((1, "b", "c"),)
