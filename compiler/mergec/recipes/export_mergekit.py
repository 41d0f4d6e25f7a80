"""A spec to a recipe of mergekit, as far as one can say it: `mergec export mergekit`."""

from mergec.diagnostics import Diagnostic, fail, sort_by_position
from mergec.elaborate import Elaborated, ExportDecl, TokenizerDecl
from mergec.elaborate.exports import DEFAULT_SHARD_BYTES
from mergec.elaborate.print_names import Names
from mergec.frozen import frozen
from mergec.recipes.decompose import Decomposer
from mergec.recipes.said_models import Models
from mergec.recipes.said_settings import Speaker
from mergec.recipes.sources import Folders
from mergec.recipes.written_recipe import Document, yaml_text
from mergec.syntax.literals import string_text

_DTYPES = {"bf16": "bfloat16", "f16": "float16", "f32": "float32", "f64": "float64"}


@frozen
class Recipe:
    """The YAML, and what mergekit will do otherwise than the spec says."""

    text: str
    findings: tuple[Diagnostic, ...]


def export_mergekit(checked: Elaborated, folders: Folders) -> Recipe:
    """The recipe that means what a spec does; E925 to E927 for the first thing it cannot say.

    Relative paths of the spec start in `folders.start`, those of the recipe in `folders.target`.
    """
    if len(checked.exports) != 1:
        last = checked.exports[-1]
        raise fail("E927", "a recipe makes one model", last.span, help="keep one `export`")
    (decl,) = checked.exports
    if decl.delta:
        hint = "export a model, such as the base plus the delta"
        raise fail("E927", "mergekit writes models, not deltas", decl.span, help=hint)
    models = Models(checked, folders)
    names = Names({*checked.places.names.values()})
    speaker = Speaker(checked.places)
    decomposer = Decomposer(checked, models, names, ("dtype: float32",), speaker)
    parts = decomposer.parts(decl.node)
    tail = [*_dtype(decl), *_tokenizer(decl.tokenizer, checked, models)]
    documents = [*decomposer.documents, Document("", parts, tuple(tail))]
    found = [*speaker.found, *_left_out(checked, decl)]
    return Recipe(yaml_text(documents), sort_by_position(found))


def _dtype(decl: ExportDecl) -> list[str]:
    """Computed in float32, and rounded once, as near to what mergec does as mergekit comes."""
    if decl.dtype is None:
        return []
    word = _DTYPES[decl.dtype.word]
    if word in ("float32", "float64"):
        return [f"dtype: {word}"]
    return ["dtype: float32", f"out_dtype: {word}"]


def _tokenizer(decl: TokenizerDecl | None, checked: Elaborated, models: Models) -> list[str]:
    if decl is None:
        return []
    sources = {source.label: source for source in checked.sources}
    lines = ["tokenizer:"]
    if decl.path is not None:
        lines.append(f"  source: {string_text(decl.path)}")
    elif len(decl.labels) == 1:
        lines.append(f"  source: {models.of(sources[decl.labels[0]])}")
    elif decl.labels:
        merged = {label for label, source in sources.items() if not source.is_adapter}
        if {*decl.labels} != merged:
            message = "a union of mergekit is that of all models of the recipe"
            hint = "name all of them in `union(...)`, or one model"
            raise fail("E927", message, decl.span, help=hint)
        lines.append("  source: union")
    else:
        message = "mergekit pads a vocabulary only where the recipe says whose it is"
        raise fail("E927", message, decl.span, help="add `tokenizer = ...` to the export")
    if decl.multiple != 1:
        lines.append(f"  pad_to_multiple_of: {decl.multiple}")
    if decl.rows:
        lines.append("  tokens:")
    for row in decl.rows:
        source = "{kind: zero}"
        if row.label is not None:
            model = models.of(sources[row.label])
            kind = "token_id" if isinstance(row.of, int) else "token"
            of = row.of if isinstance(row.of, int) else string_text(str(row.of))
            token = f"{{kind: model_token, model: {model}, {kind}: {of}}}"
            source = model if row.of is None else token
        force = ", force: true" if row.force else ""
        lines.append(f"    {string_text(row.token)}: {{source: {source}{force}}}")
    return lines


def _left_out(checked: Elaborated, decl: ExportDecl) -> list[Diagnostic]:
    """What a recipe has no place for."""
    found: list[Diagnostic] = []

    def tell(message: str, hint: str) -> None:
        found.append(Diagnostic("W926", message, decl.span, help=(hint,)))

    for contract in checked.contracts:
        message = "mergekit checks no contracts"
        hint = "check the child, or run the spec by mergec"
        found.append(Diagnostic("W926", message, contract.span, help=(hint,)))
    if decl.shard_bytes != DEFAULT_SHARD_BYTES:
        size = f"{decl.shard_bytes}B"
        tell(
            "the size of a shard is no part of a recipe",
            f"call mergekit-yaml with `--out-shard-size {size}`",
        )
    if decl.nonfinite != "error":
        tell("mergekit does not look for NaN", "check the child, as by `mergec inspect --full`")
    if decl.dtype is None:
        hint = "write `export child { dtype = bf16 }`, which it then rounds to once"
        tell("mergekit computes in the dtype that models are stored in", hint)
    if decl.tokenizer is not None:
        hint = "compare the rows behind the last token, which no text reaches"
        tell("mergekit cuts off rows behind the last token, and pads with the mean of all", hint)
    return found
