"""`mergec inspect`: what it shows of every kind of checkpoint, and how it refuses the others."""

import json
import re
from pathlib import Path

import pytest

from tests.catalog.safetensors_bytes import Tensor, file_of
from tests.end_to_end.command_line import Mergec, write_spec
from tests.lineages import statement
from tests.toy_checkpoints import weights, write_checkpoint
from tests.toy_family import write_members

MERGED = """\
model          ./out
               4 tensors, 68 parameters, 136 B
parameters     68
architecture   toy, roles inferred from names, 2 layers
embeddings     not known
vocabulary     not known
tokenizer      no file
chat template  none
licence        apache-2.0 (permissive)
quantisation   none stated
lineage        merged by mergec VERSION from ./base, ./code, ./math
               plan HASH

dtype  tensors  parameters   size
bf16         4          68  136 B

file               tensors  parameters   size
model.safetensors        4          68  136 B
"""


def test_a_merge_with_its_lineage(mergec: Mergec) -> None:
    mergec("run", "spec.merge", "-o", "out", "--backend", "reference")
    found = mergec("inspect", "./out")
    assert (found.status, found.err, found.made) == (0, "", set())
    shown = re.sub(r"(?<=plan )[0-9a-f]{64}", "HASH", found.out)
    assert re.sub(r"(?<=by mergec )\S+", "VERSION", shown) == MERGED
    assert f"plan {statement('out').plan}\n" in found.out


def test_the_members_of_its_json_stay(mergec: Mergec) -> None:
    write_members(Path(), ["toy"])
    found = mergec("inspect", "./toy", "--json")
    document = json.loads(found.out)
    (file,) = document.pop("files")
    assert len(file.pop("header_sha256")) == 64
    amount = {"tensors": 21, "parameters": 6224, "bytes": 12448}
    assert file == {
        "name": "model.safetensors",
        "size": Path("toy/model.safetensors").stat().st_size,
        **amount,
        "metadata": {"format": "pt"},
    }
    assert document == {
        "schema": "mergec.inspect/1",
        "reference": "./toy",
        "kind": "model",
        **amount,
        "distinct_parameters": 6224,
        "dtypes": {"bf16": amount},
        "architecture": {
            "family": "llama",
            "described": True,
            "model_type": "llama",
            "classes": ["LlamaForCausalLM"],
            "layers": 2,
            "stacks": ["model.layers."],
        },
        "embeddings": {
            "table": "model.embed_tokens.weight",
            "rows": 32,
            "head": "lm_head.weight",
            "tied": None,
        },
        "vocabulary": 32,
        "tokenizer": {
            "files": ["tokenizer.json"],
            "kind": "BPE",
            "entries": None,
            "highest_id": None,
            "chat_template": None,
            "problems": {},
        },
        "licence": "apache-2.0",
        "licence_terms": {
            "spdx": "Apache-2.0",
            "name": None,
            "link": None,
            "stated_in": "card",
            "family": "permissive",
            "asks": [
                "keep the copyright notices and the text of the licence",
                "say that it was changed",
            ],
        },
        "quantisation": None,
        "lineage": None,
        "warnings": [],
    }


def test_lineage_in_json_names_parents_that_were_merged_themselves(mergec: Mergec) -> None:
    mergec("run", "spec.merge", "-o", "first", "--backend", "reference")
    write_spec('a = model("./first", id="one")', 'b = model("./instruct")', "child = linear(a, b)")
    mergec("run", "spec.merge", "-o", "second", "--backend", "reference")
    lineage = json.loads(mergec("inspect", "./second", "--json").out)["lineage"]
    assert lineage["sources"] == {"one": "./first", "./instruct": "./instruct"}
    assert lineage["merged_sources"] == ["one"]
    assert " from one ./first, ./instruct\n" in mergec("inspect", "./second").out
    assert lineage["spec"] == "spec.merge"


@pytest.mark.parametrize(
    ("folder", "line"),
    [
        ("llama", "architecture   llama, 4 layers"),
        ("tied", "no head, tied in config.json"),
        ("licensed", "licence        cc-by-nc-4.0 (non-commercial)"),
        ("fp8", "f8_e4m3        1          16   16 B"),
        ("counting", "i64          1           2   16 B"),
        ("chatty", "tokenizer      tokenizer.json (BPE)"),
    ],
)
def test_what_is_shown_of(folder: str, line: str, mergec: Mergec) -> None:
    found = mergec("inspect", f"./{folder}")
    assert found.status == 0, found.err
    assert line in found.out


