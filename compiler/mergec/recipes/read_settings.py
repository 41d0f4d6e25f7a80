"""`parameters:` of a recipe: scalars, gradients, and lists of filters."""

from mergec.catalog.quoted import quoted
from mergec.diagnostics import Diagnostic
from mergec.recipes.fields import Known, Reader, required
from mergec.recipes.recipe import Rule, Setting, Settings
from mergec.recipes.scalars import is_null, text_of, wrong
from mergec.recipes.yaml_tree import Items, Members, Scalar, Tree

_MAX_POINTS = 1_000


def read_settings(known: Known, reader: Reader) -> Settings:
    """The member `parameters` of a mapping, by name; wrong ones are reported and left out."""
    if "parameters" not in known:
        return {}
    tree = known["parameters"][1]
    if not isinstance(tree, Members):
        reader.report(*wrong(tree, "parameters", "a mapping").diagnostics)
        return {}
    settings: dict[str, Setting] = {}
    for key, value in tree.members:
        rules = reader.attempt(_rules, key.text, value, reader)
        if rules is not None:
            settings[key.text] = Setting(rules, key.span)
    return settings


def _rules(name: str, tree: Tree, reader: Reader) -> tuple[Rule, ...]:
    if isinstance(tree, Members):
        return (_conditional(name, tree, reader),)
    if isinstance(tree, Items) and tree.items and isinstance(tree.items[0], Members):
        return tuple(_conditional(name, each, reader) for each in tree.items)
    values = _values(name, tree)
    if not values:
        message = f"the list of {quoted(name)} is empty, and counts as not given"
        hint = "remove the key, or give it a value"
        reader.report(Diagnostic("W907", message, tree.span, help=(hint,)))
        return ()
    return (Rule(None, values, tree.span),)


def _conditional(name: str, tree: Tree, reader: Reader) -> Rule:
    known = reader.members(tree, name, ("filter", "value"))
    _, value = required(known, "value", name, tree.span)
    values = _values(name, value)
    if not values:
        raise wrong(value, name, "a number or a list of numbers")
    if "filter" not in known:
        return Rule(None, values, tree.span)
    text = text_of(known["filter"][1], "filter", reader.report)
    return Rule(None if text in ("", "*") else text, values, tree.span)


def _values(name: str, tree: Tree) -> tuple[Scalar, ...]:
    """One value, or the points of a gradient."""
    listed = tree.items if isinstance(tree, Items) else (tree,)
    if len(listed) > _MAX_POINTS:
        raise wrong(tree, name, f"at most {_MAX_POINTS} values")
    values: list[Scalar] = []
    for each in listed:
        if not isinstance(each, Scalar) or is_null(each):
            raise wrong(each, name, "a number or a list of numbers")
        values.append(each)
    return tuple(values)
