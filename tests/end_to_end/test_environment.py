"""The environment of a process changes no byte of what it writes, and makes nothing fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.command_line import PORTIONS, SPEC
from tests.toy_checkpoints import write_family

ODD = {
    "PYTHONHASHSEED": "7",
    "TZ": "Asia/Tokyo",
    "LC_ALL": "C",
    "PYTHONIOENCODING": "ascii",
    "OMP_NUM_THREADS": "1",
    "HOME": "/nowhere",
    "XDG_CACHE_HOME": "",
    "TMPDIR": "/nowhere",
    "NO_COLOR": "1",
}


def made(folder: Path, environment: dict[str, str], *switches: str) -> dict[str, bytes]:
    """What a run in `folder` writes, by name."""
    folder.mkdir()
    write_family(folder)
    (folder / "s\u00e9.merge").write_text(SPEC)
    done = subprocess.run(
        [sys.executable, "-m", "mergec.cli", "run", "s\u00e9.merge", "-o", "\u00e9", *switches],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": PORTIONS, **environment},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return {path.name: path.read_bytes() for path in (folder / "\u00e9").iterdir()}


@pytest.mark.slow
def test_no_byte_depends_on_it(tmp_path: Path) -> None:
    one = made(tmp_path / "one", {"PYTHONHASHSEED": "0"})
    two = made(tmp_path / "elsewhere", ODD, "--threads", "3", "--memory", "600MiB")
    assert one == two
