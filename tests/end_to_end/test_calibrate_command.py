"""`mergec calibrate`, and what `plan` and `run` say with it and without."""

import json
import re
from pathlib import Path

import pytest

from mergec.verify import calibrate
from tests.end_to_end.command_line import Mergec, refused


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is not calibrated, and where that takes no time."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(calibrate, "_EXPRESSIONS", ("linear(a, b)", "slerp(a, b; t=1/3)"))
    monkeypatch.setattr(calibrate, "_ON_MATRICES", ())
    monkeypatch.setattr(calibrate, "_PIECES", 2)


@pytest.mark.usefixtures("quick")
def test_plan_and_run_say_how_long_it_takes_once_that_is_known(mergec: Mergec) -> None:
    plain = mergec("plan", "spec.merge", "--backend", "reference")
    assert plain.out.splitlines()[-2].endswith("no calibration: run `mergec calibrate`")
    measured = mergec("calibrate", "--backend", "reference")
    assert measured.status == 0, measured.err
    assert measured.made == {"cache", "cache/mergec", "cache/mergec/calibration.json"}
    timed = mergec("plan", "spec.merge", "--backend", "reference")
    assert re.search(r"; about \d+\.\d s with \d+ threads?\n", timed.out)
    assert timed.out.splitlines()[-1] == plain.out.splitlines()[-1]
    document = json.loads(mergec("plan", "spec.merge", "--output-format", "json").out)
    assert document["estimate"]["seconds"] is None or document["estimate"]["seconds"] > 0
    done = mergec("run", "spec.merge", "-o", "out", "--backend", "reference")
    figures = r"in \d+\.\d s of \d+\.\d s projected, peak memory [\d.]+ [KMG]iB of [\d.]+ [KMG]iB"
    assert re.search(rf"{figures} projected\n", done.out), done.out


@pytest.mark.usefixtures("quick")
def test_a_run_says_what_memory_was_projected_without_a_calibration(mergec: Mergec) -> None:
    done = mergec("run", "spec.merge", "-o", "out", "--backend", "reference")
    figures = r"in \d+\.\d s, peak memory [\d.]+ [KMG]iB of [\d.]+ [KMG]iB projected\n"
    assert re.search(figures, done.out)


@pytest.mark.usefixtures("quick")
def test_figures_that_cannot_be_kept_are_refused(mergec: Mergec, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    refused(mergec("calibrate", "--backend", "reference"), "E803", 8)
