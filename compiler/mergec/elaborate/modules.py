"""The statements of one spec file, in order: what it binds, uses, requires and exports."""

from dataclasses import dataclass, field
from functools import lru_cache

from mergec.diagnostics import Diagnostic, Label, MergecError, SourceText, Span, fail
from mergec.diagnostics.suggest import suggestion_help
from mergec.elaborate.conditions import Conditions
from mergec.elaborate.evaluator import Evaluator
from mergec.elaborate.exports import Exported
from mergec.elaborate.imports import Imported, Imports
from mergec.elaborate.knobs import Knobs
from mergec.elaborate.macros import define
from mergec.elaborate.odd_calls import warn_of_sum
from mergec.elaborate.scope import Module, Scope
from mergec.elaborate.values import Meaning, Weights
from mergec.elaborate.workspace import Workspace
from mergec.ops import OPERATORS
from mergec.syntax import ParseResult, limits, parse_spec
from mergec.syntax.nodes import (
    Binding,
    Def,
    Export,
    Name,
    Param,
    Require,
    SpecFile,
    Statement,
    Use,
)

# Links can make endless files out of few; nobody writes as many.
_MAX_DEPTH, _MAX_SPECS = 32, 256


@dataclass(slots=True)
class Modules:
    """Elaborates spec files; each used one once, however often it is used."""

    work: Workspace
    imports: Imports
    knobs: Knobs
    exports: list[Exported] = field(default_factory=list[Exported])
    libraries: list[SpecFile] = field(default_factory=list[SpecFile])
    _known: dict[str, Module] = field(default_factory=dict[str, Module])
    _open: list[str] = field(default_factory=list[str])

    def elaborate(self, spec: SpecFile, folder: str, *, root: bool, prefix: str = "") -> Module:
        """Every statement of `spec`; what is wrong is reported, and the rest goes on."""
        module = Module(spec, folder, root)
        evaluator = Evaluator(self.work, Scope(module))
        for statement in spec.statements:
            if self.work.exhausted or self._wrong(module) >= limits.DIAGNOSTICS:
                break
            try:
                self._statement(evaluator, module, statement, prefix)
            except MergecError as error:  # a limit, or a file that cannot be read
                for found in error.diagnostics:
                    self.work.report(found)
        _report_unknown(module, self.work)
        return module

    def _wrong(self, module: Module) -> int:
        """How many mistakes are known; who has that many more cares for the first ones."""
        return self.work.errors + len(module.unknown)

    def _statement(
        self, evaluator: Evaluator, module: Module, statement: Statement, prefix: str
    ) -> None:
        match statement:
            case Binding():
                value = evaluator.meaning(statement.expr)
                if isinstance(value, Weights):
                    warn_of_sum(statement.expr, value, self.work.builder, self.work.report)
                self._bind(module, statement, value)
            case Param():
                value = self.knobs.declare(evaluator, statement, prefix)
                self._bind(module, statement, value)
            case Def():
                if self._is_free(statement) and self._is_new(module, statement):
                    define(evaluator, statement, module)
            case Use():
                self._use(module, statement, prefix)
            case Require():
                self._require(evaluator, module, statement)
            case Export():
                self._export(evaluator, module, statement)

    def _bind(self, module: Module, statement: Binding | Param, value: Meaning) -> None:
        if self._is_new(module, statement):
            module.values[statement.name] = value

    def _is_new(self, module: Module, statement: Binding | Param | Def | Use) -> bool:
        """Whether the name is free; E208 if it is not. Macros have names of their own."""
        taken = module.macro_declared if isinstance(statement, Def) else module.declared
        known = taken.setdefault(statement.name, statement)
        if known is statement:
            return True
        first = Label(known.name_span, "bound first here")
        message = f"`{statement.name}` is bound twice"
        hint = f"give one another name, such as `{statement.name}_2`"
        self.work.report(
            Diagnostic("E208", message, statement.name_span, labels=(first,), help=(hint,))
        )
        return False

    def _is_free(self, statement: Def) -> bool:
        """Whether a macro may have this name; E208 for the two calls that take a selector."""
        if statement.name not in ("select", "rename"):
            return True
        message = f"`{statement.name}` is a form of the language, and no macro can be called so"
        hint = f"give the macro another name, such as `{statement.name}_2`"
        self.work.report(Diagnostic("E208", message, statement.name_span, help=(hint,)))
        return False

    def _require(self, evaluator: Evaluator, module: Module, statement: Require) -> None:
        evaluator.contract = True
        try:
            contract = Conditions(evaluator).contract(statement)
        finally:
            evaluator.contract = False
        if contract is not None:
            self.work.contracts.append(contract)

    def _export(self, evaluator: Evaluator, module: Module, statement: Export) -> None:
        if not module.root:
            message = "a spec that others use exports nothing"
            hint = "bind the expression to a name, and export it where it is used"
            self.work.report(Diagnostic("E213", message, statement.span, help=(hint,)))
            return
        name = statement.expr.id if isinstance(statement.expr, Name) else None
        value = evaluator.meaning(statement.expr)
        if isinstance(value, Weights):
            warn_of_sum(statement.expr, value, self.work.builder, self.work.report)
        for setting in statement.settings:
            if setting.name == "tokenizer" and isinstance(setting.value, Name):
                evaluator.scope.use(setting.value.id)
        self.exports.append(Exported(statement, value, name))

    def _use(self, module: Module, statement: Use, prefix: str) -> None:
        if not self._is_new(module, statement):
            return
        module.failed.add(statement.name)  # until it is there, nothing is said of its names
        found = self.imports.find(statement, module.folder)
        if found.key in self._open:
            self._report_cycle(statement, found.key)
            return
        if len(self._open) >= _MAX_DEPTH or len(self._known) >= _MAX_SPECS:
            raise fail(
                "E107",
                f"specs use specs more than {_MAX_DEPTH} levels deep"
                if len(self._open) >= _MAX_DEPTH
                else f"more than {_MAX_SPECS} specs are used",
                statement.path.span,
                help="join some of them to one spec",
            )
        known = self._known.get(found.key)
        if known is None:
            known = self._load(found, f"{prefix}{statement.name}.")
        if known is not None:
            module.failed.discard(statement.name)
            module.modules[statement.name] = known

    def _load(self, found: Imported, prefix: str) -> Module | None:
        parsed = _parsed(found.source)
        for diagnostic in parsed.diagnostics:
            self.work.report(diagnostic)
        if any(diagnostic.severity == "error" for diagnostic in parsed.diagnostics):
            return None
        self.libraries.append(parsed.spec)
        self._open.append(found.key)
        module = self.elaborate(parsed.spec, found.folder, root=False, prefix=prefix)
        self._open.pop()
        self._known[found.key] = module
        return module

    def _report_cycle(self, statement: Use, key: str) -> None:
        circle = [*self._open[self._open.index(key) :], key]
        names = " uses ".join(f"`{each}`" for each in circle)
        message = f"specs use each other in a circle: {names}"
        hint = "move what both need into a third spec"
        self.work.report(Diagnostic("E220", message, statement.path.span, help=(hint,)))


