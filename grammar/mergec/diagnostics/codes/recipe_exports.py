"""Codes of recipes that `mergec export` writes."""

from mergec.diagnostics.codes.code import Code
from mergec.diagnostics.codes.code import code as of_family


def code(id: str, slug: str, summary: str, explanation: str) -> Code:
    """A row; a spec that cannot be exported is a mistake in a text."""
    return of_family(id, slug, summary, explanation, exit=None if id.startswith("W") else 3)


ROWS = (
    code(
        "E925",
        "not-in-recipes",
        "a recipe cannot say what an expression computes",
        "A recipe of mergekit merges models by one of its methods, in slices, with one base. What "
        "is computed otherwise stays in mergec: run the spec, and give mergekit the child if it is "
        "to go on with it. Nothing was written.",
    ),
    code(
        "E926",
        "setting-not-in-recipes",
        "a recipe cannot say the value of a parameter",
        "Numbers of a recipe differ from tensor to tensor by filters, which are parts of names, "
        "and by gradients, which give embeddings, final norm and head their first value; and a "
        "method has the parameters that mergekit gave it. What means the same was looked for, and "
        "there is nothing. Nothing was written.",
    ),
    code(
        "E927",
        "export-not-in-recipes",
        "a recipe cannot say what a spec reads or writes",
        "A recipe makes one model of models in folders or on the hub, with the vocabulary of one "
        "of them or of all. The spec asks for something else. Nothing was written.",
    ),
    code(
        "W925",
        "recipe-computes-otherwise",
        "mergekit computes other numbers than the spec",
        "The recipe is the nearest that mergekit has, and for the reason in the message its child "
        "is not the spec's: another default, other random masks, models between that are rounded. "
        "The macros of `std:mergekit` are what its methods compute.",
    ),
    code(
        "W926",
        "recipe-leaves-out",
        "a recipe has no place for a part of the spec",
        "This part of the spec changes no formula, and mergekit has no key for it, or does "
        "something else there. The help says what to do instead.",
    ),
)
