"""Both type checkers look at every folder: a checker that sees nothing reports nothing too."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repo.tree import ROOT, files

WRONG = 'count: int = "not a number"\n'
CHECKERS = {
    "mypy": ["mypy", "--cache-dir", "cache"],
    "pyright": ["pyright", "--pythonpath", sys.executable],
}


@pytest.fixture
def poisoned(tmp_path: Path) -> list[str]:
    """A tree with our configuration and, in each folder that holds Python, one wrong file."""
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    folders = sorted({path.parent.relative_to(ROOT) for path in files("*.py")})
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "wrong.py").write_text(WRONG)
        if (ROOT / folder / "__init__.py").exists():
            (tmp_path / folder / "__init__.py").touch()
    return sorted(f"{folder.as_posix()}/wrong.py" for folder in folders)


@pytest.mark.slow
@pytest.mark.parametrize("checker", CHECKERS)
def test_a_wrong_type_is_found_in_every_folder(
    checker: str, poisoned: list[str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *CHECKERS[checker]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    found = re.findall(r"([\w./-]+/wrong\.py):1\b.*error", done.stdout)
    assert sorted(path.removeprefix(f"{tmp_path}/") for path in found) == poisoned
