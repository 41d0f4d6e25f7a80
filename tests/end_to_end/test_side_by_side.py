"""`mergec inspect` of several references: what they differ in, and how those that fail are told."""

import json
from pathlib import Path

import pytest

from tests.catalog.safetensors_bytes import file_of
from tests.end_to_end.command_line import Mergec
from tests.toy_checkpoints import bf16, write_checkpoint
from tests.toy_family import write_members


def edit(path: str, **values: object) -> None:
    known = json.loads(Path(path).read_text())
    Path(path).write_text(json.dumps(known | values))


def vocabulary(**tokens: int) -> dict[str, object]:
    return {"model": {"type": "BPE", "merges": [], "vocab": tokens}}


def differences(out: str) -> dict[str, list[str]]:
    return {it["subject"]: it["values"] for it in json.loads(out)["differences"]}


@pytest.fixture(autouse=True)
def members(mergec: Mergec) -> None:
    write_members(Path(), ["one", "two", "three"])


def test_what_is_equal_stands_below_what_is_not(mergec: Mergec) -> None:
    edit("two/config.json", rope_theta=5e5)
    found = mergec("inspect", "./one", "./two", "./three")
    assert (found.status, found.err, found.made) == (0, "", set())
    above, _, below = found.out.partition("\n\n")
    assert above.splitlines()[0].split() == ["./one", "./two", "./three"]
    rows = {line.split()[0]: line for line in above.splitlines()[1:]}
    assert [*rows] == ["rope_theta"]
    assert rows["rope_theta"].split() == ["rope_theta", "10000", "500000.0", "10000"]
    assert "dtypes: 21 bf16" in below


def test_every_kind_of_difference(mergec: Mergec) -> None:
    edit("two/config.json", tie_word_embeddings=True, vocab_size=40)
    tokens = {"a": 0, "b": 1}
    Path("one/tokenizer.json").write_text(json.dumps(vocabulary(**tokens)))
    Path("two/tokenizer.json").write_text(json.dumps(vocabulary(b=0, a=1, c=2)))
    Path("two/chat_template.jinja").write_text("{{ messages }}")
    Path("two/README.md").write_text("---\nlicense: mit\n---\n")
    Path("two/model.safetensors").rename("two/model-00001-of-00001.safetensors")
    found = differences(mergec("inspect", "./one", "./two", "--json").out)
    assert found["parameters"] == ["6,224", "5,712 (lm_head.weight is the embedding)"]
    assert found["tied"] == ["config.json does not say if tied", "tied in config.json"]
    assert found["vocabulary"][1] == "40 in config.json, 32 rows, 3 in the tokenizer"
    assert found["tokens"] == ["as in the first", "2 moved, 1 more"]
    assert found["chat template"][0] == "none"
    assert found["chat template"][1].startswith("sha256 ")
    assert found["licence"] == ["apache-2.0 (permissive)", "mit (permissive)"]
    assert "tensors" not in found


def test_tensors_are_told_by_those_of_the_first(mergec: Mergec) -> None:
    write_checkpoint(Path("small"), {"a": bf16("a", (2, 2)), "b": bf16("b", (2,))})
    write_checkpoint(
        Path("other"),
        {"m.a": bf16("a", (2, 3)), "m.b": bf16("b", (2,)), "m.c": bf16("c", (2,))},
    )
    found = differences(mergec("inspect", "./small", "./other", "--json").out)
    assert found["tensors"] == ["2", "3 (1 more, 1 of other shapes, names by `*` -> `m.*`)"]


def test_in_json_each_is_as_it_is_alone(mergec: Mergec) -> None:
    known = json.loads(mergec("inspect", "./one", "./two", "--json").out)
    assert known["schema"] == "mergec.inspect_several/1"
    assert known["references"] == ["./one", "./two"]
    assert known["differences"] == []
    assert known["inspected"][1] == json.loads(mergec("inspect", "./two", "--json").out)


def test_all_that_do_not_open_are_told_of(mergec: Mergec) -> None:
    Path("text.safetensors").write_text("no weights")
    found = mergec("inspect", "./one", "./missing", "./text.safetensors", "./missing")
    assert (found.status, found.codes, found.out) == (4, ["E701", "E704"], "")


def test_a_strangers_words_stay_on_their_line(mergec: Mergec) -> None:
    for name in ("one", "two"):
        edit(f"{name}/config.json", model_type="\x1b[31mred\nlicence  mit")
    edit("two/config.json", rope_theta="\x1b[2J")
    shown = mergec("inspect", "./one", "./two").out
    assert "\x1b" not in shown
    assert "red\n" not in shown
    assert "red\n" not in mergec("inspect", "./one").out


def test_strangers_are_told_unless_weights_are_left_alone(mergec: Mergec) -> None:
    shapes = {f"layers.{n}.up.weight": (64, 32) for n in range(4)}
    for name, seed in (("start", ""), ("apart", "other")):
        write_checkpoint(Path(name), {key: bf16(seed + key, shapes[key]) for key in shapes})
    without = mergec("inspect", "./start", "./apart", "--no-kin", "--json")
    assert "weights" not in differences(without.out)
    assert without.codes == []
    found = mergec("inspect", "./start", "./start", "./apart")
    assert (found.status, found.codes) == (0, ["W705"])
    (row,) = (line.split() for line in found.out.splitlines() if line.startswith("weights"))
    assert row[3] == "related,"
    assert row[7] == "unrelated,"
    known = json.loads(mergec("inspect", "./start", "./apart", "./one", "--kin", "--json").out)
    assert [it["verdict"] for it in known["kinship"]] == ["unrelated", "unknown"]
    assert known["kinship"][0]["of"] == ["./start", "./apart"]


def test_a_tokenizer_that_cannot_be_read_is_not_compared(mergec: Mergec) -> None:
    with Path("two/tokenizer.json").open("wb") as file:
        file.truncate((64 << 20) + 1)
    Path("three/tokenizer.json").write_text("{")
    found = mergec("inspect", "./one", "./two", "./three", "--json")
    assert found.status == 0
    assert differences(found.out)["tokens"] == ["as in the first", "not compared", "not compared"]


def test_of_one_there_is_no_kin(mergec: Mergec) -> None:
    assert mergec("inspect", "./one", "--kin").status == 2


def test_a_file_beside_a_folder(mergec: Mergec) -> None:
    Path("alone.safetensors").write_bytes(file_of({"a": bf16("a", (2, 2))}))
    found = differences(mergec("inspect", "./one", "./alone.safetensors", "--json").out)
    assert found["tensors"] == ["21", "1 (21 lacking, 1 more)"]
    assert found["licence"] == ["apache-2.0 (permissive)", "none stated"]
