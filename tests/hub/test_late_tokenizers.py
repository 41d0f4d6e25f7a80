"""Tokenizers of megabytes on a hub: nothing is fetched that is not needed to tell."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.catalog.safetensors_bytes import file_of
from tests.end_to_end.command_line import Mergec, write_spec
from tests.hub.loopback_hub import Blob, LoopbackHub, small, whole
from tests.hub.test_hub_vocabularies import MEGABYTE
from tests.toy_vocabularies import EMBED, HEAD, UP, bpe, f32

LINES = ('base = model("org/base")', 'code = model("org/code")', "child = linear(base, code)")
DECODER = {"added_tokens_decoder": {"1": {"content": "</s>"}}}


def tokens(count: int) -> list[str]:
    return ["<s>", "</s>", *(f"a longer token {number}" for number in range(count - 2))]


def language_model(
    known: Sequence[str], config: Mapping[str, object] = DECODER, *, large: bool = False
) -> dict[str, Blob]:
    """A model with a tokenizer.json of up to 3 MB, which is a large file to the hub or is not."""
    rows = len(known)
    table = f32([float(number) for number in range(rows)], rows)
    raw = json.dumps(bpe(known), indent=1)
    tensors = {EMBED: table, HEAD: table, UP: f32([1.0, 2.0], 2)}
    stated = {"model_type": "llama", "vocab_size": rows, "num_hidden_layers": 1}
    return {
        "config.json": small(json.dumps(stated)),
        "tokenizer.json": whole(raw.encode()) if large else small(raw),
        "tokenizer_config.json": small(json.dumps(config)),
        "model.safetensors": whole(file_of(tensors, {"format": "pt"})),
    }


@pytest.fixture(scope="module")
def known() -> list[str]:
    return tokens(100_000)


def test_what_differs_at_the_beginning_is_seen_there(
    known: list[str], mergec: Mergec, hub: LoopbackHub
) -> None:
    base = language_model(known)
    assert base["tokenizer.json"].size > 3 * MEGABYTE
    hub.commit("org/base", base)
    hub.commit("org/code", language_model([*known[:2], *reversed(known[2:])], large=True))
    write_spec(*LINES)
    found = mergec("check", "spec.merge")
    assert (found.status, found.codes) == (5, ["E502"])
    assert "id 2 is `a longer token 0` in `org/base` and `a longer token 99997`" in found.err
    assert "the rest of the tokenizers was not fetched" in found.err
    assert sum(hub.sent.values()) < MEGABYTE


def test_what_added_tokens_tell_takes_no_look_at_the_rest(mergec: Mergec, hub: LoopbackHub) -> None:
    known = tokens(4_000)
    hub.commit("org/base", language_model(known))
    hub.commit(
        "org/code",
        language_model(
            known[1:],
            {"added_tokens_decoder": {"0": {"content": "</s>"}, "1": {"content": "<im>"}}},
        ),
    )
    write_spec(*LINES)
    assert mergec("check", "spec.merge").codes == ["E502"]
    assert hub.asked("tokenizer.json") == []


@pytest.mark.parametrize("large", [False, True])
def test_files_of_one_content_are_not_fetched(
    large: bool, known: list[str], mergec: Mergec, hub: LoopbackHub
) -> None:
    hub.commit("org/base", language_model(known, large=large))
    hub.commit("org/code", language_model(known, DECODER | {"chat_template": "x"}, large=large))
    write_spec(*LINES)
    found = mergec("check", "spec.merge")
    assert (found.status, found.codes) == (0, ["W503"])
    assert hub.asked("tokenizer.json") == []
    assert sum(hub.sent.values()) < MEGABYTE


def test_where_only_the_end_differs_the_whole_is_fetched(mergec: Mergec, hub: LoopbackHub) -> None:
    known = tokens(20_000)
    hub.commit("org/base", language_model(known))
    hub.commit("org/code", language_model([*known[:-2], known[-1], known[-2]]))
    write_spec(*LINES)
    found = mergec("check", "spec.merge")
    assert (found.status, found.codes) == (5, ["E502"])
    assert "2 ids have another token" in found.err


@pytest.mark.parametrize("large", [False, True])
def test_a_run_brings_all_and_the_next_is_made_offline(
    large: bool, mergec: Mergec, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = tokens(4_000)
    files = language_model(known, large=large)
    hub.commit("org/base", files)
    hub.commit("org/code", files)
    write_spec(*LINES)
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    copied = files["tokenizer.json"]
    assert Path("out/tokenizer.json").read_bytes() == copied.read(0, copied.size)
    monkeypatch.setenv("MERGEC_OFFLINE", "1")
    assert mergec("run", "spec.merge", "-o", "again").status == 0
    one, two = (json.loads(Path(f, "lineage.json").read_text()) for f in ("out", "again"))
    assert definition(one) == definition(two)


def definition(statement: Any) -> Any:
    return statement["predicate"]["buildDefinition"]


def test_a_model_here_is_compared_with_one_there(mergec: Mergec, hub: LoopbackHub) -> None:
    files = language_model(tokens(4_000))
    hub.commit("org/code", files)
    Path("here").mkdir()
    for name, blob in files.items():
        Path("here", name).write_bytes(blob.read(0, blob.size))
    write_spec('base = model("./here")', *LINES[1:])
    assert mergec("check", "spec.merge").status == 0
    assert hub.asked("tokenizer.json") == []
