"""Every invalid spec shows users exactly the text beside it.

After a change that is meant: ACCEPT=1 pytest tests/ui/test_invalid_specs.py, and read the diff.
"""

import os
import shutil
from pathlib import Path

import pytest

from mergec.api import compile_spec, execute
from mergec.diagnostics import Diagnostic, MergecError, render_text
from tests.toy_checkpoints import write_family

FOLDER = Path("specs") / "invalid"
ROOT = Path(__file__).resolve().parents[2]
SPECS = sorted((ROOT / FOLDER).glob("*.merge"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with all invalid specs and the sources that they name beside them."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(ROOT / FOLDER, home / FOLDER)
    write_family(home / FOLDER)
    return home


def diagnose(path: Path) -> tuple[Diagnostic, ...]:
    """What `mergec check` finds in the spec at `path`, else what running it does."""
    try:
        compiled = compile_spec(path)
        if not compiled.warnings:
            execute(compiled, path.with_suffix(".out"))
    except MergecError as error:
        return error.diagnostics
    return compiled.warnings


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_an_invalid_spec_shows_the_text_beside_it(
    spec: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    found = diagnose(FOLDER / spec.name)
    beside = spec.with_suffix(".stderr")
    if os.environ.get("ACCEPT") == "1":
        beside.write_text(render_text(found), "utf-8")
    assert render_text(found) == beside.read_text("utf-8")
    assert spec.stem.partition("-")[0] in {each.code for each in found}
