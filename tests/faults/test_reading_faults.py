"""Sources on a mounted disk that fails to read, forgets what was open, or is slow."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.forgetful import Disk, tree_of
from tests.faults.forgetful_mount import Mounted, mounted
from tests.faults.injected import (
    RESUME,
    RUN,
    Case,
    after_claims,
    files_of,
    kill,
    left_over,
    messages,
    printed_codes,
    run_child,
    undisturbed,
    write_case,
)
from tests.faults.tally import tally
from tests.toy_checkpoints import FAMILY

OUT = Path("out")
WEIGHTS = "code/model.safetensors"


@pytest.fixture
def disk(whole: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mounted]:
    """The sources of the case on a disk of their own, the rest of it beside that."""
    assert whole
    monkeypatch.chdir(tmp_path)
    write_case(tmp_path)
    disk = Disk(tree_of(tmp_path, FAMILY))
    with mounted(tmp_path / "disk") as system:
        system.put_in(disk)
        for name in FAMILY:
            shutil.rmtree(name)
            Path(name).symlink_to(Path("disk") / name)
        yield system


def failing(number: int, after: int) -> Callable[[str, int], None]:
    """After so many reads one file's weights cannot be read any more."""
    left = [after]

    def reading(path: str, _offset: int) -> None:
        if path == WEIGHTS:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(number, os.strerror(number))

    return reading


@pytest.fixture
def made(disk: Mounted) -> Case:
    """What the run makes of them undisturbed."""
    disk.reads.clear()
    assert run_child(RUN, undisturbed) == 0, messages()
    whole = files_of(OUT)
    shutil.rmtree(OUT)
    return whole


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE], ids=errno.errorcode.__getitem__)
def test_reads_that_fail(disk: Mounted, made: Case, number: int) -> None:
    disk.reading = failing(number, disk.reads[WEIGHTS] - 3)
    assert run_child(RUN, undisturbed) == 8, messages()
    assert printed_codes() == ["E809"]
    assert f"{WEIGHTS}` at offset " in messages()
    (left,) = left_over()
    assert run_child(RESUME, undisturbed) in (4, 8)  # of its header, or of its weights
    assert left_over() == [left]
    disk.reading = lambda _path, _offset: None
    assert run_child(RESUME, undisturbed) == 0, messages()
    assert files_of(OUT) == made
    tally("failing reads", points=2, violations=0, lost=0, resumed=1, equal=1)


def test_a_slow_disk_and_a_signal(disk: Mounted, made: Case) -> None:
    disk.reading = lambda _path, _offset: time.sleep(0.01)
    assert run_child(RUN, after_claims(2, kill(signal.SIGTERM))) == 143
    assert "to go on: mergec run" in messages()
    disk.reading = lambda _path, _offset: None
    assert run_child(RESUME, undisturbed) == 0, messages()
    assert files_of(OUT) == made


def test_calls_that_signals_interrupt(whole: Case) -> None:
    """A window that changes its size, say, interrupts whoever waits for the disk."""
    with subprocess.Popen(
        [sys.executable, "-c", _HEARING, *RUN], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "hears\n"
        while process.poll() is None:
            process.send_signal(signal.SIGUSR1)
            time.sleep(0.0005)
    assert process.returncode == 0
    assert files_of(OUT) == whole


_HEARING = """\
import os
import signal
import sys
signal.signal(signal.SIGUSR1, lambda number, frame: None)
from mergec.cli.main import run_command
print("hears", flush=True)
os._exit(run_command(sys.argv[1:]))
"""
