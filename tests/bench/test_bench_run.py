"""A whole benchmark of toy models, from the command line to the tables; nothing is timed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def bench(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.run", "--data", str(data), *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False
    )


def test_the_harness_stays_small() -> None:
    # its resident set at the fork counts into the peak of every tool it measures
    program = "import sys, benchmarks.run; print('numpy' in sys.modules)"
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout == b"False\n"


def test_the_cases_are_listed_before_anything_is_made(tmp_path: Path) -> None:
    listed = bench(tmp_path / "data", "--list", "--ops", "slerp", "--size", "toy,mid")
    assert listed.stdout.splitlines() == [
        "slerp-toy-warm: native fast, native default",
        "slerp-mid-warm: native fast, native default",
        f"2 cases, 3 rounds each; 6.6 GB for models, 9.9 GB for outputs below {tmp_path / 'data'}",
    ]
    assert not (tmp_path / "data").exists()


@pytest.mark.slow
def test_a_benchmark_is_measured_once_and_kept(tmp_path: Path) -> None:
    arguments = "--ops linear2 --size toy --rounds 2 --backend reference --modes fast,check"
    first = bench(tmp_path, *arguments.split())
    assert (first.returncode, first.stderr) == (0, "")
    assert "## linear of 2, warm cache" in first.stdout
    results = tmp_path / "results"
    (line,) = (results / "history.jsonl").read_text().splitlines()
    record = json.loads(line)
    assert [list(one) for one in record["rounds"]] == [["reference fast", "check"]] * 2
    assert not record["failures"]
    assert record["rounds"][0]["reference fast"]["floor_s"] > 0
    assert "| check | 2 |" in (results / "toy.md").read_text()
    assert not (tmp_path / "out").exists()
    again = bench(tmp_path, *arguments.split())
    assert "linear2-toy-warm was measured already" in again.stdout
    assert len((results / "history.jsonl").read_text().splitlines()) == 1
