"""The union of tokenizers: the first one's, and what the others know besides.

The first tokenizer's tokens keep their ids. Behind its highest id come the tokens of the second
that it lacks, in the order of their ids there, then those of the third, and so on. Rules of taking
text apart are the first one's, and the others must have the same.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mergec.catalog.quoted import quoted
from mergec.catalog.tokenizer import Tokenizer
from mergec.catalog.tokenizer_files import as_object
from mergec.catalog.union_pieces import BY_PIECES, no_union, united_pieces

# What a tokenizer is beside its tokens: pieces of another text would never be met.
_RULES = ("normalizer", "pre_tokenizer", "decoder")
_MODEL_RULES = (
    "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "ignore_merges", "fuse_unk",
)  # fmt: skip


def union_tokens(parts: Sequence[tuple[str, Tokenizer]]) -> dict[str, int]:
    """The ids of the union of tokenizers, each with its label.

    >>> first = Tokenizer({"a": 0, "b": 2}, "BPE", {}, {}, None)
    >>> second = Tokenizer({"c": 1, "d": 0, "b": 2}, "BPE", {}, {}, None)
    >>> union_tokens([("one", first), ("two", second)])
    {'a': 0, 'b': 2, 'd': 3, 'c': 4}
    """
    tokens = dict(parts[0][1].tokens)
    following = parts[0][1].size
    for _, other in parts[1:]:
        for token in sorted(other.tokens, key=other.tokens.__getitem__):
            if token not in tokens:
                tokens[token] = following
                following += 1
    return tokens


def union_files(
    parts: Sequence[tuple[str, Tokenizer]], tokens: Mapping[str, int]
) -> dict[str, bytes]:
    """tokenizer.json and tokenizer_config.json of the union whose ids are `tokens`.

    Raises E507 for tokenizers that take text apart in different ways.
    """
    for label, tokenizer in parts:
        if not tokenizer.model:
            raise no_union(
                f"`{label}` has no tokenizer.json, of which a union is made",
                ("load its tokenizer with transformers and call its `save_pretrained`",),
            )
    first = parts[0][1]
    added = dict(first.added)
    new_pieces: list[str] = []
    for label, other in parts[1:]:
        fresh = [token for token in other.added if token not in added]
        pieces = [t for t in other.tokens if t not in first.tokens and t not in other.added]
        if pieces:
            _require_one_kind(parts[0], (label, other), pieces[0])
        new_pieces += pieces
        added |= {token: other.added[token] for token in fresh if token not in new_pieces}
    document = {
        **first.document,
        "added_tokens": [
            {**added[token], "id": tokens[token]} for token in sorted(added, key=tokens.__getitem__)
        ],
        "model": united_pieces(parts, tokens),
    }
    # What it is cut or padded to belongs to a use of it.
    files = {"tokenizer.json": _json({**document, "truncation": None, "padding": None})}
    declared = as_object(first.config.get("added_tokens_decoder"))
    if declared:
        decoder = {
            str(tokens[t]): _declared(added[t]) for t in sorted(added, key=tokens.__getitem__)
        }
        config = {**first.config, "added_tokens_decoder": {**declared, **decoder}}
        files["tokenizer_config.json"] = _json(config)
    return files


def _declared(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "id"}


def _require_one_kind(one: tuple[str, Tokenizer], two: tuple[str, Tokenizer], piece: str) -> None:
    """E507 unless pieces of the second are met where the first takes text apart."""
    (left, first), (right, second) = one, two
    why = f"`{right}` has pieces of text that `{left}` lacks, such as {quoted(piece)}"
    if first.kind != second.kind:
        raise no_union(f"`{left}` is {first.kind} and `{right}` is {second.kind}", note=why)
    if first.kind not in BY_PIECES:
        raise no_union(f"pieces of {quoted(first.kind)} are not known to mergec", note=why)
    for rule in _RULES:
        if first.document.get(rule) != second.document.get(rule):
            raise no_union(f"`{left}` and `{right}` have different rules under `{rule}`", note=why)
    for rule in _MODEL_RULES:
        if (first.model.get(rule) or None) != (second.model.get(rule) or None):
            raise no_union(f"`{left}` and `{right}` have different rules under `{rule}`", note=why)


def _json(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
