"""`mergec import mergekit`: where its text and its findings go."""

import json
from pathlib import Path

import pytest

from mergec.cli.main import run_command

RECIPE = """\
merge_method: slerp
base_model: ./base
models: [{model: ./code}]
parameters: {t: [0, 1]}
chat_template: chatml
"""
SPEC = """\
# Imported from recipe.yml, a recipe of mergekit 0.1.5.
use "std:mergekit" as mk

base = model("./base")
code = model("./code")

t = match { layers(0..) => ramp(0, 1), else => 0 }

# Embeddings, final norm and head have the first value of a gradient; where that is not meant,
# write `ramp(...)` alone in the spec.
child = mk.slerp(base, code; t=t)

export child
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("recipe.yml").write_text(RECIPE)
    return tmp_path


def test_the_spec_is_printed_and_the_report_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["import", "mergekit", "recipe.yml"]) == 0
    out, err = capsys.readouterr()
    assert out == SPEC
    assert "warning[W904]" in err
    assert "warning[W906]" in err


def test_a_spec_in_another_folder_names_the_same_models(here: Path) -> None:
    (here / "specs").mkdir()
    assert run_command(["import", "mergekit", "recipe.yml", "-o", "specs/child.merge"]) == 0
    assert 'base = model("../base")' in (here / "specs" / "child.merge").read_text()


def test_programs_read_the_report(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["import", "mergekit", "recipe.yml", "-o", "child.merge", "--output-format", "json"]
    assert run_command([*line, "--report", "report.json"]) == 0
    printed = capsys.readouterr().out
    assert (here / "report.json").read_text() == printed
    assert [(each["code"], each["start"]["line"]) for each in json.loads(printed)] == [
        ("W904", 4),
        ("W906", 5),
    ]
    assert run_command(line[:3] + line[5:]) == 2  # no place for the spec


def test_what_is_denied_leaves_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("child.merge").write_text("old")
    line = ["import", "mergekit", "recipe.yml", "-o", "child.merge"]
    assert run_command([*line, "--deny", "recipe-not-carried"]) == 3
    assert "error[W906]" in capsys.readouterr().err
    assert (here / "child.merge").read_text() == "old"


def test_paper_writes_operators_and_says_what_changes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["import", "mergekit", "recipe.yml", "--paper"]) == 0
    out, err = capsys.readouterr()
    assert "child = slerp(base, code; t=t)" in out
    assert "std:mergekit" not in out
    assert "warning[W909]" in err


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (None, 4, "E701"),
        (b"\xff", 3, "E904"),
        (b" " * (300 << 10), 3, "E904"),
        (b"a: " * 9, 3, "E904"),
    ],
    ids=["missing", "no UTF-8", "large", "no YAML"],
)
def test_what_is_no_recipe_is_said(
    data: bytes | None,
    status: int,
    code: str,
    here: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("recipe.yml").unlink()
    if data is not None:
        Path("recipe.yml").write_bytes(data)
    assert run_command(["import", "mergekit", "recipe.yml", "-o", "child.merge"]) == status
    assert f"error[{code}]" in capsys.readouterr().err
    assert not (here / "child.merge").exists()


def test_a_folder_that_is_missing_is_said_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["import", "mergekit", "recipe.yml", "-o", "none/child.merge"]) == 8
    assert "error[E803]" in capsys.readouterr().err
