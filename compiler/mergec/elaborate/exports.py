"""Which expression a spec writes, and with which settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mergec.catalog.dtypes import SIGNIFICAND_BITS, Dtype
from mergec.diagnostics import Diagnostic, Label, Span
from mergec.diagnostics.suggest import suggestion_help
from mergec.elaborate.calls import mass_error
from mergec.elaborate.parameters import Report
from mergec.elaborate.values import ExportDecl, Meaning, Weights
from mergec.syntax.nodes import Binary, Binding, Call, Export, Keyword, Name, Size, SpecFile

# The hub's own default for the size of one weights file.
_DEFAULT_SHARD_BYTES = 5 * 10**9
_DTYPES = {dtype.word: dtype for dtype in SIGNIFICAND_BITS}


@dataclass(frozen=True, slots=True)
class Exported:
    """An `export` statement and what its expression means."""

    statement: Export
    meaning: Meaning
    name: str | None
    used: frozenset[str]


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
        report(
            Diagnostic(
                "E111", message, exports[1].statement.span, labels=(first,), help=(hint,)
            )
        )
        return None
    return _explicit(exports[0], report)


def _implicit(
    bindings: Bindings, used: set[str], report: Report, spec: SpecFile
) -> ExportDecl | None:
    candidates = [
        (binding, meaning)
        for name, (binding, meaning) in bindings.items()
        if name not in used and isinstance(meaning, Weights) and not _is_source(binding)
    ]
    models = [(b, m) for b, m in candidates if isinstance(m, Weights) and m.mass == 1]
    if len(models) == 1:
        binding, meaning = models[0]
        assert isinstance(meaning, Weights)
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
    if not models and len(candidates) == 1:
        _report_no_model(*candidates[0], bindings, report)
        return None
    names = [f"`{b.name}`" for b, _ in models]
    found = f"{', '.join(names[:-1])} and {names[-1]} could each be" if names else "no binding is"
    hint = f"add a line such as `export {models[0][0].name if models else 'child'}`"
    span = models[1][0].name_span if models else spec.span
    note = "without `export`, the one model that no other binding uses is written"
    message = f"{found} the exported model"
    report(Diagnostic("E213", message, span, notes=(note,), help=(hint,)))
    return None


def _report_no_model(
    binding: Binding, meaning: Meaning, bindings: Bindings, report: Report
) -> None:
    assert isinstance(meaning, Weights)
    if meaning.mass == 0:
        message = f"`{binding.name}` is a delta, and only a model is exported without being named"
        hint = f"write `export delta {binding.name}`, or add it to its base"
        report(Diagnostic("E308", message, binding.expr.span, help=(hint,)))
        return
    report(
        mass_error(
            binding.expr.span, meaning.mass, "what is exported", _mass_hints(binding, bindings)
        )
    )


def _mass_hints(binding: Binding, bindings: Bindings) -> tuple[str, ...]:
    """For a plain sum of names: the average, and the sum of skills, ready to paste."""
    names: list[str] = []
    expr = binding.expr
    while isinstance(expr, Binary) and expr.op == "+" and isinstance(expr.right, Name):
        names.insert(0, expr.right.id)
        expr = expr.left
    if not isinstance(expr, Name) or not names:
        return ()
    names.insert(0, expr.id)
    average = f"for an average, write `linear({', '.join(names)})`"
    if "base" not in bindings or "base" in names:
        return (average,)
    deltas = " + ".join(f"({name} - base)" for name in names)
    return (average, f"to add both skills to a base, write `base + {deltas}`")


def _is_source(binding: Binding) -> bool:
    return isinstance(binding.expr, Call) and binding.expr.func == "model"


def _explicit(exported: Exported, report: Report) -> ExportDecl | None:
    statement, meaning = exported.statement, exported.meaning
    if not isinstance(meaning, Weights):
        message = "only weights can be exported"
        hint = "export a model, as in `export child`"
        report(Diagnostic("E305", message, statement.expr.span, help=(hint,)))
        return None
    if meaning.mass not in (0, 1):
        report(mass_error(statement.expr.span, meaning.mass, "what is exported"))
        return None
    if (meaning.mass == 0) != statement.delta:
        kind, word = ("a delta", "export delta") if meaning.mass == 0 else ("a model", "export")
        message = f"this is {kind}"
        hint = f"write `{word} {statement.expr.span.text}`"
        report(Diagnostic("E308", message, statement.expr.span, help=(hint,)))
        return None
    name = _export_name(exported, report)
    settings = _settings(statement, report)
    if name is None or settings is None:
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


def _export_name(exported: Exported, report: Report) -> str | None:
    text = exported.statement.name
    if text is None:
        return exported.name or "child"
    name = text.value
    if name and name not in (".", "..") and len(name) <= 255 and not set(name) & set("/\\\0"):
        return name
    message = f"`{name}` is not one path component"
    hint = 'write a plain name, as in `export child as "child"`'
    report(Diagnostic("E214", message, text.span, help=(hint,)))
    return None


def _settings(statement: Export, report: Report) -> tuple[Dtype | None, int] | None:
    """`dtype` and `shard`, each at most once."""
    dtype: Dtype | None = None
    shard_bytes: int | None = _DEFAULT_SHARD_BYTES
    seen: dict[str, Span] = {}
    sound = True
    for setting in statement.settings:
        if setting.name in seen:
            message = f"`{setting.name}` is given twice"
            first = Label(seen[setting.name], "given first here")
            report(Diagnostic("E207", message, setting.span, labels=(first,), help=("keep one",)))
            sound = False
        elif setting.name == "dtype":
            dtype = _dtype(setting, report)
            sound = sound and dtype is not None
        elif setting.name == "shard":
            shard_bytes = _shard(setting, report)
            sound = sound and shard_bytes is not None
        else:
            message = f"`export` has no setting `{setting.name}`"
            hint = suggestion_help(setting.name, ["dtype", "shard"], "settings of `export`")
            report(Diagnostic("E210", message, setting.name_span, help=(hint,)))
            sound = False
        seen[setting.name] = setting.span
    return (dtype, shard_bytes) if sound and shard_bytes is not None else None


def _dtype(setting: Keyword, report: Report) -> Dtype | None:
    word = setting.value.id if isinstance(setting.value, Name) else ""
    if word in _DTYPES:
        return _DTYPES[word]
    said = setting.value.span.text
    hint = suggestion_help(said, list(_DTYPES), "dtypes")
    report(Diagnostic("E206", f"`dtype` cannot be `{said}`", setting.value.span, help=(hint,)))
    return None


def _shard(setting: Keyword, report: Report) -> int | None:
    value = setting.value
    if isinstance(value, Size) and value.bytes > 0:
        return value.bytes
    message = "`shard` needs a size greater than 0"
    hint = "write a size with its unit, as in `shard=5GB`"
    report(Diagnostic("E206", message, value.span, help=(hint,)))
    return None
