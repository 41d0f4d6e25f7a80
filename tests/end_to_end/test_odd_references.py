"""Wrong things named to the commands that look at checkpoints: each is told in one clear error."""

import os
from pathlib import Path

import pytest

from tests.catalog.safetensors_bytes import file_of
from tests.end_to_end.command_line import Mergec, refused, write_spec
from tests.toy_checkpoints import bf16, write_checkpoint


@pytest.mark.parametrize(
    "command",
    [
        ("compare", "./base", "./lora"),
        ("compare", "./lora", "./lora"),
        ("compare", "./base", "./code", "--base", "./lora"),
        ("advise", "./base", "./lora"),
    ],
)
def test_an_adapter_is_no_model_to_compare(mergec: Mergec, command: tuple[str, ...]) -> None:
    refused(mergec(*command), "E735", 4)


def test_an_adapter_can_be_looked_at(mergec: Mergec) -> None:
    assert mergec("inspect", "./lora").out.startswith("adapter        ./lora\n")
    both = mergec("inspect", "./base", "./lora").out.splitlines()
    assert both[1].split() == ["kind", "model", "adapter"]


@pytest.mark.parametrize(
    "command", [("advise", "./base", "./code", "-o"), ("compare", "./base", "./code", "--html")]
)
def test_a_file_in_no_folder_is_told_before_anything_is_read(
    mergec: Mergec, command: tuple[str, ...]
) -> None:
    os.truncate("code/model.safetensors", 9)  # would be an error too, later
    refused(mergec(*command, "nowhere/file"), "E803", 8)


def test_where_there_is_no_merge_no_spec_is_written_and_that_is_said(mergec: Mergec) -> None:
    write_checkpoint(Path("alien"), {"other": bf16("other", (4, 4))})
    found = mergec("advise", "./base", "./alien", "-o", "starter.merge", "--quiet")
    assert (found.status, found.made) == (0, set())
    assert "wrote nothing to starter.merge: there is no merge to begin with\n" in found.out


@pytest.mark.parametrize(
    ("reference", "code", "words"),
    [
        ("nowhere", "E822", "`nowhere` does not exist"),
        ("a/b", "E822", "as in `a/b@main`"),
        ("base/model.safetensors", "E822", "has no `lineage.json`"),
        ("", "E822", "`.` holds several checkpoints: `pipe`, `zeros`"),
        ("ftp://host/x", "E716", "a scheme that mergec does not know"),
        ("s3://", "E741", "names no bucket"),
        ("s3://user:secret@bucket/x", "E741", "a name or password before its host"),
        ("org/x@../..", "E716", "cannot be a revision"),
        ("pipe", "E823", "is a FIFO"),
        ("zeros", "E823", "is a character device"),
        ("x\x1b[2J", "E822", r"`x\x1b[2J` does not exist"),
    ],
)
def test_what_has_no_lineage(mergec: Mergec, reference: str, code: str, words: str) -> None:
    for name in ("pipe", "zeros"):
        Path(name).mkdir()
    os.mkfifo("pipe/lineage.json")
    Path("zeros/lineage.json").symlink_to("/dev/zero")
    found = mergec("lineage", reference)
    refused(found, code, 4)
    assert words in found.err
    assert "secret" not in found.err


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("/dev/zero", "E702"),
        ("./base/config.json", "E704"),
        ("./long" + "g" * 300, "E715"),
        ("./nul\0", "E701"),
        ("~nobody-of-this-name/x", "E716"),
        ("org/name/more", "E716"),
        ("./lfs.safetensors", "E705"),
        ("./empty.safetensors", "E703"),
        ("./deep", "E713"),
        ("./none", "E714"),
    ],
)
def test_what_is_no_checkpoint(mergec: Mergec, reference: str, code: str) -> None:
    Path("lfs.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    Path("empty.safetensors").touch()
    Path("deep").mkdir()
    Path("deep/model.safetensors").write_bytes(file_of({"a": bf16("a", (2,))}))
    Path("deep/config.json").write_text("[" * 1000 + "]" * 1000)
    Path("none").mkdir()
    Path("none/model.safetensors").write_bytes(file_of({}))
    if "\0" not in reference:
        write_spec(f'a = model("{reference}")', 'b = model("./base")', "child = linear(a, b)")
        checked = mergec("check", "spec.merge")
        assert checked.codes == [code]
    for command in (("inspect",), ("compare", "./base"), ("advise", "./base")):
        found = mergec(*command, reference)
        assert found.codes == [code], (command, found.err)
        assert (found.made, found.out) == (set(), "")
