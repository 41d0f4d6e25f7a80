"""Bad input at the command line: a diagnostic, its exit status, nothing touched or left over."""

import errno
import hashlib
import importlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mergec.cli.main import run_command
from mergec.shards import Files, stale_partials
from tests.catalog.safetensors_bytes import file_of, framed
from tests.toy_checkpoints import f32, weights, write_checkpoint, write_family

ROOT = Path(__file__).parents[2]
PORTIONS = os.pathsep.join(str(ROOT / tier) for tier in ("grammar", "compiler", "runtime"))
SPEC = """\
base = model("./base")
code = model("./code")
math = model("./math")
child = ties(base, code, math; density=0.3)
"""


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its status, the codes it printed, its output, the paths it made."""

    status: int
    codes: list[str]
    out: str
    err: str
    made: set[str]


Mergec = Callable[..., Outcome]


@pytest.fixture
def mergec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Mergec:
    """Runs the command line in a folder with the toy family and `spec.merge`.

    After each command, whatever was there before must be there still, byte for byte.
    """
    write_family(tmp_path)
    (tmp_path / "spec.merge").write_text(SPEC)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Outcome:
        before = tree()
        status = run_command(arguments)
        out, err = capsys.readouterr()
        after = tree()
        assert {path: after.get(path) for path in before} == before
        assert "Traceback" not in err, err
        codes = re.findall(r"^(?:error|warning)\[(\w+)\]", err, re.MULTILINE)
        return Outcome(status, codes, out, err, after.keys() - before.keys())

    return run


def tree() -> dict[str, str]:
    """Every path below the working folder, with the digest of its bytes."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(Path().rglob("*"))
    }


def write_spec(*lines: str) -> None:
    Path("spec.merge").write_text("\n".join(lines) + "\n")


def refused(outcome: Outcome, code: str, status: int) -> None:
    assert (outcome.codes, outcome.status, outcome.made) == ([code], status, set()), outcome.err


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


def test_a_reference_to_a_hub(mergec: Mergec) -> None:
    write_spec('a = model("org/name")', "child = linear(a, a)")
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
    write_spec('a = model("./large")', "child = linear(a, a)", "export child { dtype = f16 }")
    outcome = mergec("run", "spec.merge", "-o", "out")
    refused(outcome, "E806", 9)
    assert "--> spec.merge:3:8" in outcome.err


def test_a_coefficient_that_no_dtype_holds(mergec: Mergec) -> None:
    write_spec(*SPEC.splitlines()[:2], "child = base + 1e300*(code - base)")
    refused(mergec("run", "spec.merge", "-o", "out"), "E806", 9)
    long = "base + " + "1e300*(" * 5 + "code - base" + ")" * 5
    write_spec(*SPEC.splitlines()[:2], f"child = {long}")
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
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    assert json.loads(Path("out/lineage.json").read_text())["parents"] == {}


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
        ("_rename_new", errno.EACCES, "E803", 8),
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

    monkeypatch.setattr(Files, "system", system)
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


