"""Codes of recipes of other tools, which `mergec import` reads."""

from mergec.diagnostics.codes.code import Code
from mergec.diagnostics.codes.code import code as of_family


def code(id: str, slug: str, summary: str, explanation: str) -> Code:
    """A row; a recipe that cannot be imported is a mistake in a text, as in a spec."""
    return of_family(id, slug, summary, explanation, exit=None if id.startswith("W") else 3)


ROWS = (
    code(
        "E904",
        "recipe-not-yaml",
        "a recipe is no YAML that can be read",
        "The file has a mistake in its YAML, or holds more than any recipe does: 256 KiB, 20,000 "
        "values, or 24 levels of nesting. Nothing of it was imported.",
    ),
    code(
        "E905",
        "recipe-yaml-feature",
        "a recipe uses what makes YAML mean more than it says",
        "Anchors, aliases, merge keys, tags and keys that are no plain words let a short file "
        "stand for an endless one, or for something else than a reader sees. Recipes are read "
        "without them: write out what the alias stands for.",
    ),
    code(
        "E906",
        "recipe-duplicate-key",
        "a key is given twice",
        "One mapping of the recipe has the same key twice. Readers of YAML keep the last one "
        "without a word, so a setting that stands there may never have counted. Keep one.",
    ),
    code(
        "E907",
        "recipe-unknown-key",
        "a recipe has a key that its tool does not know",
        "mergekit ignores keys that it does not know, misspelt ones too, and merges with "
        "defaults instead. So the recipe did not do what it says. Mend the key or remove it; "
        "with `--lenient` it is ignored here as well, with a warning.",
    ),
    code(
        "E908",
        "recipe-wrong-value",
        "a value of a recipe is of the wrong kind",
        "The key is known and takes something else: a number, a word of a list, a mapping, a "
        "pair of layer numbers. mergekit refuses such a file too, or reads it as something that "
        "nobody means.",
    ),
    code(
        "E909",
        "recipe-missing",
        "a recipe lacks something that its method needs",
        "The method has no default for this, or a mapping lacks a key that must be there. "
        "mergekit stops here too, often only when it reaches the first tensor.",
    ),
    code(
        "E910",
        "recipe-unknown-method",
        "mergekit 0.1.5 has no such method",
        "The `merge_method` of the recipe is none of those that mergekit 0.1.5 has. Methods of "
        "forks and of later versions are not guessed at.",
    ),
    code(
        "E911",
        "recipe-inputs",
        "a method is given models or layers that it cannot merge",
        "Each method takes so many models, with a base or without one, each model once. Slices "
        "take the same number of layers of each of their models, at least one.",
    ),
    code(
        "E912",
        "recipe-unsupported",
        "a recipe asks for something that a spec cannot say",
        "mergekit does this and mergec does not, or not yet. Rather than a spec that does "
        "something near it, nothing was written. The help says what to write instead where there "
        "is such a thing.",
    ),
    code(
        "E913",
        "recipe-stages",
        "the stages of a recipe do not fit together",
        "Of several documents in one file each but one has a `name`, all names differ, and no "
        "stage is made of itself, directly or by way of others. mergekit stops here too.",
    ),
    code(
        "E914",
        "recipe-refused",
        "the spec that a recipe comes to is refused",
        "The recipe was read, and the spec that says the same has an error, such as a parameter "
        "out of its range. The message is that of the spec, and a note shows the line. Nothing "
        "was written.",
    ),
    code(
        "W901",
        "recipe-ignored-key",
        "a key that has no effect in mergekit",
        "mergekit reads this key and does nothing with it, or does not know it at all. It is not "
        "imported. If it was meant to do something, the merge never did it.",
    ),
    code(
        "W902",
        "recipe-inert-parameter",
        "a parameter that the method does not read",
        "mergekit takes every parameter in every place and looks only at those of the method, "
        "and of a base only at some. This one changes nothing in this recipe. It is not imported.",
    ),
    code(
        "W903",
        "recipe-yaml-trap",
        "a value that YAML takes for something else",
        "YAML 1.1, by which mergekit reads recipes, takes `1e-3` for text, `010` for 8, `1:30` "
        "for 90, `no` for false and `2024-01-01` for a date. The message says what was imported. "
        "Write the value so that it can be read in one way only.",
    ),
    code(
        "W904",
        "recipe-quirk",
        "a result that depends on something few would expect",
        "mergekit does this by the way it is built, and the recipe may not have meant it: the "
        "head taking the first value of a gradient, or one model counting where two are listed. "
        "The spec does the same, and shows it.",
    ),
    code(
        "W905",
        "recipe-differs",
        "the spec differs from the recipe",
        "Here the spec gives other numbers or other files than mergekit does, for a reason that "
        "the message states: rounding, random masks, which model's config is copied. Nothing of "
        "it can be switched back; where it matters, compare the two results.",
    ),
    code(
        "W906",
        "recipe-not-carried",
        "something in the recipe has no counterpart in the spec",
        "The recipe asks for it, the spec cannot say it, and weights do not depend on it. The "
        "help says how to get it otherwise.",
    ),
    code(
        "W907",
        "recipe-dead-setting",
        "a setting that is never looked at",
        "The first setting that fits decides: that of a model before that of its slice, of its "
        "module and of the whole recipe, and in a list the first filter that is part of the "
        "tensor's name. Here an earlier one always fits, or this one never can.",
    ),
    code(
        "W908",
        "recipe-reference",
        "a model is referred to in another way than in the recipe",
        "mergekit takes any name for a folder if there is one, and else for a model on the hub. "
        "In a spec the reference itself says which: `./folder` or `org/name`. The message says "
        "how this one was written.",
    ),
    code(
        "W909",
        "recipe-paper",
        "a built-in operator in place of mergekit's",
        "With `--paper` the spec is written with mergec's own operators, which follow the papers "
        "where mergekit does not. The message says what changes in the numbers.",
    ),
)
