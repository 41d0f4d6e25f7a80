"""Bad input at the command line: a diagnostic, its exit status, nothing touched or left over."""

import errno
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mergec.cli.main import run_command
from mergec.shards import Files
from tests.catalog.safetensors_bytes import framed
from tests.end_to_end.command_line import SPEC, Mergec, refused, write_spec
from tests.lineages import statement
from tests.toy_checkpoints import f32, weights, write_checkpoint, write_family


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def pickled(path: Path) -> None:
    path.unlink()
    path.with_name("pytorch_model.bin").write_bytes(b"PK\x03\x04")


BAD_FILES: dict[str, tuple[Callable[[Path], object], str, int]] = {
    "missing file": (Path.unlink, "E714", 4),
    "empty file": (lambda path: path.write_bytes(b""), "E703", 4),
    "truncated": (cut, "E703", 4),
    "pointer": (
        lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        "E705",
        4,
    ),
    "web page": (lambda path: path.write_text("<!DOCTYPE html><html></html>"), "E704", 4),
    "zipped pickle": (lambda path: path.write_bytes(b"PK\x03\x04" + bytes(60)), "E704", 4),
    "pickle": (pickled, "E706", 12),
    "no tensors": (lambda path: path.write_bytes(framed("{}")), "E714", 4),
}


@pytest.mark.parametrize("what", BAD_FILES)
def test_a_file_that_is_no_checkpoint(mergec: Mergec, what: str) -> None:
    spoil, code, status = BAD_FILES[what]
    spoil(Path("code/model.safetensors"))
    outcome = mergec("run", "spec.merge", "-o", "out")
    refused(outcome, code, status)
    assert "--> spec.merge:2:8" in outcome.err
    assert "= help: " in outcome.err


def test_every_source_that_does_not_exist_is_reported_at_once(mergec: Mergec) -> None:
    write_spec('a = model("./nowhere")', 'b = model("./bsae")', "child = linear(a, b)")
    outcome = mergec("run", "spec.merge", "-o", "out")
    assert (outcome.codes, outcome.status, outcome.made) == (["E701", "E701"], 4, set())
    assert "`base`" in outcome.err


@pytest.mark.parametrize(
    "ref", ["name", "ftp://org/name", "hf://org/name", "org/name/inner", "~x/y"]
)
def test_a_reference_that_leads_nowhere(mergec: Mergec, ref: str) -> None:
    write_spec(f'a = model("{ref}")', "child = linear(a)")
    refused(mergec("check", "spec.merge"), "E716", 4)


@pytest.mark.parametrize(("value", "count"), [(float("nan"), 2), (float("inf"), 1)])
def test_a_source_with_values_that_are_no_numbers(mergec: Mergec, value: float, count: int) -> None:
    write_checkpoint(Path("odd"), {"norm.weight": f32(*[value] * count, 1.0)})
    write_checkpoint(Path("fine"), {"norm.weight": f32(*[1.0] * count, 1.0)})
    write_spec('a = model("./fine")', 'b = model("./odd")', "child = linear(a, b)")
    outcome = mergec("run", "spec.merge", "-o", "out")
    refused(outcome, "E805", 9)
    assert f"{count} value" in outcome.err
    assert "--> spec.merge:2:5" in outcome.err


def test_a_result_that_does_not_fit_its_dtype(mergec: Mergec) -> None:
    write_checkpoint(Path("large"), {"norm.weight": f32(1e6, 1.0)})
    write_spec('a = model("./large")', "child = linear(a)", "export child { dtype = f16 }")
    outcome = mergec("run", "spec.merge", "-o", "out")
    refused(outcome, "E806", 9)
    assert "--> spec.merge:3:8" in outcome.err


def test_a_coefficient_that_no_dtype_holds(mergec: Mergec) -> None:
    allowed = "# mergec: allow W206 because the weight is what is tried"
    write_spec(*SPEC.splitlines()[:2], allowed, "child = base + 1e300*(code - base)")
    refused(mergec("run", "spec.merge", "-o", "out"), "E806", 9)
    long = "base + " + "1e300*(" * 5 + "code - base" + ")" * 5
    write_spec(*SPEC.splitlines()[:2], allowed, f"child = {long}")
    refused(mergec("run", "spec.merge", "-o", "out"), "E104", 3)


