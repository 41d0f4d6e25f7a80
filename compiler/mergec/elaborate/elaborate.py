"""From a syntax tree to the operator graph: names resolved, operands typed, masses checked."""

from collections.abc import Mapping
from pathlib import Path

from mergec.diagnostics import Diagnostic, MergecError, SourceText
from mergec.elaborate.adapted import models_of_adapters, report_without_model
from mergec.elaborate.bundle import Bundle
from mergec.elaborate.evaluator import Evaluator
from mergec.elaborate.exports import choose_exports
from mergec.elaborate.imports import Imports
from mergec.elaborate.knobs import Knobs
from mergec.elaborate.modules import Modules
from mergec.elaborate.scope import Module, Scope
from mergec.elaborate.values import Contract, Elaborated, ExportDecl, Meaning, Places, Weights
from mergec.elaborate.workspace import Workspace
from mergec.ir import Graph, NodeKey, facts, verify_graph
from mergec.syntax.nodes import Binding, Call, Expr, Param, SpecFile


def elaborate(spec: SpecFile, bundle: Bundle | None = None) -> Elaborated:
    """The checked graph of `spec`; MergecError with all independent errors (E2xx, E3xx).

    `bundle` says what the spec is given from outside and where it lies; by default it is given
    nothing and uses no other spec but those that mergec brings.
    """
    bundle = bundle or Bundle(SourceText("spec.merge", ""), Path(), imports={})
    work = Workspace()
    imports, knobs = Imports(bundle), Knobs(bundle.settings, bundle.root)
    modules = Modules(work, imports, knobs)
    module = modules.elaborate(spec, "", root=True)
    knobs.unknown(Evaluator(work, Scope(module)))
    sound = all(found.severity == "warning" for found in work.found)
    exports = None
    bindings = _bindings(module)
    if modules.exports or sound:  # what is exported without being named depends on all bindings
        sources = work.sources.known.values()
        exports = choose_exports(bindings, module.used, modules.exports, sources, work, spec)
    if exports is None or any(found.severity == "error" for found in work.found):
        raise MergecError(work.found)
    _warn_unused(module, bindings, exports, work)
    graph = _graph(work, exports)
    adapted = models_of_adapters(graph)
    report_without_model(graph, adapted, exports, work)
    if any(found.severity == "error" for found in work.found):
        raise MergecError(work.found)
    reached = set(graph.table)
    tokenizers = {label for it in exports if it.tokenizer for label in it.tokenizer.named}
    return Elaborated(
        graph=verify_graph(graph),
        sources=tuple(
            source
            for source in work.sources.known.values()
            if source.key in reached or source.label in tokenizers
        ),
        exports=exports,
        contracts=tuple(work.contracts),
        places=_places(work, bindings, reached),
        parameters=knobs.values,
        settings=knobs.taken,
        imports=imports.texts,
        warnings=tuple(work.found),
        specs=(spec, *modules.libraries),
        without=bundle.without,
        adapted=adapted.models,
    )


def _bindings(module: Module) -> dict[str, tuple[Binding, Meaning]]:
    """What the spec binds, parameters left out but for those that are models."""
    found: dict[str, tuple[Binding, Meaning]] = {}
    for name, value in module.values.items():
        statement = module.declared[name]
        if isinstance(statement, Binding):
            found[name] = (statement, value)
        elif isinstance(statement, Param) and isinstance(value, Weights):
            found[name] = (_as_binding(statement), value)
    return found


def _as_binding(statement: Param) -> Binding:
    """A parameter that is a model, as the binding of a source."""
    call: Expr = Call("model", (), (), statement.span, statement.name_span)
    return Binding(statement.name, call, statement.docs, statement.span, statement.name_span)


def _graph(work: Workspace, exports: tuple[ExportDecl, ...]) -> Graph:
    """What the exports and the contracts reach; a contract's values are outputs of their own."""
    outputs: dict[str, NodeKey] = {export.name: export.node for export in exports}
    asked = [key for contract in work.contracts for key in _asked(contract)]
    exported = set(outputs.values())
    fresh = [key for key in dict.fromkeys(asked) if key not in exported]
    outputs |= {f"require/{number}": key for number, key in enumerate(fresh, 1)}
    return work.builder.finish(outputs)


def _asked(contract: Contract) -> list[NodeKey]:
    return [key for fact in facts(contract.condition) for key in fact.operands]


def _places(
    work: Workspace, bindings: Mapping[str, tuple[Binding, Meaning]], reached: set[NodeKey]
) -> Places:
    names = {
        meaning.key: name
        for name, (_, meaning) in reversed([*bindings.items()])
        if isinstance(meaning, Weights)
    }
    nodes = {key: span for key, span in work.nodes.items() if key in reached}
    return Places(nodes, names, work.parameters, work.arms)


def _warn_unused(
    module: Module,
    bindings: Mapping[str, tuple[Binding, Meaning]],
    exports: tuple[ExportDecl, ...],
    work: Workspace,
) -> None:
    implicit = {export.name for export in exports if export.implicit}
    exported = {export.node for export in exports}
    for export in exports:  # whose tokenizer alone may be used of a source
        labels = export.tokenizer.named if export.tokenizer else ()
        exported |= {it.key for it in work.sources.known.values() if it.label in labels}
    for name, statement in {**module.declared, **module.macro_declared}.items():
        meaning = bindings[name][1] if name in bindings else None
        written = name in implicit or (isinstance(meaning, Weights) and meaning.key in exported)
        if name in module.used or name in module.required or written:
            continue
        message = f"`{name}` is never used"
        hint = f"remove the line, or use `{name}`"
        work.report(Diagnostic("W201", message, statement.name_span, help=(hint,)))
