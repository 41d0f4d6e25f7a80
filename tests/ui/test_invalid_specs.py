"""Every invalid spec shows users exactly the text beside it.

After a change that is meant: ACCEPT=1 pytest tests/ui/test_invalid_specs.py, and read the diff.
"""

import os
from pathlib import Path

import pytest

from mergec.diagnostics import MergecError, render_text
from mergec.syntax import parse_spec, read_spec

ROOT = Path(__file__).resolve().parents[2]
SPECS = sorted(
    path
    for family in ("E1", "W1")
    for path in (ROOT / "specs" / "invalid").glob(f"{family}*.merge")
)


def diagnose(path: Path) -> str:
    """What a user sees who checks the spec at `path` from the root of the repository."""
    try:
        source = read_spec(path, path.relative_to(ROOT).as_posix())
    except MergecError as error:
        return render_text(error.diagnostics)
    return render_text(parse_spec(source).diagnostics)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_an_invalid_spec_shows_the_text_beside_it(path: Path) -> None:
    shown = diagnose(path)
    beside = path.with_suffix(".stderr")
    if os.environ.get("ACCEPT") == "1":
        beside.write_text(shown, "utf-8")
    assert shown == beside.read_text("utf-8")
    assert f"[{path.stem.partition('-')[0]}]: " in shown
