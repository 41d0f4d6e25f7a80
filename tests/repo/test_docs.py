"""What the documentation shows is what happens: its examples, the recipes, the generated pages."""

import re
from pathlib import Path

import pytest

from docs import examples, generate
from mergec.api import check_spec, compile_spec, execute, format_text, verify_result
from mergec.diagnostics import CODES, SourceText
from mergec.verify import State, parse_sample
from tests import toy_family
from tests.repo.tree import ROOT, files

RECIPES = sorted((ROOT / "specs" / "recipes").glob("*.merge"))
# What a recipe does on purpose although mergec warns of it.
WARNED = {"chat-vector": ["W301"]}

_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")


def sources(folder: Path, spec: str) -> None:
    """Toys for every source that a spec names."""
    toy_family.write_members(folder, sorted(set(re.findall(r'model\("\./([\w-]+)"', spec))))


@pytest.mark.slow
@pytest.mark.parametrize("page", examples.PAGES)
def test_a_page_shows_what_its_commands_print(page: str, tmp_path: Path) -> None:
    folder = tmp_path / "examples"
    folder.mkdir()
    examples.lay_out(page, folder)
    text = (ROOT / page).read_text()
    for written, now in examples.actual(text, examples.open_shell(folder)):
        assert written == now


@pytest.mark.parametrize("page", examples.PAGES)
def test_a_page_shows_specs_as_the_formatter_writes_them(page: str) -> None:
    for block in examples.blocks((ROOT / page).read_text()):
        if block.language == "merge":
            assert format_text(SourceText(page, block.text)) == block.text


@pytest.mark.parametrize("page", examples.PAGES)
def test_a_complete_spec_without_a_name_has_no_mistakes(page: str, tmp_path: Path) -> None:
    for number, block in enumerate(examples.blocks((ROOT / page).read_text())):
        if block.language == "merge" and not block.argument and "model(" in block.text:
            folder = tmp_path / str(number)
            sources(folder, block.text)
            (folder / "example.merge").write_text(block.text)
            assert check_spec(folder / "example.merge") == ()


def test_what_does_not_match_is_noticed() -> None:
    assert examples.matches("a … c\n…\nd\n", "a b c\nx\ny\nd\n")
    assert not examples.matches("a … c\nd\n", "a b c\nx\nd\n")
    assert not examples.matches("a\n", "a\nb\n")
    assert not examples.matches("…\nb\n", "a\nbc\n")


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_formatted_checked_run_and_verified(recipe: Path, tmp_path: Path) -> None:
    text = recipe.read_text()
    assert format_text(SourceText(recipe.name, text)) == text
    sources(tmp_path, text)
    spec = tmp_path / recipe.name
    spec.write_text(text)
    compiled = compile_spec(spec)
    assert [found.code for found in compiled.warnings] == WARNED.get(recipe.stem, [])
    execute(compiled, tmp_path / "out")
    verdict = verify_result(tmp_path / "out", replay=parse_sample("full"))
    assert (verdict.state, verdict.replayed) == (State.VERIFIED, len(toy_family.SHAPES))


def test_every_recipe_is_described() -> None:
    page = (ROOT / "specs" / "README.md").read_text()
    described = re.findall(r"\(recipes/([\w-]+)\.merge\)", page)
    assert sorted(described) == sorted(path.stem for path in RECIPES)


@pytest.mark.parametrize("name", generate.pages())
def test_a_generated_page_is_fresh(name: str) -> None:
    written = (ROOT / "docs" / name).read_text()
    assert written == generate.pages()[name], "run `make docs`"


def test_links_between_files_lead_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in files("*.md")
        for target in _LINK.findall(path.read_text())
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert broken == []


def test_every_page_is_in_the_index() -> None:
    index = set(_LINK.findall((ROOT / "docs" / "README.md").read_text()))
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert pages - index == set()


def test_a_code_in_the_documentation_exists() -> None:
    for path in files("*.md"):
        named = set(re.findall(r"\b[EW]\d{3}\b", path.read_text()))
        assert named - set(CODES) == set(), path.name
