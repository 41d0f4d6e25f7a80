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
from tests.faults.forgetful import Disk, everything, nothing, some
from tests.faults.forgetful_mount import Mounted, mounted
from tests.faults.injected import STEP, Case, files_of, messages, remove
from tests.faults.power import Moment, violations
from tests.faults.tally import tally

DISK = Path("disk")
OUT = DISK / "out"
RUN = ("run", "spec.merge", "-o", str(OUT), "--backend", "reference", "--threads", "1")
EVERY = 1 if STEP == 1 else 40
KINDS = (nothing, everything, *(some(seed) for seed in range(2 if STEP == 1 else 1)))


@pytest.fixture
def disk(whole: Case) -> Iterator[Mounted]:
    """A disk that forgets, mounted where the case is."""
    assert whole
    with mounted(Path.cwd() / DISK) as system:
        yield system


def run_process(*more: str) -> int:
    """The exit status of a run to the disk, whose syncs are real; negative for a signal."""
    child = os.fork()
    if child == 0:
        status = 99
        try:
            sys.stdout = sys.stderr = open("messages", "w", buffering=1)  # noqa: SIM115
            main: Any = importlib.import_module("mergec.cli.main")
            signal.signal(signal.SIGTERM, main._terminate)
            status = run_command((*RUN, *more))
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
