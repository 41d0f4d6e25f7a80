"""What the tests of the command line share: a spec, outcomes, and what a refusal is."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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
