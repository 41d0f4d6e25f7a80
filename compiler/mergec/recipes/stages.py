"""The documents of one file: each a recipe, and some a model that others are made of."""

from collections.abc import Sequence

from mergec.catalog.quoted import quoted
from mergec.diagnostics import Diagnostic, SourceText, Span, fail
from mergec.recipes.exported import all_inputs
from mergec.recipes.fields import Reader
from mergec.recipes.read_recipe import read_recipe
from mergec.recipes.recipe import Recipe
from mergec.recipes.scalars import is_null
from mergec.recipes.yaml_tree import Tree


def read_stages(trees: Sequence[Tree], source: SourceText, reader: Reader) -> list[Recipe]:
    """The recipes of a file; E913 for names that do not tell them apart."""
    trees = [tree for tree in trees if not is_null(tree)]
    if not trees:
        message = f"{quoted(source.name)} holds no recipe"
        raise fail("E909", message, Span(source, 0, 0), help="write `merge_method:` and `models:`")
    read = [reader.attempt(read_recipe, tree, reader) for tree in trees]
    recipes = [recipe for recipe in read if recipe is not None]
    seen: dict[str | None, Recipe] = {}
    for recipe in recipes:
        name = None if recipe.name is None else recipe.name.text
        if name in seen:
            message = "two documents have no `name`" if name is None else f"two are {quoted(name)}"
            hint = "give each document but the last a `name` of its own"
            place = recipe.span if recipe.name is None else recipe.name.span
            reader.report(Diagnostic("E913", message, place, help=(hint,)))
        seen[name] = recipe
    return recipes


def in_order(recipes: Sequence[Recipe], reader: Reader) -> list[Recipe]:
    """Each recipe after those that it needs; E913 for a circle."""
    named = {recipe.name.text: recipe for recipe in recipes if recipe.name is not None}
    ordered: list[Recipe] = []
    waiting = list(recipes)
    while waiting:
        done = {recipe.name.text for recipe in ordered if recipe.name is not None}
        ready = [each for each in waiting if {*needs(each)} & named.keys() <= done]
        if not ready:
            names = [each.name.text for each in waiting if each.name is not None]
            message = f"{', '.join(map(quoted, names[:8]))} are made of each other"
            raise fail("E913", message, waiting[0].span, help="let one of them name other models")
        ordered += ready
        waiting = [each for each in waiting if each not in ready]
    return ordered


def needs(recipe: Recipe) -> set[str]:
    """The models, or stages, that a recipe is made of."""
    found = {each.model.path for each in all_inputs(recipe)}
    if recipe.base is not None:
        found.add(recipe.base.path)
    bases = (part.base for module in recipe.modules for part in module.slices)
    return found | {base.path for base in bases if base is not None}
