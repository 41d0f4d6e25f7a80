"""The same from outside: strace kills a run at its system calls, or has them fail.

So nothing can escape that does not go through `Files`. Calls are counted by thread.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mergec.shards import partials
from tests.faults.injected import RESUME, RUN, Case, files_of, messages, run_child, undisturbed

OUT = Path("out")
CHILD = """\
import sys
from mergec.cli.main import run_command
from mergec.shards import journal
journal._BYTES = 1
sys.exit(run_command(sys.argv[1:]))
"""
TRACE = ("strace", "-f", "-qq", "-o", "/dev/null")


@pytest.fixture(autouse=True)
def _needs_strace() -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    if subprocess.run([*TRACE, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this system does not let strace trace")


def injected(call: str, what: str, when: int) -> int:
    """The exit status of a run whose call of that name is the last, or fails."""
    inject = ("-e", f"trace={call}", "-e", f"inject={call}:{what}:when={when}")
    command = [*TRACE, *inject, sys.executable, "-c", CHILD, *RUN]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert b"Traceback" not in ran.stderr, ran.stderr
    return ran.returncode


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "when", "what"),
    [
        ("mkdir", 2, "signal=SIGKILL"),
        ("pwrite64", 3, "error=ENOSPC"),
        ("pwrite64", 12, "signal=SIGKILL"),
        ("fsync", 5, "error=EIO"),
        ("fdatasync", 4, "error=EIO"),
        ("fdatasync", 4, "signal=SIGKILL"),
        ("renameat2", 1, "error=EACCES"),
    ],
)
def test_a_system_call(whole: Case, call: str, when: int, what: str) -> None:
    # Not every failure ends a run: who may not list the folder above cannot sync it either.
    assert injected(call, what, when) != 0 or OUT.exists()
    if not OUT.exists():
        kept = any(len(each.read().lines) > 1 for each in partials(OUT))
        assert run_child(RESUME if kept else RUN, undisturbed) == 0, messages()
    assert files_of(OUT) == whole
