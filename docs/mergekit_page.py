"""Makes `docs/mergekit.md` of the recipes that `make peers` runs, and of what it measured last."""

from collections.abc import Iterable, Sequence

from tests.peers.recipe_case import Recipe
from tests.peers.recipe_table import RECIPES, Measured, measured

_HEAD = """# Recipes of mergekit, measured

Made from the code by `make docs`; edit `tests/peers/` instead.

A recipe of mergekit that is imported ([import.md](import.md)) and run gives the child that mergekit
makes of it. `make peers` runs {count} recipes through mergekit {mergekit}, from YAML to files, and
through `mergec import mergekit` and `mergec run`, over tiny Llama, GPT-2 and BERT models that
transformers {transformers} writes in float32. It compares every entry of every tensor, config.json
field by field, and tokenizers by their tokens, rules and rows.

The figures are those of {date}, with torch {torch}: the largest difference of two
entries, as a part of the largest entry of their tensor. What float32 rounds off is 1e-7. Where
masks are drawn at random, the shares of entries that are kept are compared, and that all others
have the one factor that restores the sum of magnitudes.

Where mergekit itself does something else than it says, [peers.md](peers.md) has the numbers:
`nuslerp_row_wise` interpolates columns and its opposite rows, the tangent step of `multislerp` is
always zero, `int8_mask` changes nothing. The macros of `std:mergekit` do as it does
([library.md](library.md)).
"""
_METHODS = """## Methods

The largest difference over all recipes of a method, those that differ left out.
"""
_SAME = """## Recipes that agree

Those named `example` have the structure of example files in mergekit's repository.
"""
_OTHER = """## Recipes that differ

The difference stands in the tensors, and the reason beside it.
"""
_FILES = """## Files that differ

config.json and the tokenizer are the same in every recipe but for these.
"""
_MODELS = {
    "llama": "Llama",
    "words": "Llama, several vocabularies",
    "tied": "Llama, tied head",
    "odd": "Llama, odd tensors",
    "gpt2": "GPT-2",
    "bert": "BERT",
    "bare bert": "BERT",
    "masked bert": "BERT",
}


def mergekit_page() -> str:
    """The text of `docs/mergekit.md`."""
    found = measured()
    same = [recipe for recipe in RECIPES if not recipe.differs]
    head = _HEAD.format(count=len(RECIPES), date=found.date, **found.versions)
    parts = [
        head,
        _METHODS,
        _table(("method", "recipes", "largest difference", "note"), _methods(same, found)),
        _SAME,
        _table(
            ("recipe", "method", "models", "largest difference", "note"),
            (_row(recipe, found, recipe.note) for recipe in same),
        ),
        _OTHER,
        _table(
            ("recipe", "method", "models", "largest difference", "what differs"),
            (_row(recipe, found, recipe.differs) for recipe in RECIPES if recipe.differs),
        ),
        _FILES,
        _table(("file or field", "recipes", "why"), _fields()),
    ]
    return "\n".join(parts).rstrip("\n") + "\n"


def _methods(recipes: Sequence[Recipe], found: Measured) -> Iterable[Sequence[str]]:
    for method in sorted({recipe.method for recipe in recipes}):
        own = [recipe for recipe in recipes if recipe.method == method]
        figures = [found.recipes[recipe.name] for recipe in own]
        # A figure may be followed by what it is about, as `1e-07, by the factor of each tensor`.
        largest = max(figures, key=lambda figure: float(figure.partition(",")[0]))
        notes = dict.fromkeys(rest for each in figures if (rest := each.partition(", ")[2]))
        yield (
            method,
            str(len(own)),
            largest.partition(",")[0].replace("0.0e+00", "0"),
            "; ".join(notes),
        )


def _row(recipe: Recipe, found: Measured, note: str) -> Sequence[str]:
    figure = found.recipes[recipe.name].replace("0.0e+00", "0")
    return recipe.name, recipe.method, _MODELS[recipe.family], figure, note


def _fields() -> Iterable[Sequence[str]]:
    reasons = {(field, why) for recipe in RECIPES for field, why in recipe.files.items()}
    for field, why in sorted(reasons):
        names = [recipe.name for recipe in RECIPES if field in recipe.files]
        shown = ", ".join(names) if len(names) < 4 else f"all {len(names)} that name a tokenizer"
        yield field, shown, why


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n".replace("|  |", "| |") for line in lines)