def test_a_sharded_checkpoint_and_a_warning_about_it(mergec: Mergec) -> None:
    found = mergec("inspect", "./sharded")
    assert found.codes == ["W701"]
    assert "model-00002-of-00002.safetensors        2" in found.out
    warned = json.loads(mergec("inspect", "./sharded", "--json").out)["warnings"]
    assert [each["code"] for each in warned] == ["W701"]


def test_a_file_and_a_delta(mergec: Mergec) -> None:
    alone = mergec("inspect", "./base/model.safetensors")
    assert alone.out.startswith("model          ./base/model.safetensors\n")
    write_spec('a = model("./base")', 'b = model("./code")', "export delta b - a")
    mergec("run", "spec.merge", "-o", "out", "--backend", "reference")
    assert mergec("inspect", "./out").out.startswith("delta          ./out\n")
    # A file alone has no lineage.
    file = mergec("inspect", "./out/delta.safetensors").out
    assert "\nlineage        none\n" in file


def test_heads_are_bold_on_a_terminal_that_can_show_it(
    mergec: Mergec, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = mergec("inspect", "./base").out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    bold = mergec("inspect", "./base").out
    assert "\x1b[1mdtype" in bold
    letters = re.sub(r"\x1b\[[0-9;]*m", "", bold)
    assert re.sub(r" +$", "", letters, flags=re.MULTILINE) == plain
    monkeypatch.setenv("NO_COLOR", "1")
    assert mergec("inspect", "./base").out == plain


def test_of_many_files_the_first_are_listed(mergec: Mergec) -> None:
    folder = Path("many")
    folder.mkdir()
    held = {f"w{n:02}": weights("base")["norm.weight"] for n in range(11)}
    places = {name: f"part-{name}.safetensors" for name in held}
    for name, file in places.items():
        (folder / file).write_bytes(file_of({name: held[name]}))
    index = json.dumps({"metadata": {}, "weight_map": places})
    (folder / "model.safetensors.index.json").write_text(index)
    lines = mergec("inspect", "./many").out.splitlines()
    assert lines[-1] == "and 3 more"
    assert len(json.loads(mergec("inspect", "./many", "--json").out)["files"]) == 11


def test_a_strangers_text_reaches_no_terminal_as_it_is(mergec: Mergec) -> None:
    config = {"model_type": "\x1b[31mred", "architectures": ["\u202eevil"]}
    write_checkpoint(Path("hostile"), weights("base"), config=config)
    found = mergec("inspect", "./hostile")
    assert found.status == 0
    assert "\x1b" not in found.out
    assert "\\u{1b}[31mred" in found.out
    assert json.loads(mergec("inspect", "./hostile", "--json").out)["architecture"]["classes"] == [
        "\u202eevil"
    ]


BAD = ("./missing", "base", "org/name", "./empty", "./pickled", "./cut", "./several", "./text")


def write_bad() -> None:
    for name in ("empty", "pickled", "cut", "several"):
        Path(name).mkdir()
    Path("pickled/pytorch_model.bin").write_bytes(b"\x80\x04K\x01.")
    whole = Path("base/model.safetensors").read_bytes()
    Path("cut/model.safetensors").write_bytes(whole[:-1])
    for name in ("one", "two"):
        Path(f"several/{name}.safetensors").write_bytes(whole)
    Path("text").write_text("not weights at all")


@pytest.mark.parametrize("reference", BAD)
def test_what_a_check_refuses_is_refused_alike(reference: str, mergec: Mergec) -> None:
    write_bad()
    write_spec(f'a = model("{reference}")', 'b = model("./base")', "child = linear(a, b)")
    checked = mergec("check", "spec.merge")
    for command in (("inspect", reference), ("compare", reference, "./base")):
        found = mergec(*command)
        assert (found.status, found.codes) == (checked.status, checked.codes)
        assert found.status != 0
        assert (found.out, found.made) == ("", set())
        assert found.err.splitlines()[0] == checked.err.splitlines()[0]


def test_tensors_with_the_names_of_a_table_that_are_none(mergec: Mergec) -> None:
    odd: dict[str, Tensor] = {
        "model.embed_tokens.weight": ("F32", [], b"\0" * 4),
        "lm_head.weight": ("F32", [], b"\0" * 4),
    }
    write_checkpoint(Path("odd"), odd, config={"model_type": "llama", "num_hidden_layers": 0})
    found = mergec("inspect", "./odd")
    assert (found.status, found.err) == (0, "")
    assert "embeddings     not known" in found.out
