"""What `mergec verify` detects without the sources, each in an output of several shards."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.command_line import SPEC, Mergec

OUT = Path("out")
FIRST, SECOND = (OUT / f"model-0000{n}-of-00002.safetensors" for n in (1, 2))


@pytest.fixture
def out(mergec: Mergec) -> Path:
    """An output with two shards, which is what was written."""
    Path("spec.merge").write_text(f"{SPEC}export child {{ shard = 0.0001MB }}\n")
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    assert mergec("verify", "out").status == 0
    return OUT


def swap_shards() -> None:
    FIRST.rename(OUT / "aside")
    SECOND.rename(FIRST)
    (OUT / "aside").rename(SECOND)


def swap_tensors() -> None:
    """Two tensors of one shape change places in the headers."""
    one, aside, other = (b"layers.%b.mlp" % layer for layer in (b"0", b"X", b"1"))
    for path in (FIRST, SECOND):
        raw = path.read_bytes().replace(one, aside)
        path.write_bytes(raw.replace(other, one).replace(aside, other))


def lose_a_shard() -> None:
    SECOND.unlink()


def lose_a_tensor() -> None:
    index = OUT / "model.safetensors.index.json"
    table = json.loads(index.read_text())
    table["weight_map"].pop("norm.weight")
    index.write_text(json.dumps(table))


def keep_an_old_shard() -> None:
    shutil.copy(FIRST, OUT / "model-00003-of-00003.safetensors")


def keep_an_old_tokenizer() -> None:
    (OUT / "tokenizer.json").write_text("{}")


def edit(name: str) -> Callable[[], None]:
    def change() -> None:
        text = (OUT / name).read_text()
        (OUT / name).write_text(text.replace("toy", "joy") if "toy" in text else f"{text} ")

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(swap_shards, id="a swapped shard"),
        pytest.param(swap_tensors, id="swapped tensors"),
        pytest.param(lose_a_shard, id="a missing shard"),
        pytest.param(lose_a_tensor, id="a missing tensor"),
        pytest.param(keep_an_old_shard, id="a stale shard"),
        pytest.param(keep_an_old_tokenizer, id="a stale tokenizer"),
        pytest.param(edit("config.json"), id="an edited config"),
        pytest.param(edit("README.md"), id="an edited card"),
        pytest.param(edit("model.safetensors.index.json"), id="an edited index"),
    ],
)
def test_what_is_not_what_was_written(
    mergec: Mergec, out: Path, change: Callable[[], None]
) -> None:
    change()
    outcome = mergec("verify", "out")
    assert (outcome.status, {*outcome.codes}) == (10, {"E812"}), outcome.err
    assert outcome.out.startswith("failed: ")


def test_a_bit_of_any_file_but_the_lineage(mergec: Mergec, out: Path) -> None:
    for path in sorted(out.iterdir()):
        raw = path.read_bytes()
        for place in (0, len(raw) // 2, len(raw) - 1) if path.name != "lineage.json" else ():
            path.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
            outcome = mergec("verify", "out")
            assert (outcome.status, {*outcome.codes}) == (10, {"E812"}), (path, place)
        path.write_bytes(raw)
    assert mergec("verify", "out").status == 0