def test_buffers_that_differ(mergec: Mergec) -> None:
    write_spec('a = model("./counting")', 'b = model("./recounted")', "child = linear(a, b)")
    refused(mergec("run", "spec.merge", "-o", "out"), "E406", 5)


def test_an_output_that_exists_stays_as_it_is(mergec: Mergec) -> None:
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    refused(mergec("run", "spec.merge", "-o", "out"), "E801", 7)
    os.symlink("nowhere", "dangling")
    refused(mergec("run", "spec.merge", "-o", "dangling"), "E801", 7)


@pytest.mark.parametrize("output", ["base", "base/out", ".", "code/../base"])
def test_an_output_over_a_source(mergec: Mergec, output: str) -> None:
    refused(mergec("run", "spec.merge", "-o", output), "E802", 7)


def test_an_output_in_a_source_folder_named_like_a_file(mergec: Mergec) -> None:
    write_checkpoint(Path("code.safetensors"), weights("code"))
    write_spec('export model("./code.safetensors")')
    refused(mergec("run", "spec.merge", "-o", "code.safetensors/out"), "E802", 7)


def test_a_parents_lineage_that_is_no_file(mergec: Mergec) -> None:
    """Opening a FIFO would wait for ever, and nothing needs what would be in it."""
    os.mkfifo("code/lineage.json")
    ran = mergec("run", "spec.merge", "-o", "out")
    assert (ran.status, ran.codes) == (0, ["W803"])
    sources = {each.label: each.omitted for each in statement("out").sources}
    assert sources == {"./base": None, "./code": "is a FIFO, not a regular file", "./math": None}


def test_an_output_in_a_folder_that_does_not_exist(mergec: Mergec) -> None:
    refused(mergec("run", "spec.merge", "-o", "some/where/out"), "E813", 7)


