"""mergekit's child of a recipe, from YAML to files, beside that of the imported spec."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest

from mergec.api import compile_spec, execute
from mergec.api.importing import import_recipe
from tests.peers.children import NEAR, Compared, compared, tensors
from tests.peers.drawn import unlike_draws
from tests.peers.recipe_case import Recipe
from tests.peers.recipe_table import MEASURED, RECIPES
from tests.peers.stand_ins import write_family
from tests.peers.whole_facade import their_merge

# Deprecations of what the peers import are not ours to act on.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

# Of all entries, how many may lie at the border of a selection.
_BORDER = 1e-3
_DENSITY = 0.3


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family, written when it is first asked for."""
    root = tmp_path_factory.mktemp("stand-ins")

    def folder(family: str) -> Path:
        if not (root / family).exists():
            write_family(family, root / family)
        return root / family

    return folder


@pytest.fixture(scope="module")
def figures() -> Iterator[dict[str, str]]:
    """What was measured; kept for docs/mergekit.md if MEASURE is set and nothing was left out."""
    found: dict[str, str] = {}
    yield found
    if os.environ.get("MEASURE") and [*found] == [recipe.name for recipe in RECIPES]:
        packages = ("mergekit", "transformers", "torch")
        kept = {
            "date": datetime.now(UTC).date().isoformat(),
            "versions": {package: version(package) for package in packages},
            "recipes": found,
        }
        MEASURED.write_text(json.dumps(kept, indent=1) + "\n")


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_both_children_of_a_recipe_are_what_the_table_says(
    recipe: Recipe,
    stand_ins: Callable[[str], Path],
    figures: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(stand_ins(recipe.family))
    file, theirs, ours = (tmp_path / name for name in ("recipe.yml", "theirs", "ours"))
    file.write_text(recipe.text)
    if recipe.error:
        with pytest.raises(Exception) as raised:  # noqa: PT011  # any of theirs, by its name
            their_merge(file, theirs)
        assert type(raised.value).__name__ == recipe.error
        our_merge(file, ours)
        figures[recipe.name] = recipe.error
        return
    their_merge(file, theirs)
    our_merge(file, ours)
    found = compared(theirs, ours, by_token=recipe.family == "words")
    figures[recipe.name] = _figure(recipe, found, theirs, ours)
    assert not found.missing
    assert found.files.keys() == recipe.files.keys(), found.files


def our_merge(recipe: Path, out: Path) -> None:
    """Import, then run; the spec lies where the models do."""
    spec = Path("child.merge")
    spec.write_text(import_recipe(recipe, spec).text)
    execute(compile_spec(spec), out, backend="reference")


def _figure(recipe: Recipe, found: Compared, theirs: Path, ours: Path) -> str:
    """The difference that the recipe is about, asserted and in words."""
    if recipe.differs:
        assert found.relative > NEAR, "what differed is the same now"
        return f"{found.relative:.1e}"
    if recipe.kind == "values":
        assert found.relative <= NEAR, found.tensor
        return f"{found.relative:.1e}"
    if recipe.kind == "borders":
        assert found.apart <= _BORDER * found.entries
        return f"{found.within:.1e}, but for {found.apart} of {found.entries:,} entries"
    base, tuned = tensors(Path("base")), tensors(Path("a"))
    far = [unlike_draws(tensors(side), base, tuned, _DENSITY) for side in (theirs, ours)]
    assert max(far) <= NEAR
    return f"{max(far):.1e}, by the factor of each tensor"
