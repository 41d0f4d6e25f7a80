"""What a run does after one certain call failed, or while the machine stands still."""

import errno
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.faults.injected import (
    RESUME,
    RUN,
    Before,
    Case,
    after_claims,
    files_of,
    kill,
    left_over,
    messages,
    printed_codes,
    run_child,
    undisturbed,
)
from tests.faults.small_disks import when_claimed

OUT = Path("out")
SYNCS = ("fsync", "fdatasync")


def lost_by(sync: str) -> Before:
    """A sync fails, and of what it was to bring to the disk nothing is there.

    As Linux does it: of a sync that is tried once more, it says that all is well.
    """
    failed: list[str] = []

    def lose(name: str) -> None:
        with open("after", "a") as file:
            file.write(f"{name}\n")
        if failed or name != sync:
            return
        failed.append(name)
        for shard in Path().glob("out.mergec-partial-*/result/*/*.safetensors"):
            raw = shard.read_bytes()
            shard.write_bytes(raw[: len(raw) // 2] + bytes(len(raw) - len(raw) // 2))
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    return after_claims(2, lose)


@pytest.mark.parametrize("sync", SYNCS)
def test_a_sync_that_failed_is_not_tried_again(whole: Case, sync: str) -> None:
    assert run_child(RUN, lost_by(sync)) == 8
    assert printed_codes() == ["E803"]
    calls = Path("after").read_text().split()
    assert not {*SYNCS} & {*calls[calls.index(sync) + 1 :]}
    assert run_child(RESUME, undisturbed) == 0, messages()
    assert files_of(OUT) == whole


def test_a_name_that_is_not_confirmed(whole: Case) -> None:
    published: list[str] = []

    def before(_number: int, name: str) -> None:
        if published and name == "fsync":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if name == "_rename_new":
            published.append(name)

    assert run_child(RUN, before) == 8
    assert printed_codes() == ["E815"]
    assert "mergec verify out --replay full" in messages()
    assert messages().endswith("whether it outlives a power failure is not known\n")
    assert files_of(OUT) == whole
    assert left_over() == []


def test_a_machine_that_stands_still(whole: Case) -> None:
    def sleep() -> None:
        again = f"sleep 0.3; kill -CONT {os.getpid()}"
        subprocess.Popen(["sh", "-c", again], close_fds=True)
        os.kill(os.getpid(), signal.SIGSTOP)

    assert run_child(RUN, when_claimed(2, sleep)) == 0, messages()
    assert files_of(OUT) == whole


def test_a_clock_that_jumps(whole: Case) -> None:
    """Also while a run is killed and resumed."""

    killed = after_claims(3, kill(signal.SIGKILL))

    def jumping(number: int, _name: str) -> None:
        time.time = lambda: 1e9 * (number % 3)  # in a child of this process alone

    def jumping_and_killed(number: int, name: str) -> None:
        jumping(number, name)
        killed(number, name)

    assert run_child(RUN, jumping_and_killed) == -signal.SIGKILL
    assert run_child(RESUME, jumping) == 0, messages()
    assert files_of(OUT) == whole


def test_a_mistake_of_ours(whole: Case) -> None:
    """It says where, and nothing of what was computed with; what is half made is not believed."""

    def fail() -> None:
        raise IndexError(f"{[0.25] * 999}\n\x1b[31m")

    assert whole
    assert run_child(RUN, when_claimed(2, fail)) == 70
    first, second, state = messages().splitlines()
    assert re.match(r"internal error: IndexError: \[0\.25, .{,200}, at \S+\.py:\d+, called", first)
    assert "Traceback" not in messages()
    assert str(Path.cwd()) not in messages()
    assert second.startswith("this is a bug in mergec, not in your spec; please report it")
    assert state == "nothing was written to out"
    assert left_over() == []
