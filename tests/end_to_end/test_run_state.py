"""A run that ends says what it left: a line for people, an object for programs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mergec.cli import run_state
from mergec.shards.staging import Staging
from tests.end_to_end.command_line import PORTIONS, SPEC, Mergec
from tests.toy_checkpoints import write_family


def test_a_failed_run_says_that_nothing_was_written(mergec: Mergec) -> None:
    Path("code/model.safetensors").write_bytes(b"")
    outcome = mergec("run", "spec.merge", "-o", "out", "--output-format", "json")
    assert outcome.err.splitlines()[-1] == "nothing was written to out"
    document = json.loads(outcome.out)
    (error,) = document.pop("errors")
    assert (error["code"], error["exit"]) == ("E703", 4)
    assert document == {
        "schema": "mergec.run/1",
        "code": "E703",
        "exit": 4,
        "state": "untouched",
        "resume_command": None,
        "output": "out",
    }


def test_a_part_that_is_kept_is_named_with_the_command_that_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_state.begin(Path("out"), as_json=True)
    run_state.resumable("mergec run --resume")
    run_state.tell(KeyboardInterrupt(), 130)
    out, err = capsys.readouterr()
    assert err == "to go on: mergec run --resume\n"
    document = json.loads(out)
    assert (document["state"], document["resume_command"]) == ("resumable", "mergec run --resume")
    assert (document["code"], document["exit"]) == (None, 130)


@pytest.mark.parametrize("options", [(), ("--replace",)])
def test_a_signal_just_after_the_result_has_its_name_does_not_say_that_there_is_none(
    mergec: Mergec, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    if options:
        assert mergec("run", "spec.merge", "-o", "out").status == 0

    def interrupted(_: Staging) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Staging, "sync_parent", interrupted)
    outcome = mergec("run", "spec.merge", "-o", "out", *options, "--output-format", "json")
    assert outcome.status == 130
    said = "out is complete and published; only what was to be said after is missing"
    assert outcome.err.strip() == said
    document = json.loads(outcome.out)
    assert (document["state"], document["resume_command"]) == ("published", None)
    assert mergec("verify", "out").status == 0


def test_other_commands_leave_nothing_and_say_nothing_of_it(mergec: Mergec) -> None:
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    Path("bad.merge").write_text("child = \n")
    assert "written to" not in mergec("check", "bad.merge").err


def test_a_run_that_published_says_so_although_its_report_was_not_read(tmp_path: Path) -> None:
    write_family(tmp_path)
    (tmp_path / "spec.merge").write_text(SPEC)

    def run(target: str, stdout: int) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [sys.executable, "-m", "mergec.cli", "run", "spec.merge", "-o", target],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": PORTIONS},
            stdout=stdout,
            stderr=subprocess.PIPE,
            check=False,
        )

    full = os.open("/dev/full", os.O_WRONLY)
    reader, closed = os.pipe()
    os.close(reader)
    for target, stdout, status in (("full", full, 8), ("closed", closed, 141)):
        done = run(target, stdout)
        os.close(stdout)
        said = f"{target} is complete and published; only what was to be said after is missing\n"
        assert (done.returncode, done.stderr.decode().endswith(said)) == (status, True)
        assert (tmp_path / target / "lineage.json").is_file()
