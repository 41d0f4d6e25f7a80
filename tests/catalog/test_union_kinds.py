"""Unions of every kind of tokenizer, which the library that they are made for loads and uses."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mergec.catalog.tokenizer import Tokenizer, read_tokenizer
from mergec.catalog.union_tokenizer import union_files, union_tokens
from mergec.diagnostics import MergecError
from tests.toy_vocabularies import bpe

SPECIAL = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}


def document(
    model: Mapping[str, Any], added: Mapping[str, int], before: object = None
) -> dict[str, Any]:
    entries = [{"id": n, "content": t, "special": True, **SPECIAL} for t, n in added.items()]
    plain = bpe(())
    return {**plain, "added_tokens": entries, "model": dict(model), "pre_tokenizer": before}


def unigram(pieces: Sequence[tuple[str, float]], **added: int) -> dict[str, Any]:
    model = {"type": "Unigram", "unk_id": 0, "byte_fallback": False, "vocab": pieces}
    return document(model, {f"<{name}>": number for name, number in added.items()})


def words(kind: str, known: Sequence[str]) -> dict[str, Any]:
    vocabulary = {token: number for number, token in enumerate(known)}
    model: dict[str, Any] = {"type": kind, "unk_token": "<unk>", "vocab": vocabulary}
    if kind == "WordPiece":
        model |= {"continuing_subword_prefix": "##", "max_input_chars_per_word": 100}
    return document(model, {"<unk>": 0}, {"type": "WhitespaceSplit"})


def united(folder: Path, *documents: Mapping[str, Any]) -> dict[str, Any]:
    parts: list[tuple[str, Tokenizer]] = []
    for number, each in enumerate(documents):
        inner = folder / str(number)
        inner.mkdir()
        (inner / "tokenizer.json").write_text(json.dumps(each))
        found = read_tokenizer(inner, ["tokenizer.json"])
        assert found is not None
        parts.append((str(number), found))
    made: dict[str, Any] = json.loads(
        union_files(parts, union_tokens(parts))["tokenizer.json"].decode()
    )
    return made


def encoded(made: Mapping[str, Any], text: str) -> list[str]:
    tokenizers: Any = pytest.importorskip("tokenizers")
    tokens: list[str] = tokenizers.Tokenizer.from_str(json.dumps(made)).encode(text).tokens
    return tokens


def test_pieces_keep_the_score_of_the_first_that_has_them(tmp_path: Path) -> None:
    one = unigram([("<unk>", 0), ("a", -1), ("b", -2), ("ab", -2.5)], unk=0, im=4)
    two = unigram([("<unk>", 0), ("b", -9), ("c", -3), ("bc", -4)], unk=0, end=4)
    made = united(tmp_path, one, two)
    assert made["model"]["vocab"] == [
        ["<unk>", 0], ["a", -1], ["b", -2], ["ab", -2.5], ["<im>", 0.0],
        ["c", -3], ["bc", -4], ["<end>", 0.0],
    ]  # fmt: skip
    assert encoded(made, "ab<im>bc<end>a") == ["ab", "<im>", "bc", "<end>", "a"]


@pytest.mark.parametrize(
    ("one", "two", "why"),
    [
        (unigram([("<unk>", 0)], unk=0, im=7), unigram([("<unk>", 0), ("c", -1)], unk=0), "id 1"),
        (unigram([("<unk>", 0)], unk=0), document(
            {"type": "Unigram", "byte_fallback": False, "vocab": [["<unk>", 0], ["c", True]]}, {}
        ), "`c` has no score"),
    ],
)  # fmt: skip
def test_what_unigram_cannot_hold_is_refused(
    one: Mapping[str, Any], two: Mapping[str, Any], why: str, tmp_path: Path
) -> None:
    with pytest.raises(MergecError) as caught:
        united(tmp_path, one, two)
    (found,) = caught.value.diagnostics
    assert (found.code, why in found.message) == ("E507", True), found.message


@pytest.mark.parametrize("kind", ["WordPiece", "WordLevel"])
def test_words_are_appended(kind: str, tmp_path: Path) -> None:
    one = words(kind, ["<unk>", "red", "blue"])
    two = words(kind, ["<unk>", "green", "red", "##ish"])
    made = united(tmp_path, one, two)
    known = ["<unk>", "red", "blue", "green", "##ish"]
    assert made["model"]["vocab"] == {token: number for number, token in enumerate(known)}
    rest = ["green", "##ish"] if kind == "WordPiece" else ["<unk>"]
    assert encoded(made, "red greenish blue") == ["red", *rest, "blue"]


def test_a_help_says_how_single_tokens_stay(tmp_path: Path) -> None:
    one, two = words("WordLevel", ["<unk>", "red"]), words("WordLevel", ["<unk>", "green"])
    with pytest.raises(MergecError) as caught:
        united(tmp_path, one, {**two, "normalizer": {"type": "NFC"}})
    (found,) = caught.value.diagnostics
    assert found.help is not None
    assert 'tokenizer = "./folder"' in found.help[-1]
