"""Small models whose rows say which they are, with tokenizers of a few tokens.

The row r of the embedding of the model m, a number, is [100m + r, r, -r, m]; of the head it is the
same negated.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.catalog.safetensors_bytes import Tensor, file_of

EMBED, HEAD, UP = "model.embed_tokens.weight", "lm_head.weight", "model.layers.0.mlp.up_proj.weight"
HIDDEN = 4
LETTERS = ("<s>", "</s>", "a", "b", "c", "d")


def row(model: int, number: int) -> list[float]:
    """A row of an embedding."""
    return [100.0 * model + number, float(number), float(-number), float(model)]


def write_model(
    folder: Path,
    model: int,
    tokens: Sequence[str] = LETTERS,
    *,
    rows: int | None = None,
    added: Sequence[str] = (),
    merges: Sequence[tuple[str, str]] = (),
    tied: bool = False,
    tokenizer: Mapping[str, Any] | None = None,
    **config: Any,
) -> None:
    """A model whose tokens have the ids of their places; `added` stand behind `tokens`."""
    every = [*tokens, *added]
    count = len(every) if rows is None else rows
    folder.mkdir(parents=True)
    table = [value for number in range(count) for value in row(model, number)]
    tensors = {EMBED: f32(table, count), UP: f32([float(model)] * 8, 2)}
    if not tied:
        tensors[HEAD] = f32([-value for value in table], count)
    (folder / "model.safetensors").write_bytes(file_of(tensors, {"format": "pt"}))
    stated = {
        "model_type": "llama", "vocab_size": count, "num_hidden_layers": 1,
        "tie_word_embeddings": tied, "bos_token_id": 0, "eos_token_id": 1, **config,
    }  # fmt: skip
    write_json(folder / "config.json", stated)
    known = bpe(tokens, added, merges) if tokenizer is None else tokenizer
    if known:
        write_json(folder / "tokenizer.json", known)


def bpe(
    tokens: Sequence[str], added: Sequence[str] = (), merges: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    """A tokenizer.json as transformers writes it."""
    special = [token for token in tokens if token.startswith("<")]
    ids = {token: number for number, token in enumerate([*tokens, *added])}
    entries = [
        {
            "id": ids[token], "content": token, "single_word": False, "lstrip": False,
            "rstrip": False, "normalized": False, "special": token.startswith("<"),
        }
        for token in [*special, *added]
    ]  # fmt: skip
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": entries,
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: ids[token] for token in tokens},
            "merges": [list(pair) for pair in merges],
        },
    }


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """A file of JSON."""
    path.write_text(json.dumps(document, indent=2) + "\n")


def f32(values: Sequence[float], rows: int) -> Tensor:
    """A matrix of `rows` rows."""
    raw = struct.pack(f"<{len(values)}f", *values)
    return ("F32", [rows, len(values) // max(rows, 1)], raw)


def write_speakers(root: Path) -> None:
    """Models of one shape whose tokenizers agree, differ, or are wrong."""
    write_model(root / "spoken", 1, pad_token_id=3)
    write_model(root / "foreign", 2, ("<s>", "</s>", "d", "e", "a"), added=("<|im|>",))
    write_model(root / "mute", 3, tokenizer={})
    write_model(root / "overfull", 4, rows=5)
    write_model(root / "roomy", 5, rows=8)
    write_model(root / "learned", 6, (*LETTERS, "e"), rows=8)
    spaced = {**bpe(LETTERS), "pre_tokenizer": {"type": "WhitespaceSplit"}}
    write_model(root / "spaced", 7, tokenizer=spaced)
    words = bpe(("<s>", "</s>", "a", "b", "c", "##d"))
    write_model(root / "words", 8, tokenizer={**words, "model": _word_pieces(words["model"])})
    write_model(root / "pieces", 9, tokenizer={})
    (root / "pieces" / "tokenizer.model").write_bytes(b"\n\x0e\n\x05<unk>")
    doubled = bpe(LETTERS)
    doubled["model"]["vocab"]["d"] = 2
    write_model(root / "doubled", 10, tokenizer=doubled)
    write_model(root / "chatting", 11)
    write_json(root / "chatting" / "tokenizer_config.json", {"chat_template": "{{ messages }}"})
    write_model(root / "crowded", 12, (*LETTERS, "e"), rows=6)
    write_model(root / "ending", 13)
    write_json(root / "ending" / "tokenizer_config.json", {"eos_token": "</s>"})
    write_model(root / "stopping", 14)
    write_json(root / "stopping" / "tokenizer_config.json", {"eos_token": {"content": "d"}})
    (root / "voiceless").mkdir()
    norm = {"norm.weight": f32([1.0, 1.0, 1.0, 1.0], 1)}
    (root / "voiceless" / "model.safetensors").write_bytes(file_of(norm))
    write_json(root / "voiceless" / "tokenizer.json", bpe(LETTERS))


def _word_pieces(model: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "WordPiece", "unk_token": "<s>", "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100, "vocab": model["vocab"],
    }  # fmt: skip
