"""The same from outside: strace kills a run at its system calls, or has them fail or lie.

So nothing can escape that does not go through `Files`. strace is attached to a child that waits at
the first call of `Files`, and counts what each thread calls from there on.
"""

import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.faults.injected import (
    EVERY_CALL,
    RUN,
    STEP,
    Case,
    ended,
    finish,
    messages,
    start_child,
)
from tests.faults.tally import counting

OUT, LOG = Path("out"), Path("trace")
CALLS = (
    *("openat", "mkdir", "flock", "fallocate", "ftruncate", "pwrite64", "write", "close"),
    *("fsync", "fdatasync", "sync_file_range", "renameat2", "unlink", "rmdir"),
)
ERRORS = ("ENOSPC", "EIO", "EMFILE", "EACCES", "EINTR")
# One byte of many, and more than any write has: nothing is written in either case.
LIES = ("retval=1", "retval=1048576")
ALL = (
    *product(CALLS, ("signal=SIGKILL", *(f"error={error}" for error in ERRORS)), [0]),
    *product(["pwrite64"], LIES, [0]),
)
STATUSES = {-signal.SIGKILL, 0, 4, 6, 7, 8}
SOME = (
    ("mkdir", "signal=SIGKILL", 2),
    ("pwrite64", "error=ENOSPC", 3),
    ("pwrite64", "signal=SIGKILL", 12),
    ("pwrite64", "retval=1", 9),
    ("pwrite64", "retval=1048576", 14),
    ("fsync", "error=EIO", 5),
    ("fdatasync", "error=EIO", 4),
    ("fdatasync", "signal=SIGKILL", 4),
    ("renameat2", "error=EACCES", 1),
)


def waits(number: int, name: str) -> Callable[..., Any] | None:
    """The first call waits for SIGCONT; what waits for a device does so here."""
    if number == 1:
        os.kill(os.getpid(), signal.SIGSTOP)
    return getattr(os, name) if name in ("fsync", "fdatasync") else None


def traced(*options: str) -> int:
    """The exit status of a run under strace."""
    child = start_child(RUN, waits)
    os.waitpid(child, os.WUNTRACED)
    command = ["strace", "-f", "-o", str(LOG), *options, "-p", str(child)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        said = strace.stderr.readline()
        os.kill(child, signal.SIGCONT)
        status = ended(child)
    if "attached" not in said:
        pytest.skip(f"this system does not let strace trace: {said.strip()}")
    return status


@cache
def most(call: str) -> int:
    """How often that thread makes a call that makes it most often."""
    assert traced("-e", f"trace={','.join(CALLS)}") == 0, messages()
    shutil.rmtree(OUT)
    lines = [line.split("(")[0].split() for line in LOG.read_text().splitlines()]
    counts = Counter(tuple(line) for line in lines if len(line) == 2)
    return max((count for (_, name), count in counts.items() if name == call), default=0)


def met_a_parents_lineage() -> bool:
    """Whether that is the file of which strace made the run believe something."""
    met = [line for line in LOG.read_text().splitlines() if line.endswith("(INJECTED)")]
    return any("/lineage.json" in line and ".mergec-partial-" not in line for line in met)


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is installed is known: whether Python can look it up again is not asked here."""
    known = cache(version)
    known("numpy")
    monkeypatch.setattr("mergec.execute.fingerprint.version", known)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize(("call", "fault", "when"), ALL if EVERY_CALL else SOME)
def test_a_system_call(whole: Case, call: str, fault: str, when: int) -> None:
    with counting("every system call, by strace") as figures:
        for at in [when] if when else range(1, most(call) + 1, STEP):
            inject = ("-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={at}")
            status = traced(*inject)
            # What lies was caught, or did not matter.
            may = {0, 10} if fault in LIES else STATUSES
            assert status in may, f"number {at} ended it with {status}\n{messages()}"
            assert status != 0 or OUT.exists()
            figures["points"] += 1
            if met_a_parents_lineage():
                shutil.rmtree(OUT)  # which says that it does not know its ancestors
                continue
            state = finish(whole)
            figures["resumed"] += state == "resumed"
            figures["equal"] += state == "resumed"