class TestPlanFiles:
    @pytest.fixture
    def plan(self, mergec: Mergec) -> dict[str, Any]:
        assert mergec("plan", "spec.merge", "-o", "plan.json").status == 0
        plan: dict[str, Any] = json.loads(Path("plan.json").read_text())
        return plan

    def run(self, mergec: Mergec, plan: object) -> Outcome:
        Path("plan.json").write_text(plan if isinstance(plan, str) else json.dumps(plan))
        return mergec("run", "plan.json", "-o", "out")

    def test_a_plan_runs(self, mergec: Mergec, plan: dict[str, Any]) -> None:
        assert self.run(mergec, plan).status == 0

    @pytest.mark.parametrize(
        "text",
        ["", "no plan", "[]", "{}", '{"schema": "mergec.plan/1"}', '{"a": 1, "a": 1}'],
    )
    def test_a_file_that_is_no_plan(self, mergec: Mergec, text: str) -> None:
        refused(self.run(mergec, text), "E604", 6)

    def test_a_plan_of_another_schema(self, mergec: Mergec, plan: dict[str, Any]) -> None:
        refused(self.run(mergec, {**plan, "schema": "mergec.plan/2"}), "E604", 6)

    def test_a_plan_whose_spec_was_edited(self, mergec: Mergec, plan: dict[str, Any]) -> None:
        plan["spec"]["text"] = SPEC.replace("0.3", "0.4")
        refused(self.run(mergec, plan), "E810", 10)

    def test_a_plan_that_says_something_else_than_its_spec(
        self, mergec: Mergec, plan: dict[str, Any]
    ) -> None:
        plan["plan"]["exports"][0]["tensors"][0]["dtype"] = "f64"
        refused(self.run(mergec, plan), "E810", 10)

    @pytest.mark.parametrize("value", [None, 1, "text", [], {}, [1], {"a": 1}])
    def test_members_of_other_types(
        self, mergec: Mergec, plan: dict[str, Any], value: object
    ) -> None:
        for member in ("plan", "hash", "spec"):
            assert self.run(mergec, {**plan, member: value}).status in (6, 10)
        for member in plan["plan"]:
            changed = {**plan, "plan": {**plan["plan"], member: value}, "hash": "0"}
            refused(self.run(mergec, changed), "E810", 10)

    def test_a_plan_away_from_its_spec(self, mergec: Mergec, plan: dict[str, Any]) -> None:
        Path("away").mkdir()
        Path("away/plan.json").write_text(json.dumps(plan))
        outcome = mergec("run", "away/plan.json", "-o", "out")
        assert (set(outcome.codes), outcome.status, outcome.made) == ({"E701"}, 4, set())
        assert outcome.err.count("paths start at `away`, the folder of the plan") == 3

    def test_a_plan_with_a_name_that_is_no_text(self, mergec: Mergec, plan: dict[str, Any]) -> None:
        plan["spec"]["name"] = "\ud800"
        assert self.run(mergec, plan).status == 0

    def test_a_plan_whose_source_changed(self, mergec: Mergec, plan: dict[str, Any]) -> None:
        tensors = {**weights("code"), "more.weight": f32(1.0)}
        Path("code/model.safetensors").write_bytes(file_of(tensors))
        outcome = self.run(mergec, plan)
        refused(outcome, "E810", 10)
        assert "source `./code` changed" in outcome.err


class TestVerification:
    @pytest.fixture
    def out(self, mergec: Mergec) -> Path:
        assert mergec("run", "spec.merge", "-o", "out").status == 0
        return Path("out")

    def test_what_was_just_written(self, mergec: Mergec, out: Path) -> None:
        assert mergec("verify", "out").out == "verified: 4 tensors checked\n"
        replayed = mergec("verify", "out", "--replay", "full")
        assert (replayed.status, replayed.out) == (0, "verified: 4 tensors checked, 4 recomputed\n")

    @pytest.mark.parametrize("folder", ["base", "nowhere", "spec.merge"])
    def test_a_folder_that_is_not_ours(self, mergec: Mergec, folder: str) -> None:
        refused(mergec("verify", folder), "E811", 4)

    def test_every_kind_of_byte_in_the_weights(self, mergec: Mergec, out: Path) -> None:
        path = out / "model.safetensors"
        whole = path.read_bytes()
        for place in [*range(0, 40, 3), *range(40, len(whole), 29), len(whole) - 1]:
            flipped = bytearray(whole)
            flipped[place] ^= 4
            path.write_bytes(flipped)
            outcome = mergec("verify", "out")
            assert (outcome.status, set(outcome.codes)) == (10, {"E812"}), place
            assert outcome.out.startswith("failed: "), place

    @pytest.mark.parametrize("name", ["config.json", "README.md", "model.safetensors"])
    def test_a_file_that_is_gone(self, mergec: Mergec, out: Path, name: str) -> None:
        (out / name).unlink()
        refused(mergec("verify", "out"), "E812", 10)

    def test_a_tensor_that_is_gone(self, mergec: Mergec, out: Path) -> None:
        tensors = weights("base")
        del tensors["norm.weight"]
        (out / "model.safetensors").write_bytes(file_of(tensors, {"format": "pt"}))
        outcome = mergec("verify", "out")
        assert outcome.status == 10
        assert "tensor `norm.weight` is missing" in outcome.err

    def test_sources_that_are_gone(self, mergec: Mergec, out: Path) -> None:
        Path("code").rename("elsewhere")
        assert mergec("verify", "out").status == 0
        outcome = mergec("verify", "out", "--replay", "full")
        refused(outcome, "E701", 14)
        assert outcome.out == "inconclusive: 4 tensors checked, 0 recomputed\n"

    def test_sources_with_other_values(self, mergec: Mergec, out: Path) -> None:
        Path("code/model.safetensors").write_bytes(file_of(weights("else"), {"format": "pt"}))
        assert mergec("verify", "out", "--replay", "full").status == 10

    @pytest.mark.parametrize("value", [None, 1, "text", [], {}, [1], {"a": 1}])
    def test_a_lineage_of_other_types(self, mergec: Mergec, out: Path, value: object) -> None:
        lineage = json.loads((out / "lineage.json").read_text())
        for member in lineage:
            (out / "lineage.json").write_text(json.dumps({**lineage, member: value}))
            assert mergec("verify", "out", "--replay", "full").status in (0, 4, 10, 14), member


