"""Tokenizers as data: what they say, how two differ, what their union is, and what is refused."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mergec.catalog.tokenizer import Tokenizer, read_tokenizer
from mergec.catalog.tokenizer_differences import differences
from mergec.catalog.union_tokenizer import union_files, union_tokens
from mergec.diagnostics import MergecError
from tests.toy_vocabularies import LETTERS, bpe


def read(folder: Path, **files: object) -> Tokenizer | None:
    for stem, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        name = stem.replace("_txt", ".txt").replace("_json", ".json").replace("_model", ".model")
        (folder / name).write_text(text)
    return read_tokenizer(folder, sorted(path.name for path in folder.iterdir()))


def of(folder: Path, document: Mapping[str, Any], name: str = "one") -> Tokenizer:
    inner = folder / name
    inner.mkdir()
    found = read(inner, tokenizer_json=document)
    assert found is not None
    return found


def test_every_file_that_adds_tokens_is_read(tmp_path: Path) -> None:
    config = {"added_tokens_decoder": {"6": {"content": "<|im|>"}}, "chat_template": "{{ x }}"}
    found = read(
        tmp_path, tokenizer_json=bpe(LETTERS), tokenizer_config_json=config,
        added_tokens_json={"<extra>": 9},
    )  # fmt: skip
    assert found is not None
    assert found.tokens == {**{t: n for n, t in enumerate(LETTERS)}, "<|im|>": 6, "<extra>": 9}
    assert (found.size, found.kind, found.template) == (10, "BPE", "{{ x }}")


@pytest.mark.parametrize(
    ("files", "tokens"),
    [
        ({"vocab_txt": "a\nb\n"}, {"a": 0, "b": 1}),
        ({"vocab_json": {"b": 0, "a": 1}}, {"a": 1, "b": 0}),
        ({"tokenizer_json": {"model": {"vocab": [["x", 0.0], ["y", -1.5]]}}}, {"x": 0, "y": 1}),
    ],
)
def test_other_forms_of_a_vocabulary(
    files: Mapping[str, object], tokens: Mapping[str, int], tmp_path: Path
) -> None:
    found = read(tmp_path, **files)
    assert found is not None
    assert found.tokens == tokens


@pytest.mark.parametrize("files", [{}, {"tokenizer_json": "{}"}, {"merges_txt": "a b"}])
def test_files_without_a_token_are_no_tokenizer(
    files: Mapping[str, object], tmp_path: Path
) -> None:
    assert read(tmp_path, **files) is None


@pytest.mark.parametrize(
    ("files", "code", "words"),
    [
        ({"tokenizer_json": "{"}, "E505", "is not JSON"),
        ({"tokenizer_json": "[" * 99 + "]" * 99}, "E505", "nested deeper"),
        ({"tokenizer_json": '{"a": 1, "a": 2}'}, "E505", "twice in one object (`a`)"),
        ({"vocab_json": {"a": -1}}, "E505", "the id `-1`"),
        ({"vocab_json": {"a": 10**9}}, "E505", "the id `1000000000`"),
        ({"vocab_json": {"a": True}}, "E505", "the id `True`"),
        ({"vocab_json": {"\u202ea": "x"}}, "E505", "`\\u202ea`"),
        ({"vocab_json": {"a": 0, "b": 0}}, "E506", "id 0 belongs to two tokens, `a`, `b`"),
        ({"vocab_txt": "a\na\n"}, "E506", "token `a` has the ids 0 and 1"),
        ({"tokenizer_model": "x"}, "E505", "a format that mergec copies"),
    ],
)
def test_what_is_refused(
    files: Mapping[str, object], code: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(MergecError) as caught:
        read(tmp_path, **files)
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert words in found.message


def test_two_forms_of_merges_are_the_same(tmp_path: Path) -> None:
    one = bpe(LETTERS, merges=(("a", "b"),))
    two = {**one, "model": {**one["model"], "merges": ["a b"], "unk_token": None}}
    found = differences(of(tmp_path, one), of(tmp_path, two, "two"))
    assert (found.moved, found.alone, found.rules) == ((), (), ())


def test_the_union_has_the_merges_of_both_in_order(tmp_path: Path) -> None:
    one = of(tmp_path, bpe((*LETTERS, "ab"), merges=(("a", "b"),)))
    other = bpe((*LETTERS, "cd", "ab"), added=("<|im|>",), merges=(("c", "d"), ("a", "b")))
    two = of(tmp_path, other, "two")
    parts = [("one", one), ("two", two)]
    tokens = union_tokens(parts)
    assert tokens == {**one.tokens, "cd": 7, "<|im|>": 8}
    made = json.loads(union_files(parts, tokens)["tokenizer.json"])
    assert made["model"]["merges"] == [["a", "b"], ["c", "d"]]
    assert made["model"]["vocab"] == tokens
    assert [(each["content"], each["id"]) for each in made["added_tokens"]] == [
        ("<s>", 0), ("</s>", 1), ("<|im|>", 8),
    ]  # fmt: skip


def test_added_tokens_unite_with_any_rules(tmp_path: Path) -> None:
    one = of(tmp_path, bpe(LETTERS))
    document = {**bpe(LETTERS, added=("<|im|>",)), "normalizer": {"type": "NFC"}}
    two = of(tmp_path, document, "two")
    parts = [("one", one), ("two", two)]
    assert (
        json.loads(union_files(parts, union_tokens(parts))["tokenizer.json"])["normalizer"] is None
    )


@pytest.mark.parametrize("rule", ["normalizer", "pre_tokenizer", "decoder", "byte_fallback"])
def test_pieces_do_not_unite_with_other_rules(rule: str, tmp_path: Path) -> None:
    document = bpe((*LETTERS, "e"))
    changed = document["model"] if rule == "byte_fallback" else document
    changed[rule] = True if rule == "byte_fallback" else {"type": "Other"}
    parts = [("one", of(tmp_path, bpe(LETTERS))), ("two", of(tmp_path, document, "two"))]
    with pytest.raises(MergecError) as caught:
        union_files(parts, union_tokens(parts))
    (found,) = caught.value.diagnostics
    assert (found.code, f"`{rule}`" in found.message) == ("E507", True)


def test_a_token_that_moved_to_an_id_of_none_is_told(tmp_path: Path) -> None:
    """Nothing is at an id where the other has another token, and yet rows do not fit."""
    one, two = bpe(("<s>", "a", "b")), bpe(("<s>", "a"))
    two["model"]["vocab"]["b"] = 3
    found = differences(of(tmp_path, one), of(tmp_path, two, "two"))
    assert (found.moved, found.alone) == (((2, "b", None), (3, None, "b")), ())
