"""Runs that are stopped, and standard streams that are closed, full or read no further."""

import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mergec.cli.main import run_command
from mergec.shards import stale_partials
from tests.catalog.safetensors_bytes import framed
from tests.end_to_end.command_line import PORTIONS, SPEC
from tests.toy_checkpoints import write_family


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
        preexec_fn=_interruptible,  # noqa: PLW1509  # the tests start no threads
    )


def _interruptible() -> None:
    """As in a shell's foreground, wherever the tests run: a background job ignores SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


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
    while not list(long_run.glob("out.mergec-partial-*/result/model.safetensors")):
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
