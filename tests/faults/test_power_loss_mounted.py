"""The same through the kernel: a run is killed when the power of its mounted disk fails.

So no write escapes that the replayed calls do not know.
"""

import importlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mergec.cli.main import run_command
from mergec.shards import partials
from tests.faults.forgetful import Disk, Survives, everything, names, nothing, some
from tests.faults.forgetful_mount import Mounted, mounted
from tests.faults.injected import EVERY_CALL, STEP, Case, files_of, messages, remove
from tests.faults.power import Moment, violations
from tests.faults.tally import tally

DISK = Path("disk")
OUT = DISK / "out"
RUN = ("run", "spec.merge", "-o", str(OUT), "--backend", "reference", "--threads", "1")
EVERY = STEP if EVERY_CALL else 40
KINDS = (nothing, names, everything, *(some(seed) for seed in range(2 if EVERY_CALL else 1)))


@pytest.fixture
def disk(whole: Case) -> Iterator[Mounted]:
    """A disk that forgets, mounted where the case is."""
    assert whole
    with mounted(Path.cwd() / DISK) as system:
        yield system


def run_process(*more: str) -> int:
    """The exit status of a run to the disk; negative for a signal."""
    return command(*RUN, *more)


def command(*arguments: str) -> int:
    """The exit status of a command, whose syncs are real; negative for a signal."""
    child = os.fork()
    if child == 0:
        status = 99
        try:
            sys.stdout = sys.stderr = open("messages", "w", buffering=1)  # noqa: SIM115
            main: Any = importlib.import_module("mergec.cli.main")
            signal.signal(signal.SIGTERM, main._terminate)
            status = run_command(arguments)
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--replace",)], ids=["new", "replacing"])
def test_the_power_fails(disk: Mounted, whole: Case, more: tuple[str, ...]) -> None:
    older: Case | None = None
    before = {}
    if more:
        spec = Path("spec.merge").read_text()
        Path("spec.merge").write_text(spec.replace("0.3", "0.5"))
        assert run_process() == 0, messages()
        Path("spec.merge").write_text(spec)
        older, before = files_of(OUT), disk.disk.after_power_failure(everything)
    disk.put_in(Disk(before))
    assert run_process(*more) == 0, messages()
    last = disk.calls
    assert last > 60
    points, resumed = 0, 0
    for at in range(1, last + 2, EVERY):
        for survives in KINDS:
            disk.put_in(Disk(before), cut_at=at)
            status = run_process(*more)
            assert status == (-signal.SIGKILL if at <= last else 0)
            tree = disk.disk.after_power_failure(survives)
            disk.put_in(Disk(tree))
            ended = Moment(at, tree, 0, ended=status == 0)
            assert [*violations(ended, whole, older)] == []
            if not OUT.exists() or files_of(OUT) != whole:
                left = any(each.read().lines for each in partials(OUT))
                assert run_process(*more, *(("--resume",) if left else ())) == 0, messages()
                assert "W851" not in messages()
                resumed += left
            assert files_of(OUT) == whole
            points += 1
    tally(
        "power failures on FUSE",
        points=points,
        violations=0,
        lost=0,
        resumed=resumed,
        equal=resumed,
    )
    remove(Path("messages"))


@pytest.mark.parametrize("survives", [nothing, names, everything, some(0)])
def test_the_power_fails_while_a_spec_is_rewritten(disk: Mounted, survives: Survives) -> None:
    old, new = b'child   = model( "./base" )\n', b'child = model("./base")\n'
    status, at = -1, 0
    while status != 0:
        at += 1
        disk.put_in(Disk({"spec.merge": old}), cut_at=at)
        status = command("fmt", "disk/spec.merge")
        assert status in (-signal.SIGKILL, 0)
        tree = disk.disk.after_power_failure(survives)
        assert tree["spec.merge"] in (old, new)
    assert at > 3
    assert disk.disk.after_power_failure(everything) == {"spec.merge": new}
