"""Every invalid spec shows users exactly the text beside it.

A spec whose first line is `# run: check --set w=2` is given those values for its parameters.

After a change that is meant: ACCEPT=1 pytest tests/ui/test_invalid_specs.py, and read the diff.
"""

import os
import shlex
import shutil
from pathlib import Path

import pytest

from mergec.api import compile_spec, execute
from mergec.cli.main import run_command
from mergec.diagnostics import Diagnostic, MergecError, render_text
from mergec.elaborate import Setting
from tests.toy_checkpoints import write_family

FOLDER = Path("specs") / "invalid"
ROOT = Path(__file__).resolve().parents[2]
RUN = "# run: check "
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
        compiled = compile_spec(path, settings=settings(path))
        if not compiled.warnings:
            execute(compiled, path.with_suffix(".out"))
    except MergecError as error:
        return error.diagnostics
    return compiled.warnings


def settings(path: Path) -> dict[str, Setting]:
    """What the spec's first line gives to its parameters."""
    first, _, _ = path.read_text("utf-8", "replace").partition("\n")
    if not first.startswith(RUN):
        return {}
    option, *pairs = shlex.split(first.removeprefix(RUN))
    assert option == "--set"
    given = (pair.partition("=") for pair in pairs if pair != "--set")
    return {name: Setting(value, path.parent) for name, _, value in given}


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


def test_checking_all_of_them_prints_all_of_the_texts(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(home)
    texts = {
        FOLDER / spec.name: spec.with_suffix(".stderr").read_text("utf-8")
        for spec in SPECS
        if not spec.read_text("utf-8", "replace").startswith(RUN) and not _by_running(spec)
    }
    status = run_command(["check", *map(str, texts)])
    printed = capsys.readouterr().err
    missing = [path.name for path, text in texts.items() if text.strip() not in printed]
    assert (missing, status) == ([], 3)


def _by_running(spec: Path) -> bool:
    """Whether only a run finds the mistake: in the weights, which `check` does not read."""
    return spec.stem in ("E406-values",)
