"""What safety costs: `python -m tests.faults.durability FOLDER` merges 100 MB there many times.

The time of a run with everything on, over that of one without the wait for the disk, and of one
without read-back and digests too. Medians of five, taken in turn.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median

from benchmarks.make_models import Family, write_family
from benchmarks.sizes import Dimensions
from tests.faults.tally import tally

WAYS = {
    "all on": (),
    "--no-sync": ("--no-sync",),
    "--no-sync --verify none --no-digests": ("--no-sync", "--verify", "none", "--no-digests"),
}
TURNS = 5
FIFTY_MILLION = Dimensions(512, layers=8, heads=8, kv_heads=8, inter=2048, vocab=16000)
SPEC = """\
base = model("./base")
code = model("./ft0")
math = model("./ft1")
child = ties(base, code, math; density=0.3)
"""


def seconds(*switches: str) -> float:
    """How long a run took, as it says itself."""
    command = [sys.executable, "-m", "mergec.cli", "run", "spec.merge", "-o", "out"]
    done = subprocess.run(
        [*command, "--output-format", "json", *switches],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        check=True,
    )
    shutil.rmtree("out")
    took: float = json.loads(done.stdout)["seconds"]
    return took


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    write_family(Family(FIFTY_MILLION, models=2), folder)
    (folder / "spec.merge").write_text(SPEC)
    os.chdir(folder)
    seconds()
    turns = [{way: seconds(*switches) for way, switches in WAYS.items()} for _ in range(TURNS)]
    all_on, *others = ((way, median(turn[way] for turn in turns)) for way in WAYS)
    for way, took in others:
        print(f"{all_on[1]:.2f} s with everything on, {took:.2f} s with {way}")
        tally(f"safety: time against {way}", ratio=all_on[1] / took)
