"""What the tests of the command line share: a spec, outcomes, and what a refusal is."""

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mergec.cli.main import run_command
from tests.toy_checkpoints import write_family

ROOT = Path(__file__).parents[2]
PORTIONS = os.pathsep.join(str(ROOT / tier) for tier in ("grammar", "compiler", "runtime"))
SPEC = """\
base = model("./base")
code = model("./code")
math = model("./math")
child = ties(base, code, math; density=0.3)
"""


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its status, the codes it printed, its output, the paths it made."""

    status: int
    codes: list[str]
    out: str
    err: str
    made: set[str]


Mergec = Callable[..., Outcome]


def tree() -> dict[str, str]:
    """Every path below the working folder, with the digest of its bytes."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(Path().rglob("*"))
    }


def write_spec(*lines: str) -> None:
    Path("spec.merge").write_text("\n".join(lines) + "\n")


def refused(outcome: Outcome, code: str, status: int) -> None:
    assert (outcome.codes, outcome.status, outcome.made) == ([code], status, set()), outcome.err


@pytest.fixture
def mergec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Mergec:
    """Runs the command line in a folder with the toy family and `spec.merge`.

    After each command, whatever was there before must be there still, byte for byte.
    """
    write_family(tmp_path)
    (tmp_path / "spec.merge").write_text(SPEC)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Outcome:
        before = tree()
        status = run_command(arguments)
        out, err = capsys.readouterr()
        after = tree()
        assert {path: after.get(path) for path in before} == before
        assert "Traceback" not in err, err
        codes = re.findall(r"^(?:error|warning)\[(\w+)\]", err, re.MULTILINE)
        return Outcome(status, codes, out, err, after.keys() - before.keys())

    return run
