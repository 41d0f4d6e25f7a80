"""Vocabularies of models on a hub are compared from small files and headers alone."""

import json
from collections.abc import Sequence

from tests.end_to_end.command_line import Mergec, write_spec
from tests.hub.loopback_hub import Blob, LoopbackHub, small
from tests.toy_vocabularies import EMBED, HEAD, bpe

MEGABYTE = 1_000_000
TOKENS = ("<s>", "</s>", *(f"t{number}" for number in range(4_000)))


def language_model(tokens: Sequence[str]) -> dict[str, Blob]:
    """A model of 65 MB, of whose weights a server has the header alone."""
    rows, hidden = len(tokens), 4096
    size = rows * hidden * 2
    header = {
        name: {"dtype": "BF16", "shape": [rows, hidden], "data_offsets": [n * size, (n + 1) * size]}
        for n, name in enumerate((EMBED, HEAD))
    }
    raw = json.dumps(header).encode()
    head = len(raw).to_bytes(8, "little") + raw
    config = {"model_type": "llama", "vocab_size": rows, "num_hidden_layers": 0}
    return {
        "config.json": small(json.dumps(config)),
        "tokenizer.json": small(json.dumps(bpe(tokens))),
        "model.safetensors": Blob(head, len(head) + 2 * size, apart=True),
    }


def test_a_mismatch_is_found_before_a_megabyte_is_transferred(
    mergec: Mergec, hub: LoopbackHub
) -> None:
    hub.commit("org/base", language_model(TOKENS))
    hub.commit("org/code", language_model((*TOKENS[:2], *reversed(TOKENS[2:]))))
    lines = ('base = model("org/base")', 'code = model("org/code")', "child = linear(base, code)")
    write_spec(*lines)
    found = mergec("check", "spec.merge")
    assert (found.status, found.codes) == (5, ["E502"])
    assert "4,000 ids have another token" in found.err
    assert sum(hub.sent.values()) < MEGABYTE
    write_spec(*lines, "export child { tokenizer = base }")
    assert mergec("check", "spec.merge").status == 0
    assert sum(hub.sent.values()) < MEGABYTE
