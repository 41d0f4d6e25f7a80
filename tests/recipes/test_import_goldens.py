"""Each recipe becomes the spec beside it, with the findings beside that, and the spec compiles.

A recipe whose first line is `# run: --paper` is imported with that option.

After a change that is meant: ACCEPT=1 pytest tests/recipes/test_import_goldens.py, and read the
diff.
"""

import os
import shutil
from pathlib import Path

import pytest

from mergec.api import compile_spec
from mergec.diagnostics import SourceText, render_text
from mergec.recipes import Folders, Imported, import_mergekit
from tests.toy_family import write_sources
from tests.toy_vocabularies import write_speakers

GOLDENS = Path(__file__).parent / "goldens"
RECIPES = sorted(GOLDENS.glob("*.yml"))
RUN = "# run: "


def imported(path: Path) -> Imported:
    """The recipe as a spec, by the options that its first line names."""
    text = path.read_text()
    first = text.partition("\n")[0]
    options = first.removeprefix(RUN).split() if first.startswith(RUN) else []
    folders = Folders(GOLDENS, GOLDENS)
    paper, lenient = "--paper" in options, "--lenient" in options
    return import_mergekit(SourceText(path.name, text), folders, paper=paper, lenient=lenient)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_becomes_the_spec_beside_it(recipe: Path) -> None:
    found = imported(recipe)
    told = render_text(found.findings, color=False) + "\n"
    for suffix, text in ((".merge", found.text), (".report", told)):
        beside = recipe.with_suffix(suffix)
        if os.environ.get("ACCEPT"):
            beside.write_text(text)
        assert text == beside.read_text()


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_the_spec_of_a_recipe_has_a_plan(recipe: Path, tmp_path: Path) -> None:
    spec = tmp_path / "child.merge"
    spec.write_text(recipe.with_suffix(".merge").read_text())
    if recipe.stem == "vocabulary":
        write_speakers(tmp_path)
    else:
        write_sources(tmp_path, spec.read_text())
    if recipe.stem == "modules":  # both of its models see
        shutil.rmtree(tmp_path / "eyes")
        shutil.copytree(tmp_path / "llava", tmp_path / "eyes")
    compiled = compile_spec(spec)
    assert {found.code for found in compiled.warnings} <= {"W205"}
