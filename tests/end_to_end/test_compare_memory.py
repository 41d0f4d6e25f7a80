"""The peak of a comparison does not follow the size of the tensors."""

import os
import subprocess
import sys
from math import prod
from pathlib import Path

import pytest

from mergec.backends import installed_backends
from tests.catalog.safetensors_bytes import entry, framed
from tests.end_to_end.command_line import PORTIONS

pytestmark = pytest.mark.slow

_MIB = 1 << 20
# Runs a command and then prints the largest resident size of its own process.
_CHILD = """
import sys
from mergec.cli.main import run_command
status = run_command(sys.argv[1:])
with open("/proc/self/status") as lines:
    print(*(line.split()[1] for line in lines if line.startswith("VmHWM")))
sys.exit(status)
"""


def write_hole(folder: Path, rows: int) -> None:
    """One tensor in bf16 whose numbers are a hole in the file."""
    shape = [rows << 10, 1 << 10]
    nbytes = 2 * prod(shape)
    folder.mkdir(parents=True)
    file = folder / "model.safetensors"
    file.write_bytes(framed(f'{{"w":{entry("BF16", shape, 0, nbytes)}}}'))
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size + nbytes)


def peak(folder: Path, backend: str) -> int:
    arguments = ("compare", "./a", "./b", "--base", "./base", "--backend", backend)
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, *arguments, "--threads", "2"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": PORTIONS},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.splitlines()[-1]) << 10


@pytest.mark.parametrize("backend", ["reference", "native"])
def test_memory_is_that_of_a_few_blocks(backend: str, tmp_path: Path) -> None:
    if backend not in installed_backends():
        pytest.skip(f"{backend} is not installed")
    peaks: list[int] = []
    for rows in (4, 128):  # 8 and 256 MiB in each of three files
        folder = tmp_path / str(rows)
        for name in ("a", "b", "base"):
            write_hole(folder / name, rows)
        peaks.append(peak(folder, backend))
    assert max(peaks) < 160 * _MIB
    assert peaks[1] - peaks[0] < 8 * _MIB