@pytest.mark.parametrize(
    ("call", "number", "code", "status"),
    [
        ("mkdir", errno.EACCES, "E803", 8),
        ("open", errno.EROFS, "E803", 8),
        ("posix_fallocate", errno.ENOSPC, "E804", 8),
        ("pwrite", errno.ENOSPC, "E804", 8),
        ("pwrite", errno.EIO, "E803", 8),
        ("fsync", errno.EDQUOT, "E804", 8),
    ],
)
def test_a_disk_that_refuses(
    mergec: Mergec,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    number: int,
    code: str,
    status: int,
) -> None:
    def system(self: Files, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        reads = function is os.open and not args[1] & os.O_CREAT
        if function.__name__ == call and not reads:
            raise OSError(number, os.strerror(number))
        return function(*args, **kwargs)

    def on_a_disk(_self: Files, _descriptor: int) -> bool:
        return False

    monkeypatch.setattr(Files, "system", system)
    monkeypatch.setattr(Files, "is_memory", on_a_disk)
    refused(mergec("run", "spec.merge", "-o", "out"), code, status)


def test_memory_that_runs_out(mergec: Mergec, monkeypatch: pytest.MonkeyPatch) -> None:
    def system(self: Files, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        if function is os.pwrite:
            raise MemoryError
        return function(*args, **kwargs)

    monkeypatch.setattr(Files, "system", system)
    refused(mergec("run", "spec.merge", "-o", "out"), "E814", 6)


def test_a_disk_without_room(mergec: Mergec, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(small)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("this user may not mount a small file system")
    try:
        refused(mergec("run", "spec.merge", "-o", "small/out"), "E602", 6)
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_too_little_memory(mergec: Mergec) -> None:
    outcome = mergec("run", "spec.merge", "-o", "out", "--memory", "1MiB")
    refused(outcome, "E601", 6)
    advised = re.search(r"`--memory (\w+)`", outcome.err)
    assert advised is not None
    assert mergec("run", "spec.merge", "-o", "out", "--memory", advised[1]).status == 0


def test_a_device_that_the_backend_does_not_have(mergec: Mergec) -> None:
    refused(mergec("run", "spec.merge", "-o", "out", "--device", "cuda"), "E603", 6)
    refused(mergec("plan", "spec.merge", "--device", "cuda"), "E603", 6)


USAGE = [
    [],
    ["frobnicate"],
    ["run"],
    ["run", "spec.merge"],
    ["run", "spec.merge", "-o"],
    ["run", "spec.merge", "-o", "out", "--backend", "abacus"],
    ["plan", "spec.merge", "-o", "child.plan"],
    ["run", "spec.merge", "-o", "out", "--threads", "0"],
    ["verify", "out", "--replay", "sample=3/2"],
    ["run", "spec.merge", "-o", "out", "--verify", "sample=0/2"],
    ["run", "spec.merge", "-o", "out", "--verify", "half"],
    *[["plan", "spec.merge", "--memory", size] for size in ("0B", "-1", "4", "4Gb", "1e30B", "")],
]


@pytest.mark.parametrize("arguments", USAGE, ids=" ".join)
def test_wrong_use_of_the_command_line(mergec: Mergec, arguments: list[str]) -> None:
    outcome = mergec(*arguments)
    assert (outcome.status, outcome.out, outcome.made) == (2, "", set())
    assert re.search(r"^(Usage|Error): ", outcome.err, re.MULTILINE)


def test_explaining_what_does_not_exist(mergec: Mergec) -> None:
    refused(mergec("explain", "E999"), "E202", 3)
    outcome = mergec("explain", "tise")
    refused(outcome, "E202", 3)
    assert "did you mean `ties`?" in outcome.err


def test_specs_that_are_no_files(mergec: Mergec) -> None:
    refused(mergec("check", "base"), "E702", 4)
    refused(mergec("check", "spce.merge"), "E701", 4)
    os.mkfifo("pipe.merge")
    os.mkfifo("pipe.json")
    assert run_command(["check", "pipe.merge"]) == 4
    assert run_command(["run", "pipe.json", "-o", "out"]) == 4


def test_texts_that_cannot_be_written(mergec: Mergec) -> None:
    no_folder = mergec("plan", "spec.merge", "-o", "no/plan.json")
    refused(no_folder, "E803", 8)
    assert "name a file in a folder that exists" in no_folder.err
    Path("base.json").mkdir()
    folder = mergec("plan", "spec.merge", "-o", "base.json")
    refused(folder, "E803", 8)
    assert "this is a folder" in folder.err
    long = mergec("run", "spec.merge", "-o", "x" * 240)
    refused(long, "E803", 8)
    assert "choose a shorter name" in long.err
    assert "is left" not in long.err


def test_a_parent_that_is_a_file_is_not_to_be_made(mergec: Mergec) -> None:
    outcome = mergec("run", "spec.merge", "-o", "spec.merge/out")
    refused(outcome, "E813", 7)
    assert "mkdir" not in outcome.err


def test_a_command_to_paste_is_quoted_for_the_shell(mergec: Mergec) -> None:
    Path("my $(id)").mkdir()
    outcome = mergec("run", "spec.merge", "-o", "my $(id)")
    refused(outcome, "E801", 7)
    assert "`mv 'my $(id)' 'my $(id).old'`" in outcome.err


def test_formatting_writes_through_a_link(mergec: Mergec, tmp_path: Path) -> None:
    spec, link = tmp_path / "loose.merge", tmp_path / "link.merge"
    spec.write_text(SPEC.replace(" = ", "  ="))
    link.symlink_to("loose.merge")
    assert run_command(["fmt", "link.merge"]) == 0
    assert (link.readlink(), spec.read_text().split()) == (Path("loose.merge"), SPEC.split())


def test_formatting_goes_on_after_a_file_that_is_missing(
    mergec: Mergec, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("loose.merge").write_text(SPEC.replace(" = ", "  ="))
    assert run_command(["fmt", "nowhere.merge", "loose.merge"]) == 4
    out, err = capsys.readouterr()
    assert (out, err.count("error[E701]")) == ("reformatted loose.merge\n", 1)


def test_paths_that_are_not_utf8(mergec: Mergec) -> None:
    folder = Path(os.fsdecode(b"odd\xff"))
    write_family(folder)
    (folder / os.fsdecode(b"spec\xfe.merge")).write_text(SPEC)
    assert mergec("run", str(folder / os.fsdecode(b"spec\xfe.merge")), "-o", "out").status == 0
    assert mergec("verify", "out", "--replay", "full").status == 0


def test_json_findings_end_with_one_newline(mergec: Mergec) -> None:
    assert mergec("check", "spec.merge", "--output-format", "json").out == "[]\n"