@lru_cache(maxsize=8)
def _parsed(source: SourceText) -> ParseResult:
    """A used spec; a process that compiles many specs parses a library of theirs once."""
    return parse_spec(source)


def _report_unknown(module: Module, work: Workspace) -> None:
    """One E201 for each name, however often it is used."""
    bindings = {
        statement.name: statement
        for statement in reversed(module.spec.statements)
        if isinstance(statement, Binding | Param | Use)
    }
    scope = Scope(module)
    for name, uses in module.unknown.items():
        if name.partition(".")[0] in module.failed:
            continue
        below, macro = bindings.get(name), scope.macro(name)
        labels = [Label(use.span, "used here too") for use in uses[1:3]]
        message = f"`{name}` is not bound above this line"
        prefix, dot, inner = name.partition(".")
        if name in module.modules:
            message = f"`{name}` is a spec that is used, and no value"
            offered = [f"{name}.{each}" for each in module.modules[name].values]
            hint = f"name something of it, such as `{(offered or [f'{name}.base'])[0]}`"
        elif macro is not None:
            message = f"`{name}` is a macro, and no value"
            hint = f"call it, as in `{prefix}.{macro.signature()}`" if dot else ""
            hint = hint or f"call it, as in `{macro.signature()}`"
        elif dot and prefix in module.modules:
            message = f"the spec `{prefix}` binds no `{inner}`"
            offered = [each for each in scope.names() if each.startswith(f"{prefix}.")]
            hint = suggestion_help(name, offered, f"names of `{prefix}`")
        elif dot:
            message = f"no spec is used as `{prefix}`"
            hint = f'write `use "./{prefix}.merge" as {prefix}` above, or name what this spec binds'
        elif below is not None:
            labels.append(Label(below.name_span, "bound here"))
            hint = f"move the line of `{name}` up; a name is bound before it is used"
            if _holds(below.span, uses[0].span):
                hint = f"give the result another name, such as `{name}_2`"
        elif name in OPERATORS:
            hint = f"call it: `{OPERATORS[name].signature()}`"
        else:
            hint = suggestion_help(name, [*bindings, *scope.names()], "names of this spec")
        work.report(Diagnostic("E201", message, uses[0].span, labels=tuple(labels), help=(hint,)))


def _holds(outer: Span, inner: Span) -> bool:
    return outer.start <= inner.start < outer.end
