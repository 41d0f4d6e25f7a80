"""From a syntax tree to the operator graph: names resolved, operands typed, masses checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from mergec.diagnostics import Diagnostic, Label, MergecError, Span
from mergec.diagnostics.suggest import suggestion_help
from mergec.elaborate.arithmetic import combine, negate
from mergec.elaborate.calls import Calls
from mergec.elaborate.exports import Exported, choose_export
from mergec.elaborate.sources import Sources
from mergec.elaborate.values import POISON, Bytes, Elaborated, Meaning, Poison, Weights
from mergec.ir import GraphBuilder, NodeKey, verify_graph
from mergec.ops import OPERATORS
from mergec.syntax.nodes import (
    Binary,
    Binding,
    Bool,
    Call,
    Export,
    Expr,
    ListLiteral,
    Name,
    Negate,
    Number,
    Pipe,
    Size,
    SpecFile,
    Text,
)


def elaborate(spec: SpecFile) -> Elaborated:
    """The checked graph of `spec`; MergecError with all independent errors (E2xx, E3xx)."""
    bindings = [s for s in spec.statements if isinstance(s, Binding)]
    names = _Names({binding.name: binding for binding in reversed(bindings)})
    exports: list[Exported] = []
    for statement in spec.statements:
        if isinstance(statement, Binding):
            names.bind(statement)
        else:
            exports.append(names.export(statement))
    names.report_unknown()
    sound = all(found.severity == "warning" for found in names.found)
    export = None
    if exports or sound:  # what is exported without being named depends on all bindings
        export = choose_export(names.bindings, names.used, exports, names.found.append, spec)
    if export is None or not sound:
        raise MergecError(names.found)
    names.warn_unused(export.node)
    graph = names.builder.finish({export.name: export.node})
    reached = {node.key for node in graph.nodes()}
    sources = tuple(s for s in names.sources.known.values() if s.key in reached)
    spans = {key: span for key, span in names.spans.items() if key in reached}
    called = {
        meaning.key: name
        for name, (_, meaning) in reversed(names.bindings.items())
        if isinstance(meaning, Weights)
    }
    found = tuple(names.found)
    return Elaborated(verify_graph(graph), sources, export, spans, called, found)


@dataclass(slots=True)
class _Names:
    """The names bound so far and everything found wrong with the statements that bind them.

    `all_bindings` are those of the whole spec, the first of each name; `unknown` collects where
    names without a binding are used.
    """

    all_bindings: Mapping[str, Binding]
    builder: GraphBuilder = field(default_factory=GraphBuilder)
    found: list[Diagnostic] = field(default_factory=list[Diagnostic])
    bindings: dict[str, tuple[Binding, Meaning]] = field(
        default_factory=dict[str, tuple[Binding, Meaning]]
    )
    used: set[str] = field(default_factory=set[str])
    unknown: dict[str, list[Name]] = field(default_factory=dict[str, list[Name]])
    spans: dict[NodeKey, Span] = field(default_factory=dict[NodeKey, Span])
    sources: Sources = field(init=False)
    calls: Calls = field(init=False)

    def __post_init__(self) -> None:
        self.sources = Sources(self.builder, self.found.append)
        self.calls = Calls(self.builder, self.meaning, self.found.append, self.sources)

    def bind(self, binding: Binding) -> None:
        known = self.bindings.get(binding.name)
        meaning = self.meaning(binding.expr)
        if known is None:
            self.bindings[binding.name] = (binding, meaning)
            return
        first = Label(known[0].name_span, "bound first here")
        message = f"`{binding.name}` is bound twice"
        hint = f"give one another name, such as `{binding.name}_2`"
        self.found.append(
            Diagnostic("E208", message, binding.name_span, labels=(first,), help=(hint,))
        )

    def export(self, statement: Export) -> Exported:
        name = statement.expr.id if isinstance(statement.expr, Name) else None
        return Exported(statement, self.meaning(statement.expr), name)

    def warn_unused(self, exported: NodeKey) -> None:
        for name, (binding, meaning) in self.bindings.items():
            if name in self.used or (isinstance(meaning, Weights) and meaning.key == exported):
                continue
            message = f"`{name}` is never used"
            hint = f"remove the line, or use `{name}`"
            self.found.append(Diagnostic("W201", message, binding.name_span, help=(hint,)))

    def report_unknown(self) -> None:
        """One E201 for each name, however often it is used."""
        for name, uses in self.unknown.items():
            below = self.all_bindings.get(name)
            labels = [Label(use.span, "used here too") for use in uses[1:3]]
            if below is not None:
                labels.append(Label(below.name_span, "bound here"))
                hint = f"move the line of `{name}` up; a name is bound before it is used"
                if below.span.start <= uses[0].span.start < below.span.end:
                    hint = f"give the result another name, such as `{name}_2`"
            elif name in OPERATORS:
                hint = f"call it: `{OPERATORS[name].signature()}`"
            else:
                hint = suggestion_help(name, [*self.all_bindings], "names of this spec")
            message = f"`{name}` is not bound above this line"
            self.found.append(
                Diagnostic("E201", message, uses[0].span, labels=tuple(labels), help=(hint,))
            )

    def meaning(self, expr: Expr) -> Meaning:
        """What `expr` stands for; POISON once an error in it is reported."""
        # Chains of `+` and `|>` nest to the left and may be long, so that spine is a loop.
        spine: list[Binary | Pipe] = []
        while isinstance(expr, Binary | Pipe):
            spine.append(expr)
            expr = expr.left
        value = self._leaf(expr)
        for step in reversed(spine):
            if isinstance(step, Binary):
                right = self.meaning(step.right)
                value = combine(self.builder, step, value, right, self.found.append)
            else:
                value = self._pipe(step, value)
            self._remember(value, step.span)
        return value

    def _pipe(self, step: Pipe, left: Meaning) -> Meaning:
        evaluated = {id(step.left): left}

        def meaning(expr: Expr) -> Meaning:
            return evaluated[id(expr)] if id(expr) in evaluated else self.meaning(expr)

        calls = Calls(self.builder, meaning, self.found.append, self.sources)
        return calls.call(step.call, (step.left, *step.call.operands), piped=True)

    def _leaf(self, expr: Expr) -> Meaning:
        value: Meaning
        match expr:
            case Name():
                value = self._name(expr)
            case Number():
                value = expr.value
            case Text() | Bool():
                value = expr.value
            case Size():
                value = Bytes(expr.bytes)
            case ListLiteral():
                value = self._list(expr)
            case Negate():
                value = negate(self.builder, expr, self.meaning(expr.operand), self.found.append)
            case Call():
                value = self.calls.call(expr, expr.operands, piped=False)
            case _:
                raise AssertionError(f"{type(expr).__name__} is not a leaf")
        self._remember(value, expr.span)
        return value

    def _name(self, name: Name) -> Meaning:
        self.used.add(name.id)
        if name.id in self.bindings:
            return self.bindings[name.id][1]
        self.unknown.setdefault(name.id, []).append(name)
        return POISON

    def _list(self, written: ListLiteral) -> Meaning:
        items = [self.meaning(item) for item in written.items]
        literals = tuple(i for i in items if isinstance(i, Fraction | str | bool | Bytes | tuple))
        if len(literals) == len(items):
            return literals
        if not any(isinstance(item, Poison) for item in items):
            message = "a list holds numbers or texts, not weights"
            hint = "give weights as operands, as in `linear(a, b)`"
            self.found.append(Diagnostic("E305", message, written.span, help=(hint,)))
        return POISON

    def _remember(self, value: Meaning, span: Span) -> None:
        if isinstance(value, Weights):
            self.spans.setdefault(value.key, span)
