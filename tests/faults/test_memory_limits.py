"""Runs that may use so much memory and no more: refused before they begin, or ended, never wrong.

The limits are real: a control group of the test's own, and the address space of a process.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.injected import (
    RESUME,
    RUN,
    Case,
    after_claims,
    files_of,
    left_over,
    messages,
    remove,
    run_child,
    undisturbed,
)
from tests.faults.tally import tally

MIB = 1 << 20
# What the system holds for a process beside its memory counts as taken.
MARGIN = 16 * MIB
OUT = Path("out")
# Version 1 of control groups, and version 2.
GROUPS = {
    Path("/sys/fs/cgroup/memory"): "memory.limit_in_bytes",
    Path("/sys/fs/cgroup"): "memory.max",
}
CHILD = """\
import os
import resource
import sys
kind, what = sys.argv[1:3]
if kind == "group":
    open(what, "w").write(str(os.getpid()))
elif kind == "space":
    resource.setrlimit(resource.RLIMIT_AS, (int(what), int(what)))
from mergec.cli.main import run_command
sys.exit(run_command(sys.argv[3:]))
"""


class Group:
    """A control group for memory."""

    def __init__(self, folder: Path, limit: str) -> None:
        self.members = folder / "cgroup.procs"
        self._limit = folder / limit

    def limit(self, size: int) -> None:
        """Give its members so many bytes together."""
        self._limit.write_text(str(size))


@pytest.fixture
def group() -> Iterator[Group]:
    """A new one without members."""
    for above, limit in GROUPS.items():
        folder = above / f"mergec-test-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            if (folder / limit).exists():
                yield Group(folder, limit)
                return
        finally:
            folder.rmdir()
    pytest.skip("no control group for memory can be made: that takes the superuser, and a kernel")


def limited(kind: str, what: object) -> tuple[int, list[str], int]:
    """The exit status of a run, the codes that it printed, and what it was projected to need."""
    arguments = (*(word for word in RUN if word != "-q"), "--memory", "100MiB")
    ran = subprocess.run(
        [sys.executable, "-c", CHILD, kind, str(what), *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    codes = re.findall(r"^error\[(\w+)\]", ran.stderr, re.MULTILINE)
    projected = re.findall(r"of ([\d.]+) MiB projected", ran.stdout)
    return ran.returncode, codes, int(float(projected[0]) * MIB) if projected else 0


@pytest.mark.slow
def test_a_control_group(whole: Case, group: Group) -> None:
    group.limit(1 << 30)
    status, _, projected = limited("group", group.members)
    assert status == 0
    assert projected > 10 * MIB
    remove(OUT)
    group.limit(projected - MIB)
    assert limited("group", group.members)[:2] == (6, ["E826"])
    assert left_over() == []
    assert not OUT.exists()
    group.limit(projected + MARGIN)
    assert limited("group", group.members)[0] == 0
    assert files_of(OUT) == whole
    tally("memory limits", points=2, violations=0)


@pytest.mark.slow
def test_the_address_space(whole: Case) -> None:
    """Nothing is mapped but libraries and the stacks of threads, which take no memory."""
    assert limited("space", 512 * MIB)[0] == 0
    assert files_of(OUT) == whole


def test_killed_for_want_of_memory(whole: Case, group: Group) -> None:
    group.limit(256 * MIB)

    def take_too_much(_name: str) -> None:
        group.members.write_text(str(os.getpid()))
        taken = [bytes([n & 0xFF]) * MIB for n in range(1024)]
        raise AssertionError(len(taken))

    assert run_child(RUN, after_claims(2, take_too_much)) == -signal.SIGKILL
    assert not OUT.exists()
    assert len(left_over()) == 1
    assert run_child(RESUME, undisturbed) == 0, messages()
    assert files_of(OUT) == whole
    tally("memory limits", points=1, violations=0, resumed=1, equal=1)