@pytest.fixture
def long_run(tmp_path: Path) -> Path:
    """A folder with a spec whose run takes seconds: 15 million zeros, merged in many sweeps."""
    entry = {"dtype": "F32", "shape": [15_000_000], "data_offsets": [0, 60_000_000]}
    for name in ("base", "code"):
        (tmp_path / name).mkdir()
        with (tmp_path / name / "model.safetensors").open("wb") as file:
            file.write(framed(json.dumps({"weight": entry})))
            file.truncate(file.tell() + 60_000_000)
    (tmp_path / "spec.merge").write_text(
        SPEC.replace('math = model("./math")\n', "").replace(", math", "")
    )
    return tmp_path


def start(*arguments: str, cwd: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "mergec.cli", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": PORTIONS},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize(
    ("number", "status", "said", "left"),
    [
        (signal.SIGINT, 130, b"interrupted; nothing was published\n", 0),
        (signal.SIGTERM, 143, b"terminated; nothing was published\n", 0),
        (signal.SIGHUP, 129, b"terminated; nothing was published\n", 0),
        (signal.SIGKILL, -signal.SIGKILL, b"", 1),
    ],
)
def test_a_run_that_is_stopped(
    long_run: Path, number: signal.Signals, status: int, said: bytes, left: int
) -> None:
    target = long_run / "out"
    process = start("run", "spec.merge", "-o", "out", "--threads", "1", cwd=long_run)
    while not list(long_run.glob("out.mergec-partial-*/model.safetensors")):
        assert process.poll() is None, process.communicate()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err.strip()) == (status, said.strip())
    assert not target.exists()
    assert len(stale_partials(target)) == len(list(long_run.glob("out*"))) == left


def test_a_reader_that_has_seen_enough(tmp_path: Path) -> None:
    write_family(tmp_path)
    (tmp_path / "spec.merge").write_text(SPEC)
    process = start("plan", "spec.merge", cwd=tmp_path)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(20) == 128 + signal.SIGPIPE
    assert process.stderr is not None
    with process.stderr as errors:
        assert errors.read() == b""


@pytest.mark.parametrize(
    "arguments", [("check", "nowhere.merge"), ("run", "spec.merge", "-o", "o")]
)
def test_standard_streams_that_are_closed(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    write_family(tmp_path)
    (tmp_path / "spec.merge").write_text(SPEC)
    done = subprocess.run(
        ["sh", "-c", '"$@" <&- >&- 2>&-', "sh", sys.executable, "-m", "mergec.cli", *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": PORTIONS},
        check=False,
    )
    assert done.returncode == (4 if arguments[0] == "check" else 0)
    assert (tmp_path / "o" / "model.safetensors").is_file() == (arguments[0] == "run")


def test_a_full_standard_error_keeps_the_status(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "mergec.cli", "check", "nowhere.merge"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": PORTIONS},
            stderr=full,
            check=False,
        )
    assert done.returncode == 4


def test_a_signal_that_an_import_turned_into_another_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main: Any = importlib.import_module("mergec.cli.main")

    def importing(*_: object, **__: object) -> int:
        try:
            main._terminate(signal.SIGINT, None)
        except KeyboardInterrupt:
            raise ImportError("failed to import") from None
        return 0

    monkeypatch.setattr(main, "cli", importing)
    monkeypatch.setattr(main, "_stopped", [])
    assert run_command([]) == 130
    assert "bug" not in capsys.readouterr().err


def test_a_sample_of_no_tensor_proves_nothing(mergec: Mergec) -> None:
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    outcome = mergec("verify", "out", "--replay", "sample=900/1000")
    assert outcome.status == 14
    assert "the sample holds none of the 4 tensors" in outcome.err
