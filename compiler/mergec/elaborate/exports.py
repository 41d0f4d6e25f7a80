"""Which expression a spec writes, and with which settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mergec.catalog.dtypes import SIGNIFICAND_BITS, Dtype
from mergec.diagnostics import Diagnostic, Label
from mergec.diagnostics.suggest import suggestion_help
from mergec.elaborate.mass import mass_error
from mergec.elaborate.parameters import Report
from mergec.elaborate.values import ExportDecl, Meaning, Poison, Weights
from mergec.elaborate.wording import describe, quoted
from mergec.syntax.nodes import Binding, Call, Export, Keyword, Name, Size, SpecFile

# The hub's own default for the size of one weights file.
_DEFAULT_SHARD_BYTES = 5 * 10**9
_LONGEST_NAME = 255  # bytes, on every usual file system
# As in configurations of models.
_OTHER_SPELLINGS = {"bfloat16": "bf16", "float16": "f16", "float32": "f32", "float64": "f64"}
_RULE = "without `export`, the one model that no other binding uses is written"
_DTYPES = {dtype.word: dtype for dtype in SIGNIFICAND_BITS}


@dataclass(frozen=True, slots=True)
class Exported:
    """An `export` statement and what its expression means."""

    statement: Export
    meaning: Meaning
    name: str | None


Bindings = Mapping[str, tuple[Binding, Meaning]]


def choose_export(
    bindings: Bindings,
    used: set[str],
    exports: Sequence[Exported],
    report: Report,
    spec: SpecFile,
) -> ExportDecl | None:
    """The one export of a spec, explicit or implicit; None after reporting why there is none."""
    if not exports:
        return _implicit(bindings, used, report, spec)
    if len(exports) > 1:
        message = "this mergec writes one export a run"
        first = Label(exports[0].statement.span, "the first export")
        hint = "keep one `export`, and put the others in files of their own"
        second = exports[1].statement.span
        report(Diagnostic("E111", message, second, labels=(first,), help=(hint,)))
    decided = [_explicit(exported, bindings, report) for exported in exports]
    return decided[0] if len(decided) == 1 else None


def _implicit(
    bindings: Bindings, used: set[str], report: Report, spec: SpecFile
) -> ExportDecl | None:
    candidates = [
        (binding, meaning)
        for name, (binding, meaning) in bindings.items()
        if name not in used and isinstance(meaning, Weights) and not _is_source(binding)
    ]
    models = [(binding, meaning) for binding, meaning in candidates if meaning.mass == 1]
    if len(models) > 1:
        _report_several([binding for binding, _ in models], report)
        return None
    if not models and len(candidates) == 1:
        _report_no_model(*candidates[0], bindings, report)
        return None
    if not models:
        _report_none([binding for binding, _ in candidates], bindings, report, spec)
        return None
    binding, meaning = models[0]
    return ExportDecl(
        binding.name,
        meaning.key,
        meaning.donor,
        delta=False,
        implicit=True,
        dtype=None,
        shard_bytes=_DEFAULT_SHARD_BYTES,
        docs=binding.docs,
        span=binding.expr.span,
    )


def _report_several(models: Sequence[Binding], report: Report) -> None:
    names = [f"`{binding.name}`" for binding in models]
    message = f"{', '.join(names[:-1])} and {names[-1]} could each be the exported model"
    labels = tuple(Label(binding.name_span, "this one") for binding in models[:-1])
    hint = f"add the line `export {models[-1].name}`"
    span = models[-1].name_span
    report(Diagnostic("E213", message, span, "or this one", labels, (_RULE,), (hint,)))


def _report_none(
    deltas: Sequence[Binding], bindings: Bindings, report: Report, spec: SpecFile
) -> None:
    message = "this spec merges nothing, so there is no model to export"
    sources = [name for name, (binding, _) in bindings.items() if _is_source(binding)]
    last = list(bindings.values())[-1][0].name_span if bindings else spec.span
    hint = 'bind a model, as in `base = model("./base")`, and merge it'
    if deltas:
        names = [f"`{binding.name}`" for binding in deltas]
        which = f"{', '.join(names[:-1])} and {names[-1]} are no models"
        message = f"{which}, and only a model is exported without being named"
        hint = f"add the line `export delta {deltas[-1].name}`"
    elif len(sources) > 1:
        hint = f"add a line that merges, such as `child = linear({', '.join(sources)})`"
    elif sources:
        hint = f"to copy the source add the line `export {sources[0]}`"
    report(Diagnostic("E213", message, last, "the last binding", (), (_RULE,), (hint,)))


def _report_no_model(
    binding: Binding, meaning: Weights, bindings: Bindings, report: Report
) -> None:
    if meaning.mass != 0:
        report(mass_error(binding.expr, meaning.mass, bindings))
        return
    message = f"`{binding.name}` is a delta, and only a model is exported without being named"
    hint = f"add the line `export delta {binding.name}`, or add the delta to its base"
    report(Diagnostic("E308", message, binding.expr.span, "a delta", help=(hint,)))


def _is_source(binding: Binding) -> bool:
    return isinstance(binding.expr, Call) and binding.expr.func == "model"


def _explicit(exported: Exported, bindings: Bindings, report: Report) -> ExportDecl | None:
    statement = exported.statement
    meaning = _exportable(exported, bindings, report)
    name = _export_name(exported, report)
    settings = _settings(statement, report)
    if meaning is None or name is None or settings is None:
        return None
    dtype, shard_bytes = settings
    return ExportDecl(
        name,
        meaning.key,
        meaning.donor,
        delta=statement.delta,
        implicit=False,
        dtype=dtype,
        shard_bytes=shard_bytes,
        docs=statement.docs,
        span=statement.expr.span,
    )


def _exportable(exported: Exported, bindings: Bindings, report: Report) -> Weights | None:
    """The exported model, or the delta of `export delta`."""
    statement, meaning = exported.statement, exported.meaning
    if isinstance(meaning, Poison):
        return None
    expr = statement.expr
    if not isinstance(meaning, Weights):
        message = f"`{quoted(expr.span)}` is {describe(meaning)}, and only weights can be exported"
        hint = "export a model, as in `export child`"
        report(Diagnostic("E305", message, expr.span, help=(hint,)))
        return None
    if meaning.mass not in (0, 1):
        named = bindings.get(expr.id) if isinstance(expr, Name) else None
        report(mass_error(named[0].expr if named else expr, meaning.mass, bindings))
        return None
    if (meaning.mass == 0) == statement.delta:
        return meaning
    word = "export delta" if meaning.mass == 0 else "export"
    message = f"`{quoted(expr.span)}` is {describe(meaning)}"
    hint = f"write `{word} {quoted(expr.span)}`"
    report(Diagnostic("E308", message, expr.span, describe(meaning), help=(hint,)))
    return None


def _export_name(exported: Exported, report: Report) -> str | None:
    text = exported.statement.name
    if text is None:
        return exported.name or "child"
    name = text.value
    plain = name.isprintable() and not set(name) & set("/\\")
    if plain and name not in ("", ".", "..") and len(name.encode()) <= _LONGEST_NAME:
        return name
    message = f"`{text.span.text}` is not one path component"
    hint = 'write a plain name, as in `export child as "child"`'
    report(Diagnostic("E214", message, text.span, help=(hint,)))
    return None


def _settings(statement: Export, report: Report) -> tuple[Dtype | None, int] | None:
    """`dtype` and `shard`, each at most once."""
    seen: dict[str, Keyword] = {}
    dtype: Dtype | None = None
    shard_bytes: int | None = _DEFAULT_SHARD_BYTES
    sound = True
    for setting in statement.settings:
        first = seen.setdefault(setting.name, setting)
        if setting.name not in ("dtype", "shard"):
            message = f"`export` has no setting `{setting.name}`"
            hint = suggestion_help(setting.name, ["dtype", "shard"], "settings of `export`")
            report(Diagnostic("E210", message, setting.name_span, help=(hint,)))
            sound = False
        elif first is not setting:
            message = f"`{setting.name}` is given twice"
            label = Label(first.span, "given first here")
            hint = f"keep one, such as `{quoted(first.span)}`"
            report(Diagnostic("E207", message, setting.span, labels=(label,), help=(hint,)))
            sound = False
        elif setting.name == "dtype":
            dtype = _dtype(setting, report)
            sound = sound and dtype is not None
        else:
            shard_bytes = _shard(setting, report)
    return (dtype, shard_bytes) if sound and shard_bytes is not None else None


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
