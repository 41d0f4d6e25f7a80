"""The settings of an `export`: `dtype`, `shard`, `tokenizer` and `name`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from mergec.catalog.dtypes import SIGNIFICAND_BITS, Dtype
from mergec.diagnostics import Diagnostic, Label
from mergec.diagnostics.suggest import suggestion_help
from mergec.elaborate.parameters import Report
from mergec.elaborate.values import Meaning, SourceDecl, Weights
from mergec.elaborate.wording import quoted
from mergec.syntax.nodes import Binding, Export, Keyword, Name, Size, Text

# As in configurations of models.
_OTHER_SPELLINGS = {"bfloat16": "bf16", "float16": "f16", "float32": "f32", "float64": "f64"}
_DTYPES = {dtype.word: dtype for dtype in SIGNIFICAND_BITS}
_KNOWN = ("dtype", "shard", "tokenizer", "name")


@dataclass(frozen=True, slots=True)
class Settings:
    """What an export says about its files; None where it says nothing.

    `tokenizer` is the label of a source.
    """

    dtype: Dtype | None
    shard_bytes: int | None
    tokenizer: str | None
    name: Text | None


def read_settings(
    statement: Export,
    bindings: Mapping[str, tuple[Binding, Meaning]],
    sources: Collection[SourceDecl],
    report: Report,
) -> Settings | None:
    """Every setting, each at most once; None after reporting E206, E207 or E210."""
    given, sound = _by_name(statement, report)
    dtype, shard, tokenizer, name = (given.get(each) for each in _KNOWN)
    found = Settings(
        None if dtype is None else _dtype(dtype, report),
        None if shard is None else _shard(shard, report),
        None if tokenizer is None else _tokenizer(tokenizer, bindings, sources, report),
        None if name is None else _name(name, report),
    )
    read = (found.dtype, found.shard_bytes, found.tokenizer, found.name)
    whole = sound and sum(each is not None for each in read) == len(given)
    return found if whole else None


def _by_name(statement: Export, report: Report) -> tuple[dict[str, Keyword], bool]:
    """The settings that exist, the first of each name; and whether that is all of them."""
    seen: dict[str, Keyword] = {}
    sound = True
    for setting in statement.settings:
        if setting.name not in _KNOWN:
            message = f"`export` has no setting `{setting.name}`"
            hint = suggestion_help(setting.name, _KNOWN, "settings of `export`")
            report(Diagnostic("E210", message, setting.name_span, help=(hint,)))
            sound = False
            continue
        first = seen.setdefault(setting.name, setting)
        if first is not setting:
            message = f"`{setting.name}` is given twice"
            label = Label(first.span, "given first here")
            hint = f"keep one, such as `{quoted(first.span)}`"
            report(Diagnostic("E207", message, setting.span, labels=(label,), help=(hint,)))
            sound = False
    return seen, sound


def _dtype(setting: Keyword, report: Report) -> Dtype | None:
    word = setting.value.id if isinstance(setting.value, Name) else ""
    if word in _DTYPES:
        return _DTYPES[word]
    said = quoted(setting.value.span)
    hint = suggestion_help(_OTHER_SPELLINGS.get(word, said), list(_DTYPES), "dtypes")
    report(Diagnostic("E206", f"`dtype` cannot be `{said}`", setting.value.span, help=(hint,)))
    return None


def _shard(setting: Keyword, report: Report) -> int | None:
    value = setting.value
    if isinstance(value, Size) and value.bytes > 0:
        return value.bytes
    message = f"`shard` cannot be `{quoted(value.span)}`"
    hint = "write a size with its unit, as in `shard=5GB`"
    report(Diagnostic("E206", message, value.span, help=(hint,)))
    return None


def _tokenizer(
    setting: Keyword,
    bindings: Mapping[str, tuple[Binding, Meaning]],
    sources: Collection[SourceDecl],
    report: Report,
) -> str | None:
    labels = {source.key: source.label for source in sources}
    value = setting.value
    bound = bindings.get(value.id) if isinstance(value, Name) else None
    meaning = bound[1] if bound is not None else None
    if isinstance(meaning, Weights) and meaning.key in labels:
        return labels[meaning.key]
    names = [n for n, (_, m) in bindings.items() if isinstance(m, Weights) and m.key in labels]
    message = f"`tokenizer` cannot be `{quoted(value.span)}`"
    hint = suggestion_help(quoted(value.span), names, "sources")
    report(Diagnostic("E206", message, value.span, help=(hint,)))
    return None


def _name(setting: Keyword, report: Report) -> Text | None:
    if isinstance(setting.value, Text):
        return setting.value
    message = f"`name` cannot be `{quoted(setting.value.span)}`"
    hint = 'write it in quotes, as in `name="child"`'
    report(Diagnostic("E206", message, setting.value.span, help=(hint,)))
    return None
