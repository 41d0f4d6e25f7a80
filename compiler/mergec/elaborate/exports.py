"""Which expression a spec writes, and with which settings."""

from collections.abc import Collection, Mapping, Sequence

from mergec.diagnostics import Diagnostic, Label
from mergec.elaborate.adapted import reduced
from mergec.elaborate.export_settings import Settings, read_settings
from mergec.elaborate.mass import mass_error, settled
from mergec.elaborate.parameters import Report
from mergec.elaborate.values import ANY_BASE, ExportDecl, Meaning, Poison, SourceDecl, Weights
from mergec.elaborate.wording import describe, quoted
from mergec.elaborate.workspace import Workspace
from mergec.frozen import frozen
from mergec.ir import Schedule
from mergec.syntax.nodes import Binding, Call, Export, Name, SpecFile

# The hub's own default for the size of one weights file.
DEFAULT_SHARD_BYTES = 5 * 10**9
_OURS = ".mergec-"  # what a run writes beside the folders of exports
_LONGEST_NAME = 255  # bytes, on every usual file system
_RULE = "without `export`, the one model that no other binding uses is written"


@frozen
class Exported:
    """An `export` statement and what its expression means."""

    statement: Export
    meaning: Meaning
    name: str | None


Bindings = Mapping[str, tuple[Binding, Meaning]]


def choose_exports(
    bindings: Bindings,
    used: set[str],
    exports: Sequence[Exported],
    sources: Collection[SourceDecl],
    work: Workspace,
    spec: SpecFile,
) -> tuple[ExportDecl, ...] | None:
    """What a spec writes, explicit or implicit; None after reporting why there is nothing."""
    if not exports:
        implicit = _implicit(bindings, used, work, spec)
        return None if implicit is None else (implicit,)
    decided = [_explicit(exported, bindings, sources, work) for exported in exports]
    known: dict[str, Exported] = {}
    sound = True
    for exported, decl in zip(exports, decided, strict=True):
        if decl is None:
            sound = False
            continue
        first = known.setdefault(decl.name.casefold(), exported)  # as on disks that do so
        if first is not exported:
            _report_same_name(decl, first, exported, work.report)
            sound = False
    return tuple(decl for decl in decided if decl is not None) if sound else None


def _report_same_name(decl: ExportDecl, first: Exported, second: Exported, report: Report) -> None:
    message = f"two exports are called `{decl.name}`"
    labels = (Label(first.statement.span, "the first one"),)
    hint = f'give this one a name of its own, as in `as "{decl.name}-2"`'
    at = second.statement.name or second.statement.expr
    report(Diagnostic("E214", message, at.span, labels=labels, help=(hint,)))


def _implicit(
    bindings: Bindings, used: set[str], work: Workspace, spec: SpecFile
) -> ExportDecl | None:
    report = work.report
    candidates: list[tuple[Binding, Weights]] = []
    for name, (binding, meaning) in bindings.items():
        if name not in used and isinstance(meaning, Weights) and not _is_source(binding):
            candidates.append((binding, settled(work.builder, meaning) or meaning))
    models = [(binding, meaning) for binding, meaning in candidates if meaning.mass == 1]
    if len(models) > 1:
        _report_several([binding for binding, _ in models], report)
        return None
    if not models and len(candidates) == 1:
        binding, meaning = candidates[0]
        written = bindings[binding.name][1]
        varies = isinstance(written, Weights) and isinstance(written.mass, Schedule)
        _report_no_model(binding, written if varies else meaning, bindings, report)
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
        shard_bytes=DEFAULT_SHARD_BYTES,
        tokenizer=None,
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
    binding: Binding, meaning: Meaning, bindings: Bindings, report: Report
) -> None:
    assert isinstance(meaning, Weights)
    if meaning.mass != 0:
        report(mass_error(binding.expr, meaning.mass, bindings))
        return
    message = f"`{binding.name}` is a delta, and only a model is exported without being named"
    hint = f"add the line `export delta {binding.name}`, or add the delta to its base"
    report(Diagnostic("E308", message, binding.expr.span, "a delta", help=(hint,)))


def _is_source(binding: Binding) -> bool:
    return isinstance(binding.expr, Call) and binding.expr.func in ("model", "adapter")


def _explicit(
    exported: Exported, bindings: Bindings, sources: Collection[SourceDecl], work: Workspace
) -> ExportDecl | None:
    statement = exported.statement
    meaning = _exportable(exported, bindings, work)
    settings = read_settings(statement, bindings, sources, work.report)
    name = _export_name(exported, settings, work.report)
    if meaning is None or name is None or settings is None:
        return None
    return ExportDecl(
        name,
        meaning.key,
        meaning.donor,
        delta=statement.delta,
        implicit=False,
        dtype=settings.dtype,
        shard_bytes=settings.shard_bytes or DEFAULT_SHARD_BYTES,
        tokenizer=settings.tokenizer,
        docs=statement.docs,
        span=statement.expr.span,
        is_adapter=statement.delta and _is_of_low_rank(meaning, work),
        nonfinite=settings.nonfinite or "error",
    )


def _is_of_low_rank(meaning: Weights, work: Workspace) -> bool:
    """Whether a delta is written as an adapter: made of adapters alone, or by `svd`."""
    made = reduced(work.builder.__getitem__, meaning.key) is not None
    return made or meaning.base == ANY_BASE


def _exportable(exported: Exported, bindings: Bindings, work: Workspace) -> Weights | None:
    """The exported model, or the delta of `export delta`."""
    statement, meaning, report = exported.statement, exported.meaning, work.report
    if isinstance(meaning, Poison):
        return None
    expr = statement.expr
    if not isinstance(meaning, Weights):
        message = f"`{quoted(expr.span)}` is {describe(meaning)}, and only weights can be exported"
        hint = "export a model, as in `export child`"
        report(Diagnostic("E305", message, expr.span, help=(hint,)))
        return None
    sound = settled(work.builder, meaning)
    if sound is None:
        named = bindings.get(expr.id) if isinstance(expr, Name) else None
        report(mass_error(named[0].expr if named else expr, meaning.mass, bindings))
        return None
    mass, meaning = meaning.mass, sound
    if (meaning.mass == 0) == statement.delta:
        return meaning
    if isinstance(mass, Schedule):  # neither, in one tensor or another
        report(mass_error(expr, mass, bindings))
        return None
    word = "export delta" if meaning.mass == 0 else "export"
    message = f"`{quoted(expr.span)}` is {describe(meaning)}"
    hint = f"write `{word} {quoted(expr.span)}`"
    report(Diagnostic("E308", message, expr.span, describe(meaning), help=(hint,)))
    return None


def _export_name(exported: Exported, settings: Settings | None, report: Report) -> str | None:
    text = exported.statement.name
    if settings is not None and settings.name is not None:
        if text is not None:
            message = "the name of this export is given twice"
            labels = (Label(text.span, "given here too"),)
            hint = f"keep `as {text.span.text}`"
            found = Diagnostic("E207", message, settings.name.span, labels=labels, help=(hint,))
            report(found)
            return None
        text = settings.name
    if text is None:
        return (exported.name or "child").rpartition(".")[2]
    name = text.value
    plain = name.isprintable() and not set(name) & set("/\\")
    taken = name in ("", ".", "..") or name.startswith(_OURS)
    if plain and not taken and len(name.encode()) <= _LONGEST_NAME:
        return name
    message = f"`{text.span.text}` is not one path component"
    hint = 'write a plain name, as in `export child as "child"`'
    report(Diagnostic("E214", message, text.span, help=(hint,)))
    return None
