"""What the documentation shows is what happens: its examples, the recipes, the generated pages."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from docs import examples, generate
from mergec.api import (
    Setting,
    check_spec,
    compile_spec,
    execute,
    format_text,
    verify_results,
)
from mergec.api.specs import CompiledSpec
from mergec.catalog.architecture import ROLES
from mergec.diagnostics import CODES, SourceText
from mergec.elaborate.facts import FACTS
from mergec.elaborate.forms import FORMS
from mergec.syntax.scan import STATEMENTS
from mergec.verify import State, parse_sample
from tests import toy_family
from tests.repo.tree import ROOT, files

RECIPES = sorted((ROOT / "specs" / "recipes").glob("*.merge"))
VALID = sorted((ROOT / "specs" / "valid").glob("*.merge"))
# What a spec shows on purpose although mergec warns of it.
WARNED = {"views": ["W401"]}

_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")


def compiled(spec: Path, folder: Path) -> CompiledSpec:
    """A spec of the repository, beside toys for every source that it names."""
    text = spec.read_text()
    given = toy_family.write_sources(folder, text)
    (folder / spec.name).write_text(text)
    settings = {name: Setting(value) for name, value in given.items()}
    return compile_spec(folder / spec.name, settings=settings)


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
            given = toy_family.write_sources(folder, block.text)
            (folder / "example.merge").write_text(block.text)
            settings = {name: Setting(value) for name, value in given.items()}
            assert check_spec(folder / "example.merge", settings=settings) == ()


def test_what_does_not_match_is_noticed() -> None:
    assert examples.matches("a … c\n…\nd\n", "a b c\nx\ny\nd\n")
    assert not examples.matches("a … c\nd\n", "a b c\nx\nd\n")
    assert not examples.matches("a\n", "a\nb\n")
    assert not examples.matches("…\nb\n", "a\nbc\n")


@pytest.mark.parametrize("spec", [*RECIPES, *VALID], ids=lambda path: path.stem)
def test_a_spec_is_canonical_and_has_no_mistakes(spec: Path, tmp_path: Path) -> None:
    text = spec.read_text()
    assert format_text(SourceText(spec.name, text)) == text
    warnings = compiled(spec, tmp_path).warnings
    assert [found.code for found in warnings] == WARNED.get(spec.stem, [])


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_run_and_verified(recipe: Path, tmp_path: Path) -> None:
    made = compiled(recipe, tmp_path)
    execute(made, tmp_path / "out")
    verdicts = verify_results(tmp_path / "out", replay=parse_sample("full"))
    assert {verdict.state for verdict in verdicts.values()} == {State.VERIFIED}
    assert sum(verdict.replayed for verdict in verdicts.values()) == len(made.plan.rows)


# A list of numbers is a gradient over the layers; a list of pairs goes by parts of names.
Yaml = float | Sequence[float] | Sequence[tuple[str, "Yaml"]]


def in_mergekit(value: Yaml, tensor: str, layers: int) -> float:
    """What mergekit takes for a tensor: the first filter that fits, the first value of a gradient
    for what is outside the layers.
    """
    if isinstance(value, float | int):
        return value
    points: list[float] = []
    for item in value:
        if not isinstance(item, tuple):
            points.append(item)
        elif item[0] in tensor:
            return in_mergekit(item[1], tensor, layers)
    found = re.search(r"layers\.(\d+)\.", tensor)
    place = int(found[1]) * (len(points) - 1) / (layers - 1) if found else 0.0
    left = min(int(place), len(points) - 2)
    return points[left] + (points[left + 1] - points[left]) * (place - left)


YAML: dict[str, dict[str, Yaml]] = {
    "mergekit-gradient-slerp": {
        "t": [("self_attn", [0, 0.5, 0.3, 0.7, 1]), ("mlp", [1, 0.5, 0.7, 0.3, 0]), ("", 0.5)]
    },
    "mergekit-ties": {"density": [1, 0.7, 0.1], "weights": [0, 0.3, 0.7, 1]},
}


@pytest.mark.parametrize("name", YAML)
def test_a_recipe_of_mergekit_has_the_values_of_its_yaml(name: str, tmp_path: Path) -> None:
    plan = compiled(ROOT / "specs" / "recipes" / f"{name}.merge", tmp_path).plan
    settings = {setting.param: setting.values for setting in reversed(plan.settings)}
    for param, written in YAML[name].items():
        for tensor, value in settings[param].items():
            wanted = in_mergekit(written, tensor, 5)
            # Where mergekit gives no weight, the recipe gives no task vector.
            if wanted or param != "weights":
                assert float(value) == pytest.approx(wanted), (param, tensor)


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


def test_no_section_stands_twice() -> None:
    twice: list[str] = []
    for path in files("*.md"):
        text = _FENCED.sub("", path.read_text())
        sections = Counter(re.findall(r"^## .*", text, re.MULTILINE))
        twice += [f"{path.relative_to(ROOT)}: {name}" for name, n in sections.items() if n > 1]
    assert twice == []


def test_every_page_is_in_the_index() -> None:
    index = set(_LINK.findall((ROOT / "docs" / "README.md").read_text()))
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert pages - index == set()


def test_the_page_of_the_language_has_all_of_it() -> None:
    page = (ROOT / "docs" / "language.md").read_text()
    words = {*FORMS, *FACTS, *ROLES, *STATEMENTS}
    assert {word for word in words if f"`{word}" not in page} == set()
    warnings = {code for code in CODES if re.match("W[2-4]", code)}
    assert {code for code in warnings if code not in page} == set()


def test_a_code_in_the_documentation_exists() -> None:
    for path in files("*.md"):
        named = set(re.findall(r"\b[EW]\d{3}\b", path.read_text()))
        assert named - set(CODES) == set(), path.name
