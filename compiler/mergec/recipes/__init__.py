"""Recipes of other tools, as specs that do the same."""

from mergec.recipes.export_mergekit import Recipe, export_mergekit
from mergec.recipes.import_mergekit import Imported, import_mergekit
from mergec.recipes.sources import Folders
from mergec.recipes.yaml_tree import MAX_BYTES

__all__ = ["MAX_BYTES", "Folders", "Imported", "Recipe", "export_mergekit", "import_mergekit"]
