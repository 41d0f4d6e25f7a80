"""From a spec's text to its plan: parse, elaborate, open sources, bind, lay out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mergec.catalog import Checkpoint, TensorName, open_source
from mergec.catalog.architecture import Architecture
from mergec.catalog.describe import describe
from mergec.catalog.open_adapter import is_adapter_file
from mergec.diagnostics import Diagnostic, MergecError, SourceText, sort_by_position
from mergec.elaborate import Bundle, Elaborated, ExportDecl, SourceDecl, elaborate
from mergec.frozen import frozen
from mergec.plan.adapter_bases import warn_of_other_base
from mergec.plan.align_graph import align_graph
from mergec.plan.bind import bind
from mergec.plan.bind_programs import Watch
from mergec.plan.check_vocabularies import VocabularyCheck
from mergec.plan.child_files import Children
from mergec.plan.child_shapes import check_child
from mergec.plan.compatibility import compatibility, diagnostics, refuse_odd_storage
from mergec.plan.contracts import decide_contracts
from mergec.plan.findings import Finding
from mergec.plan.heads import tied_and_untied, tied_copies
from mergec.plan.kin import kin_questions
from mergec.plan.known_tokenizers import KnownTokenizers
from mergec.plan.layout import OutputTensor, ShardLayout, lay_out
from mergec.plan.licence_texts import carry_licence_texts
from mergec.plan.licences import check_licences
from mergec.plan.model import Plan, PlannedExport, Row
from mergec.plan.nonfinite import numeric_policy
from mergec.plan.planned_adapter import planned_adapter, warn_of_tied_embedding
from mergec.plan.vocabularies import ExportVocabulary, Vocabularies
from mergec.resolve import KeySet, KeySets
from mergec.syntax import SpecFile, parse_spec
from mergec.syntax.allow import apply_allows

_METADATA = {"format": "pt"}
# What a delta's files say, so that nobody, mergec included, takes one for a model.
_DELTA_METADATA = {"format": "pt", "mergec.kind": "delta"}


Tell = Callable[[Sequence[Finding]], object]
"""Gets the table of what is found about parents that meet, whether or not there is a plan."""


@frozen
class Compiled:
    """A plan and the warnings found on the way, in the order of the spec.

    `settings` and `imports` make the bundle whole that compiles to the same plan elsewhere: values
    given from outside, paths relative to the spec's folder, and the texts of used specs. So do the
    names of passes that were switched off, `without`.
    """

    plan: Plan
    warnings: tuple[Diagnostic, ...]
    settings: Mapping[str, str]
    imports: Mapping[str, str]
    without: tuple[str, ...] = ()


def check_text(source: SourceText) -> Elaborated:
    """Parse and type a spec that is given nothing, without looking at its sources."""
    return check_bundle(Bundle(source, Path(), imports={}))


def compile_text(source: SourceText, root: Path) -> Compiled:
    """The plan of a spec that is given nothing, with relative references from the folder `root`."""
    return compile_bundle(Bundle(source, root))


def check_bundle(bundle: Bundle) -> Elaborated:
    """Parse and type a spec without looking at its sources; MergecError with all errors."""
    checked, specs = _checked(bundle)
    return replace(checked, warnings=_allowed(specs, checked.warnings, complete=False))


def compile_bundle(
    bundle: Bundle,
    watch: Watch | None = None,
    tell: Tell = lambda _: None,
    *,
    sparing: bool = False,
) -> Compiled:
    """The plan of a spec. One that is `sparing` is not to be run: what it copies is not fetched.

    Reads headers and small files, never a weight. MergecError with every error found at the first
    level that has any: text, then files, then what the headers say together. `watch` is told what
    the passes do, and `tell` what is found about parents that meet.
    """
    checked, specs = _checked(bundle)
    found: list[Diagnostic] = list(checked.warnings)
    checkpoints = _open_sources(checked.sources, bundle, found)
    _stop_on_errors(specs, found)
    architectures = _architectures(checkpoints)
    try:
        plan = _plan(checked, checkpoints, architectures, found, watch, tell, bundle.root, sparing)
    except MergecError as error:
        found += error.diagnostics
        plan = None
    _stop_on_errors(specs, found)
    assert plan is not None
    asked = kin_questions(plan.exports, plan.written, checked.sources)
    left = _allowed(specs, [*found, *asked], complete=True)
    kin = tuple(asked[each] for each in left if each in asked)
    plan = replace(plan, kin=kin, copies=tied_copies(plan))
    warnings = tuple(each for each in left if each not in asked)
    return Compiled(plan, warnings, checked.settings, checked.imports, checked.without)


def plan_over(
    checked: Elaborated, checkpoints: Mapping[str, Checkpoint], root: Path = Path()
) -> Plan:
    """The plan of a checked spec over checkpoints in place of those that it names, by label.

    MergecError with all errors found. Warnings, which are about the real ones, are left out. Paths
    of tokenizers start at `root`.
    """
    found: list[Diagnostic] = []
    plan = _plan(checked, checkpoints, _architectures(checkpoints), found, root=root)
    _stop_on_errors(checked.specs, found)
    assert plan is not None
    return plan


def _checked(bundle: Bundle) -> tuple[Elaborated, tuple[SpecFile, ...]]:
    """Like `check_bundle`, with the warnings that comments of the specs allow."""
    parsed = parse_spec(bundle.source)
    _stop_on_errors((parsed.spec,), parsed.diagnostics)
    try:
        checked = elaborate(parsed.spec, bundle)
    except MergecError as error:
        found = (*parsed.diagnostics, *error.diagnostics)
        raise MergecError(_allowed((parsed.spec,), found, complete=False)) from None
    warnings = (*parsed.diagnostics, *checked.warnings)
    return replace(checked, warnings=warnings), checked.specs


def _stop_on_errors(specs: Sequence[SpecFile], found: Sequence[Diagnostic]) -> None:
    if _has_errors(found):
        raise MergecError(_allowed(specs, found, complete=False))


def _allowed(
    specs: Sequence[SpecFile], found: Sequence[Diagnostic], *, complete: bool
) -> tuple[Diagnostic, ...]:
    """What is left once the comments of each spec have allowed what they allow."""
    left = tuple(found)
    for spec in specs:
        left = apply_allows(spec, left, complete=complete)
    return sort_by_position(left)


def _architectures(checkpoints: Mapping[str, Checkpoint]) -> Mapping[str, Architecture]:
    """The architecture of each source; those that differ in weights alone are looked at once."""
    known: list[tuple[list[TensorName], Mapping[str, Any] | None, Architecture]] = []
    found: dict[str, Architecture] = {}
    for label, checkpoint in checkpoints.items():
        names, config = [*checkpoint.tensors], checkpoint.config
        same = (it for seen, stated, it in known if seen == names and stated == config)
        architecture = next(same, None)
        if architecture is None:
            architecture = describe(names, config)
            known.append((names, config, architecture))
        found[label] = architecture
    return found


def _plan(
    checked: Elaborated,
    checkpoints: Mapping[str, Checkpoint],
    architectures: Mapping[str, Architecture],
    found: list[Diagnostic],
    watch: Watch | None = None,
    tell: Tell | None = None,
    root: Path = Path(),
    sparing: bool = False,
) -> Plan | None:
    """The plan; None after reporting errors. Whether parents fit is looked at for `tell` alone."""
    if tell is not None:
        # Of such sources tensors seem to be missing, or have a dtype that means something else.
        found += refuse_odd_storage(checked, checkpoints)
        whole = KeySets(checked, checkpoints, architectures)
        found += tied_and_untied(checked, whole, checkpoints)
        if _has_errors(found):
            return None
    tokenizers = KnownTokenizers(checkpoints, sparing)
    reader = Vocabularies(checked, checkpoints, architectures, tokenizers, root)
    vocabularies = [reader.of(export, found.append) for export in checked.exports]
    if _has_errors(found):
        return None
    checked, aligned = align_graph(checked, vocabularies)
    keys = KeySets(checked, checkpoints, architectures, aligned)
    policy, wrong = numeric_policy(checked)
    found += wrong
    contracts = decide_contracts(checked, keys, checkpoints, found.append)
    check_licences(checked, checkpoints, found.append)
    check = VocabularyCheck(checked, checkpoints, architectures, tokenizers, found.append)
    bound = bind(checked, checkpoints, architectures, keys, found.append, watch, check.judge)
    if bound is None or _has_errors(found):
        return None
    warn_of_other_base(checked, checkpoints, found.append)
    configs = {label: (checkpoints[label], architectures[label]) for label in checkpoints}
    children = Children(checkpoints, configs, tokenizers, found.append)
    exports = [
        planned_adapter(checked, decl, rows, checkpoints, bound.dropped.get(decl.node, ()))
        if decl.is_adapter
        else _planned_model(checked, decl, rows, keys.of(decl.node), children, vocabulary)
        for decl, rows, vocabulary in zip(checked.exports, bound.rows, vocabularies, strict=True)
    ]
    for export in [each for each in exports if each.decl.is_adapter]:
        donor = export.donor
        warn_of_tied_embedding(export, checkpoints[donor], architectures[donor], found.append)
    if tell is not None:
        for export in [each for each in exports if not each.decl.is_adapter]:
            found += check_child(export, keys.of(export.decl.node), checked.sources)
        table = compatibility(exports, checked.sources, checkpoints, architectures)
        tell(table)
        found += diagnostics(table, checked.sources)
    plan = Plan(
        edition=checked.specs[0].edition or 1,
        parameters=checked.parameters,
        sources=bound.sources,
        names=checked.places.names,
        written=checked.graph,
        exports=tuple(exports),
        contracts=contracts,
        measures=bound.measures,
        readings=bound.readings,
        settings=bound.settings,
        barriers=bound.barriers,
        policy=policy,
    )
    return carry_licence_texts(plan)


def _planned_model(
    checked: Elaborated,
    decl: ExportDecl,
    rows: tuple[Row, ...],
    keys: KeySet,
    children: Children,
    vocabulary: ExportVocabulary | None,
) -> PlannedExport:
    """A model or a delta of models, with what stands beside its weights."""
    return PlannedExport(
        decl=decl,
        folder=decl.name if len(checked.exports) > 1 else "",
        donor=keys.donor,
        rows=rows,
        layouts=_layouts(decl, rows),
        **children.files(decl, keys, vocabulary),
    )


def _has_errors(found: Sequence[Diagnostic]) -> bool:
    return any(diagnostic.severity == "error" for diagnostic in found)


def _layouts(export: ExportDecl, rows: Sequence[Row]) -> tuple[ShardLayout, ...]:
    """A model's files are called as loaders expect; a delta's are not, and say what they are."""
    outputs = [OutputTensor(row.tensor, row.dtype, row.shape) for row in rows]
    if export.delta:
        return lay_out(outputs, export.shard_bytes, _DELTA_METADATA, stem="delta")
    return lay_out(outputs, export.shard_bytes, _METADATA)


def _open_sources(
    decls: tuple[SourceDecl, ...], bundle: Bundle, found: list[Diagnostic]
) -> Mapping[str, Checkpoint]:
    """Every source that opens; what does not is reported at its `model(...)`."""
    opened: dict[str, Checkpoint] = {}
    for decl in decls:
        try:
            checkpoint, warnings = open_source(
                decl.ref,
                decl.rev,
                bundle.root,
                bundle.pins.get(decl.label),
                adapter=decl.is_adapter,
            )
        except MergecError as error:
            found.extend(replace(diagnostic, span=decl.span) for diagnostic in error.diagnostics)
            continue
        if any("mergec.kind" in shard.metadata for shard in checkpoint.shards):
            found.append(_delta_as_model(decl))
        if not decl.is_adapter and is_adapter_file(checkpoint):
            found.append(_adapter_as_model(decl))
        opened[decl.label] = checkpoint
        found.extend(replace(diagnostic, span=decl.span) for diagnostic in warnings)
    return opened


def _adapter_as_model(decl: SourceDecl) -> Diagnostic:
    return Diagnostic(
        "E735",
        f"`{decl.ref}` holds an adapter, not a model",
        decl.span,
        "holds an adapter",
        help=(f'write `adapter("{decl.ref}")`, and add it to its model: `base + lora`',),
    )


def _delta_as_model(decl: SourceDecl) -> Diagnostic:
    return Diagnostic(
        "E302",
        f"`{decl.ref}` is a delta that mergec wrote, not a model",
        decl.span,
        "holds a delta",
        help=("export the model itself, or write the delta as a difference of two models",),
    )
