"""How mergekit names models: `path@revision+lora@revision`, or a mapping of the same parts."""

from mergec.catalog.quoted import quoted
from mergec.diagnostics import Diagnostic, fail
from mergec.recipes.fields import Reader, required
from mergec.recipes.recipe import Reference
from mergec.recipes.scalars import text_of
from mergec.recipes.yaml_tree import Members, Tree


def read_reference(tree: Tree, what: str, reader: Reader) -> Reference:
    """A model; E908 for what mergekit cannot take apart either."""
    if isinstance(tree, Members):
        return _of_parts(tree, what, reader)
    text = text_of(tree, what, reader.report)
    parts = text.split("+")
    if len(parts) > 2 or not all(parts):
        hint = "write `model:` and `lora:` as a mapping, where paths may hold `+` and `@`"
        message = f"{quoted(text)} is not a model, or a model `+` one adapter"
        raise fail("E908", message, tree.span, help=hint)
    path, revision = _split(parts[0], tree)
    lora, lora_revision = _split(parts[1], tree) if len(parts) == 2 else (None, None)
    return Reference(path, revision, lora, lora_revision, tree.span)


def _split(text: str, tree: Tree) -> tuple[str, str | None]:
    path, at, revision = text.partition("@")
    if not path or "@" in revision or (at and not revision):
        hint = "write `model:` as a mapping with `path:` and `revision:`"
        raise fail("E908", f"{quoted(text)} is not a path `@` one revision", tree.span, help=hint)
    return path, revision or None


def _of_parts(tree: Members, what: str, reader: Reader) -> Reference:
    known = reader.members(tree, what, ("model", "lora", "override_architecture"))
    path, revision = _place(required(known, "model", what, tree.span)[1], reader)
    lora, lora_revision = _place(known["lora"][1], reader) if "lora" in known else (None, None)
    if "override_architecture" in known:
        span, value = known["override_architecture"]
        text_of(value, "override_architecture", reader.report)
        message = "a spec has no architecture of its own for a model: mergec reads its config"
        hint = "correct `architectures` in the model's config.json"
        reader.report(Diagnostic("W906", message, span, help=(hint,)))
    return Reference(path, revision, lora, lora_revision, tree.span)


def _place(tree: Tree, reader: Reader) -> tuple[str, str | None]:
    if not isinstance(tree, Members):
        return _split(text_of(tree, "model", reader.report), tree)
    known = reader.members(tree, "model", ("path", "revision"))
    path = text_of(required(known, "path", "model", tree.span)[1], "path", reader.report)
    revision = known.get("revision")
    return path, text_of(revision[1], "revision", reader.report) if revision else None
