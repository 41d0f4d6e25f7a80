"""Recipes of other tools, as specs that do the same."""

from mergec.recipes.import_mergekit import Imported, import_mergekit
from mergec.recipes.sources import Folders
from mergec.recipes.yaml_tree import MAX_BYTES

__all__ = ["MAX_BYTES", "Folders", "Imported", "import_mergekit"]
