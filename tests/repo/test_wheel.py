"""The wheel holds the three tiers as one package, data files included, and nothing else."""

import subprocess
import sys
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.repo.tree import ROOT, TIERS, files


@pytest.mark.slow
def test_the_wheel_is_the_three_tiers(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(tmp_path), str(ROOT)], check=True)
    [wheel] = tmp_path.glob("mergec-*-py3-none-any.whl")
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
        [metadata] = [name for name in names if name.endswith(".dist-info/METADATA")]
        fields = Parser().parsestr(archive.read(metadata).decode())
        [entry_points] = [name for name in names if name.endswith("/entry_points.txt")]
        assert "mergec = mergec.cli:main" in archive.read(entry_points).decode()
    # py.typed, the grammar and tables are files like others: all that is kept is shipped.
    expected = {
        path.relative_to(tier.parent).as_posix()
        for tier in TIERS
        for path in files(f"{tier.relative_to(ROOT)}/**")
    }
    # What `mergec explain` shows of a code.
    expected |= {
        f"mergec/cli/examples/{path.relative_to(ROOT / 'specs' / 'invalid').as_posix()}"
        for path in files("specs/invalid")
    }
    assert {name for name in names if ".dist-info/" not in name} == expected
    assert fields["License-Expression"] == "Apache-2.0"
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
