"""SIGKILL from outside at any moment of a run in a process of its own, and of one that goes on.

The moments come from a fixed seed, as shares of the time that a run takes; what is asserted holds
wherever they fall. Shards and journal go to the disk as in any run, only more often.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import chdir
from pathlib import Path
from random import Random
from time import monotonic

import numpy as np
import pytest

from mergec.shards import partials
from tests.faults.injected import EVERY_CALL, Case, files_of
from tests.faults.tally import counting
from tests.toy_checkpoints import write_checkpoint

OUT = Path("out")
CHILD = """\
import mergec.api, mergec.execute, mergec.cli.running
from mergec.backends import get_backend
from mergec.cli.main import main
from mergec.shards import journal
journal._BYTES = 1 << 20
get_backend("native")
print("ready", flush=True)
main()
"""
SPEC = """\
base = model("./base")
code = model("./code")
math = model("./math")
merged = ties(base, code, math; density=0.3, scope=global)
require norm(merged - base) > 0, "it is another model"
export merged { shard = 5MB }
"""
RUN = ("run", "spec.merge", "-o", "out", "--backend", "native", "--threads", "2", "-q")
KILLS = 200 if EVERY_CALL else 3
_ENDLESS = 600.0


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """A model of 16 MB and two that were made from it, and this folder as the current one."""
    with chdir(tmp_path_factory.mktemp("random-kills")):
        draw = np.random.default_rng(0)
        base = draw.standard_normal((8, 1 << 20), np.float32)
        for name in ("base", "code", "math"):
            tuned = base + draw.standard_normal(base.shape, np.float32) / 8
            raw = (tuned.view(np.uint32) >> 16).astype(np.uint16)
            tensors = {
                f"{n}.weight": ("BF16", [1 << 10, 1 << 10], raw[n].tobytes()) for n in range(8)
            }
            write_checkpoint(Path(name), tensors)
        Path("spec.merge").write_text(SPEC)
        yield


def ran(arguments: tuple[str, ...], seconds: float) -> tuple[int, float]:
    """The exit status of a run that is killed after some time, and how long it took."""
    command = [sys.executable, "-c", CHILD, *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with (
        Path("messages").open("w") as said,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=said) as run,
    ):
        assert run.stdout is not None
        assert run.stdout.readline() == b"ready\n"
        began = monotonic()
        try:
            run.wait(seconds)
        except subprocess.TimeoutExpired:
            run.kill()
    return run.returncode, monotonic() - began


def brought_to_its_end(draw: Random, duration: float) -> int:
    """Kill a run, and perhaps what goes on with it, until one is through; how many were killed."""
    kills = 0
    again = True
    while not OUT.exists():
        kept = any(each.read().lines for each in partials(OUT))
        seconds = draw.uniform(0, duration) if again else _ENDLESS
        status, _ = ran((*RUN, "--resume") if kept else RUN, seconds)
        assert status in ((0, -9) if again else (0,)), Path("messages").read_text()
        kills += status == -9
        again = draw.random() < 0.3
    return kills


def lost(found: Case, whole: Case) -> int:
    """How many bytes are in files that are not what they should be."""
    return sum(len(raw) for name, raw in whole.items() if found.get(name) != raw)


@pytest.mark.slow
@pytest.mark.usefixtures("models")
def test_killed_at_random() -> None:
    status, duration = ran(RUN, _ENDLESS)
    assert status == 0, Path("messages").read_text()
    whole = files_of(OUT)
    with counting("SIGKILL at random moments") as figures:
        for number in range(KILLS):
            shutil.rmtree(OUT)
            kills = brought_to_its_end(Random(number), duration)
            found = files_of(OUT)
            figures["points"] += kills
            figures["resumed"] += kills > 0
            figures["equal"] += kills > 0 and found == whole
            figures["lost"] += lost(found, whole)
            assert found == whole
            for left in partials(OUT):
                shutil.rmtree(left.path)
