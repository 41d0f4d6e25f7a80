"""A recipe of mergekit to a spec: `mergec import mergekit`."""

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path

from mergec.catalog.quoted import quoted
from mergec.diagnostics import (
    Diagnostic,
    MergecError,
    SourceText,
    fail,
    sort_by_position,
    suggestion_help,
)
from mergec.elaborate.print_names import Names
from mergec.frozen import frozen
from mergec.recipes.checked import checked
from mergec.recipes.compose import Composer
from mergec.recipes.exported import Exported
from mergec.recipes.fields import Reader
from mergec.recipes.lookup import Lookup
from mergec.recipes.methods import METHODS, Method
from mergec.recipes.recipe import Recipe
from mergec.recipes.sources import Folders, Sources
from mergec.recipes.stages import in_order, needs, read_stages
from mergec.recipes.yaml_tree import read_yaml

_WIDTH = 96
_CALL = re.compile(r"\bmk\.\w+\(")


@frozen
class Imported:
    """The text of a spec, and what there is to say about its recipe, by place."""

    text: str
    findings: tuple[Diagnostic, ...]


def import_mergekit(
    source: SourceText, folders: Folders, *, paper: bool = False, lenient: bool = False
) -> Imported:
    """The spec that says what a recipe does; MergecError with everything wrong with it.

    `paper` writes mergec's own operators in place of those of `std:mergekit`. `lenient` ignores
    keys that mergekit does not know, as it does, with a warning each.
    """
    reader = Reader(lenient)
    try:
        text = _spec(source, folders, reader, paper=paper)
    except MergecError as error:
        for each in error.diagnostics:
            reader.report(each)
        text = ""
    if any(found.severity == "error" for found in reader.found):
        raise MergecError(reader.found)
    return Imported(checked(text, reader.places), sort_by_position(reader.found))


def _spec(source: SourceText, folders: Folders, reader: Reader, *, paper: bool) -> str:
    recipes = read_stages(read_yaml(source), source, reader)
    for recipe in recipes:
        method = reader.attempt(_method, recipe)
        if method is not None:
            Lookup(reader, method, recipe.method.span).tell_unknown(recipe)
    if any(found.severity == "error" and found.code != "E907" for found in reader.found):
        return ""  # what else is wrong may follow from that
    names = Names({"mk", "child"})
    stages = {it.name.text: names.like(it.name.text) for it in recipes if it.name is not None}
    sources = Sources(folders, names, reader.report, stages)
    ordered = in_order(recipes, reader)
    blocks: list[str] = []
    for recipe in ordered:
        block = reader.attempt(_block, recipe, ordered, sources, reader, paper=paper)
        blocks.append(block or "")
    head = f"# Imported from {_printable(Path(source.name).name)}, a recipe of mergekit 0.1.5.\n"
    body = "\n\n".join([*("\n".join(part) for part in [sources.lines] if part), *blocks])
    use = 'use "std:mergekit" as mk\n\n' if _CALL.search(body) else ""
    return f"{head}{use}{body}\n"


def _block(
    recipe: Recipe, all_of_them: Sequence[Recipe], sources: Sources, reader: Reader, *, paper: bool
) -> str:
    """The lines of one document."""
    method = _method(recipe)
    lookup = Lookup(reader, method, recipe.method.span)
    composer = Composer(recipe, method, lookup, sources, sources.names, reader, paper)
    before = len(reader.found)
    expression = reader.attempt(composer.expression)
    if expression is None:
        return ""
    lookup.tell_unused(recipe)
    lookup.tell_untrimmed(recipe)
    exported = Exported(recipe, sources, reader)
    exported.tell()
    name = "child" if recipe.name is None else sources.stages[recipe.name.text]
    above = [*composer.lines, ""] if composer.lines else []
    lines = [*above, *_remarks(reader.found[before:]), f"{name} = {expression}"]
    if recipe.name is None or not _is_used(recipe, all_of_them):
        lines.append(f"\nexport {name}{exported.settings()}")
    else:
        _tell_rounding(recipe, reader)
    return "\n".join(lines)


def _method(recipe: Recipe) -> Method:
    name = recipe.method.text
    if name not in METHODS:
        hint = suggestion_help(name, METHODS, "methods")
        message = f"mergekit 0.1.5 has no method {quoted(name)}"
        raise fail("E910", message, recipe.method.span, help=hint)
    return METHODS[name]


def _is_used(recipe: Recipe, recipes: Sequence[Recipe]) -> bool:
    return any(recipe.name is not None and recipe.name.text in needs(each) for each in recipes)


def _tell_rounding(recipe: Recipe, reader: Reader) -> None:
    """What is lost of a stage that is no model on the disk any more."""
    if recipe.name is None:
        return
    message = f"mergekit writes and rounds {quoted(recipe.name.text)} before it is merged again"
    hint = "here it is merged on as it is computed, and takes no place on the disk"
    reader.report(Diagnostic("W905", message, recipe.name.span, help=(hint,)))
    if recipe.tokenizer is not None:
        message = "a stage that is merged on has no vocabulary of its own"
        hint = "name the tokenizer in the last document"
        reader.report(Diagnostic("W906", message, recipe.tokenizer.span, help=(hint,)))


def _remarks(found: Sequence[Diagnostic]) -> list[str]:
    """Comments on what was decided, in the spec itself."""
    told = dict.fromkeys(
        f"{each.message}; {each.help[0]}" if each.help else each.message
        for each in found
        if each.code in ("W904", "W905")
    )
    return [
        f"# {line}" for text in told for line in textwrap.wrap(_printable(_sentence(text)), _WIDTH)
    ]


def _sentence(text: str) -> str:
    named = text.startswith(("mergekit", "`"))
    return f"{text if named else text[0].upper() + text[1:]}."


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)
