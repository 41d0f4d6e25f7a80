"""Specs to recipes of other tools: what `mergec export` does."""

from collections.abc import Mapping
from pathlib import Path

from mergec.elaborate import Bundle, Setting
from mergec.plan import check_bundle
from mergec.recipes import Folders, Recipe, export_mergekit
from mergec.syntax import read_spec


def export_recipe(path: Path, *, settings: Mapping[str, Setting] | None = None) -> Recipe:
    """The recipe for mergekit that means what the spec at `path` does, its parameters set.

    Relative paths in it start where the command is called, as mergekit's do. Looks at no source.
    MergecError with the errors of the spec, or with the first thing that a recipe cannot say.
    """
    checked = check_bundle(Bundle(read_spec(path, str(path)), path.parent, settings or {}))
    recipe = export_mergekit(checked, Folders(path.parent.resolve(), Path.cwd()))
    return Recipe(recipe.text, (*checked.warnings, *recipe.findings))
