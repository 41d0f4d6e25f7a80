"""The settings of an `export`: `dtype`, `shard`, `name`, `nonfinite`, those of its tokenizer."""

from collections.abc import Collection, Mapping
from typing import get_args

from mergec.catalog.dtypes import SIGNIFICAND_BITS, Dtype
from mergec.diagnostics import Diagnostic, Label
from mergec.diagnostics.suggest import suggestion_help
from mergec.elaborate.parameters import Report
from mergec.elaborate.tokenizer_settings import TokenizerSettings
from mergec.elaborate.values import Meaning, NonFinite, SourceDecl, TokenizerDecl
from mergec.elaborate.wording import quoted
from mergec.frozen import frozen
from mergec.syntax.nodes import Binding, Export, Keyword, Name, Size, Text

# As in configurations of models.
_OTHER_SPELLINGS = {"bfloat16": "bf16", "float16": "f16", "float32": "f32", "float64": "f64"}
_DTYPES = {dtype.word: dtype for dtype in SIGNIFICAND_BITS}
_KNOWN = ("dtype", "shard", "tokenizer", "name", "pad_to_multiple_of", "rows", "nonfinite")
_POLICIES: Mapping[str, NonFinite] = {word: word for word in get_args(NonFinite)}


@frozen
class Settings:
    """What an export says about its files; None where it says nothing."""

    dtype: Dtype | None
    shard_bytes: int | None
    tokenizer: TokenizerDecl | None
    name: Text | None
    nonfinite: NonFinite | None


def read_settings(
    statement: Export,
    bindings: Mapping[str, tuple[Binding, Meaning]],
    sources: Collection[SourceDecl],
    report: Report,
) -> Settings | None:
    """Every setting, each at most once; None after reporting E206, E207 or E210."""
    given, sound = _by_name(statement, report)
    dtype, shard, tokenizer, name, padding, rows, nonfinite = (given.get(each) for each in _KNOWN)
    of_tokenizer = [setting for setting in (tokenizer, padding, rows) if setting is not None]
    reader = TokenizerSettings(bindings, sources, report)
    found = Settings(
        None if dtype is None else _dtype(dtype, report),
        None if shard is None else _shard(shard, report),
        reader.read(tokenizer, padding, rows) if of_tokenizer else None,
        None if name is None else _name(name, report),
        None if nonfinite is None else _nonfinite(nonfinite, report),
    )
    read = (found.dtype, found.shard_bytes, found.tokenizer, found.name, found.nonfinite)
    asked = len(given) - max(0, len(of_tokenizer) - 1)
    whole = sound and sum(each is not None for each in read) == asked
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


def _nonfinite(setting: Keyword, report: Report) -> NonFinite | None:
    said = quoted(setting.value.span)
    found: NonFinite | None = _POLICIES.get(said)
    if found is None:
        hint = suggestion_help(said, [*_POLICIES], "words")
        message = f"`nonfinite` cannot be `{said}`"
        report(Diagnostic("E206", message, setting.value.span, help=(hint,)))
    return found


def _name(setting: Keyword, report: Report) -> Text | None:
    if isinstance(setting.value, Text):
        return setting.value
    message = f"`name` cannot be `{quoted(setting.value.span)}`"
    hint = 'write it in quotes, as in `name="child"`'
    report(Diagnostic("E206", message, setting.value.span, help=(hint,)))
    return None
