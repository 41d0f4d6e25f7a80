"""`tokenizer_source:` and the block `tokenizer:` of a recipe."""

from mergec.catalog.quoted import quoted
from mergec.diagnostics import Diagnostic, fail
from mergec.recipes.fields import Known, Reader, required
from mergec.recipes.recipe import Reference, Tokenizer, TokenRow
from mergec.recipes.references import read_reference
from mergec.recipes.scalars import bool_of, is_null, text_of, whole_of, wrong
from mergec.recipes.yaml_tree import Members, Scalar, Tree

_WORDS = ("union", "base")
_MOST_PADDING = 1 << 20


def read_tokenizer(known: Known, reader: Reader) -> Tokenizer | None:
    """What a recipe says about the vocabulary; None where it says nothing."""
    if "tokenizer_source" in known and "tokenizer" in known:
        message = "a recipe has one of `tokenizer_source` and `tokenizer`"
        raise fail("E909", message, known["tokenizer"][0], help="keep one of them")
    if "tokenizer_source" in known:
        tree = known["tokenizer_source"][1]
        return Tokenizer(_source(tree, "tokenizer_source", reader), (), None, tree.span)
    if "tokenizer" not in known:
        return None
    span, tree = known["tokenizer"]
    inner = reader.members(tree, "tokenizer", ("source", "tokens", "pad_to_multiple_of"))
    source = _source(inner["source"][1], "source", reader) if "source" in inner else "union"
    rows = _rows(inner["tokens"][1], reader) if "tokens" in inner else ()
    padding = reader.optional(inner, "pad_to_multiple_of", _multiple)
    return Tokenizer(source, rows, padding, span)


def _source(tree: Tree, what: str, reader: Reader) -> str | Reference:
    if isinstance(tree, Scalar) and tree.text in _WORDS:
        return tree.text
    return read_reference(tree, what, reader)


def _multiple(tree: Tree, what: str, reader: Reader) -> int:
    value = whole_of(tree, what, reader.report)
    if not 1 <= value <= _MOST_PADDING:
        raise wrong(tree, what, "a whole number from 1 on")
    return value


def _rows(tree: Tree, reader: Reader) -> tuple[TokenRow, ...]:
    if not isinstance(tree, Members):
        raise wrong(tree, "tokens", "a mapping")
    read = [reader.attempt(_row, key, value, reader) for key, value in tree.members]
    return tuple(row for row in read if row is not None)


def _row(key: Scalar, tree: Tree, reader: Reader) -> TokenRow | None:
    known = {} if is_null(tree) else reader.members(tree, key.text, ("source", "force"))
    force = reader.optional(known, "force", lambda value, what, it: bool_of(value, what, it.report))
    if "source" not in known:
        message = f"the token {quoted(key.text)} has no source, and nothing is done about it"
        code = "E909" if force else "W901"
        hint = "add `source:`" if force else "remove it"
        reader.report(Diagnostic(code, message, key.span, help=(hint,)))
        return None
    source = known["source"][1]
    if not isinstance(source, Members):
        model = read_reference(source, "source", reader)
        return TokenRow(key.text, model, None, bool(force), key.span)
    parts = reader.members(source, "source", ("kind", "model", "token", "token_id"))
    kind = text_of(required(parts, "kind", "source", source.span)[1], "kind", reader.report)
    if kind == "zero":
        return TokenRow(key.text, None, None, bool(force), key.span)
    if kind != "model_token":
        raise wrong(parts["kind"][1], "kind", "`zero` or `model_token`")
    model = read_reference(required(parts, "model", "source", source.span)[1], "model", reader)
    if ("token" in parts) == ("token_id" in parts):
        message = "a row is that of one `token` or of one `token_id`"
        raise fail("E909", message, source.span, help="keep one of them")
    of: str | int
    if "token" in parts:
        of = text_of(parts["token"][1], "token", reader.report)
    else:
        of = whole_of(parts["token_id"][1], "token_id", reader.report)
    return TokenRow(key.text, model, of, bool(force), key.span)
