"""`param`: the values that a spec is given from outside, typed and checked."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from mergec.catalog.reference import split_revision
from mergec.diagnostics import Diagnostic, SourceText
from mergec.diagnostics.suggest import suggestion_help
from mergec.elaborate.bundle import Setting
from mergec.elaborate.evaluating import Evaluating
from mergec.elaborate.scope import Scope
from mergec.elaborate.sources import moved
from mergec.elaborate.values import POISON, Meaning, Poison, Weights
from mergec.elaborate.wording import describe, shown
from mergec.ir import print_decimal
from mergec.syntax import parse_spec
from mergec.syntax.nodes import Binding, Call, Expr, Param

_TYPES = {
    "number": "a number",
    "int": "a whole number",
    "text": "a text",
    "bool": "a bool",
    "model": "a model",
}


@dataclass(slots=True)
class Knobs:
    """The parameters of a spec and of those it uses.

    `given` are the values from outside, by full name (`common.w` for one of a used spec); `root`
    is the folder of the spec that is compiled. `values` collects every parameter's value as text,
    `taken` those from outside as they are to be given again.
    """

    given: Mapping[str, Setting]
    root: Path
    values: dict[str, str] = field(default_factory=dict[str, str])
    taken: dict[str, str] = field(default_factory=dict[str, str])
    declared: set[str] = field(default_factory=set[str])

    def declare(self, evaluator: Evaluating, statement: Param, prefix: str) -> Meaning:
        """The value of a parameter; POISON after reporting E203, E206 or E221."""
        report = evaluator.work.report
        name = prefix + statement.name
        self.declared.add(name)
        if statement.type not in _TYPES:
            hint = suggestion_help(statement.type, _TYPES, "types")
            message = f"there is no type `{statement.type}`"
            report(Diagnostic("E206", message, statement.type_span, help=(hint,)))
            return POISON
        bounds = self._bounds(evaluator, statement)
        setting = self.given.get(name)
        if setting is not None and statement.type == "model":
            return self._given_model(evaluator, statement, name, setting)
        default = self._default(evaluator, statement)
        if setting is not None:
            value = self._given_value(evaluator, statement, name, setting)
        elif statement.default is not None:
            value = default
        else:
            report(_unbound(statement, name))
            return POISON
        if isinstance(value, Poison) or bounds is None:
            return POISON
        if isinstance(value, Fraction) and not _within(value, bounds):
            report(_out_of_bounds(statement, value, bounds, name if setting is not None else None))
            return POISON
        self.values[name] = _text(value)
        if evaluator.scope.module.root and isinstance(value, Fraction):
            evaluator.work.knobs[name] = _text(value)
        if setting is not None:
            self.taken[name] = _text(value)
        return value

    def unknown(self, evaluator: Evaluating) -> None:
        """E222 for each value that no parameter takes."""
        for name in self.given:
            if name in self.declared:
                continue
            hint = suggestion_help(name, sorted(self.declared), "parameters")
            if not self.declared:
                hint = f"declare it in the spec, as in `param {name}: number`"
            message = f"the spec has no parameter `{name}`"
            evaluator.work.report(Diagnostic("E222", message, None, help=(hint,)))

    def _default(self, evaluator: Evaluating, statement: Param) -> Meaning:
        written = statement.default
        if written is None:
            return POISON
        found: Meaning
        if statement.type == "model" and isinstance(written, Call) and written.func == "model":
            found = evaluator.work.sources.declare(
                written, written.operands, evaluator.scope.module.folder, label=statement.name
            )
        else:
            found = evaluator.meaning(written)
        return self._typed(evaluator, statement, found, written)

    def _typed(
        self, evaluator: Evaluating, statement: Param, value: Meaning, written: Expr
    ) -> Meaning:
        """`value` if it is of the parameter's type."""
        if isinstance(value, Poison) or _is_of_type(statement.type, value):
            return value
        message = f"`{statement.name}` needs {_TYPES[statement.type]}"
        hint = f"write {_TYPES[statement.type]}, or another type"
        label = f"this is {describe(value)}"
        evaluator.work.report(Diagnostic("E206", message, written.span, label, help=(hint,)))
        return POISON

    def _bounds(
        self, evaluator: Evaluating, statement: Param
    ) -> tuple[Fraction | None, Fraction | None] | None:
        """The bounds, None where there are none; None after reporting what is wrong with them."""
        found: list[Fraction | None] = []
        for written in (statement.lo, statement.hi):
            value = None if written is None else evaluator.meaning(written)
            if isinstance(value, Poison):
                return None
            if written is not None and not isinstance(value, Fraction):
                assert value is not None
                message = f"the bounds of `{statement.name}` are numbers"
                label = f"this is {describe(value)}"
                hint = "write numbers, as in `from 0 to 1`"
                evaluator.work.report(
                    Diagnostic("E206", message, written.span, label, help=(hint,))
                )
                return None
            found.append(value if isinstance(value, Fraction) else None)
        low, high = found
        if low is None or high is None or statement.lo is None or statement.hi is None:
            return low, high
        if statement.type not in ("number", "int"):
            message = f"a parameter of type `{statement.type}` has no bounds"
            hint = "remove `from` and `to`"
            evaluator.work.report(Diagnostic("E206", message, statement.lo.span, help=(hint,)))
            return None
        if low > high:
            message = f"no value of `{statement.name}` lies from {shown(low)} to {shown(high)}"
            hint = f"write `from {shown(high)} to {shown(low)}`"
            evaluator.work.report(Diagnostic("E203", message, statement.lo.span, help=(hint,)))
            return None
        return low, high

    def _given_value(
        self, evaluator: Evaluating, statement: Param, name: str, setting: Setting
    ) -> Meaning:
        value: Meaning | None
        if statement.type == "text":
            return setting.text
        if statement.type == "bool":
            value = {"true": True, "false": False}.get(setting.text)
        else:
            value = _literal(evaluator, setting.text)
        if value is not None and _is_of_type(statement.type, value):
            return value
        message = f"`{name}` needs {_TYPES[statement.type]}, and was given `{setting.text[:60]}`"
        hint = f"give {_TYPES[statement.type]}, as in `--set {name}={_EXAMPLES[statement.type]}`"
        evaluator.work.report(
            Diagnostic("E206", message, statement.name_span, "declared here", help=(hint,))
        )
        return POISON

    def _given_model(
        self, evaluator: Evaluating, statement: Param, name: str, setting: Setting
    ) -> Meaning:
        """A source that the command line names; its label is the parameter's name."""
        if not setting.text:
            message = f"`{name}` needs a model, and was given nothing"
            hint = f"give a path or a reference, as in `--set {name}=./base`"
            at = statement.name_span
            evaluator.work.report(Diagnostic("E206", message, at, "declared here", help=(hint,)))
            return POISON
        ref = setting.text
        if setting.folder is not None:
            ref = moved(ref, os.path.relpath(setting.folder, self.root).replace(os.sep, "/"))
        self.values[name] = self.taken[name] = ref
        ref, revision = split_revision(ref)
        return evaluator.work.sources.add(statement.name, ref, revision, statement.span)


_EXAMPLES = {"number": "0.5", "int": "1", "bool": "true"}


def _is_of_type(type: str, value: Meaning) -> bool:
    checks: dict[str, Callable[[Meaning], bool]] = {
        "number": lambda v: isinstance(v, Fraction),
        "int": lambda v: isinstance(v, Fraction) and v.denominator == 1,
        "text": lambda v: isinstance(v, str),
        "bool": lambda v: isinstance(v, bool),
        "model": lambda v: isinstance(v, Weights) and v.mass == 1,
    }
    return checks[type](value)


def _literal(evaluator: Evaluating, text: str) -> Meaning | None:
    """The value of a literal, or of arithmetic on literals; None if `text` is neither."""
    parsed = parse_spec(SourceText("value", f"value = {text}"))
    statements = parsed.spec.statements
    if parsed.diagnostics or len(statements) != 1 or not isinstance(statements[0], Binding):
        return None
    found = len(evaluator.work.found)
    empty = Scope(evaluator.scope.module.empty())
    with evaluator.within(empty):
        value = evaluator.meaning(statements[0].expr)
    wrong = len(evaluator.work.found) > found
    del evaluator.work.found[found:]  # said by the caller, who knows whose value it is
    return None if wrong or isinstance(value, Poison) else value


def _unbound(statement: Param, name: str) -> Diagnostic:
    example = {"model": "./base", "text": "word", **_EXAMPLES}[statement.type]
    message = f"the parameter `{name}` has no value"
    hint = f"give it one, as in `--set {name}={example}`"
    return Diagnostic("E221", message, statement.name_span, help=(hint,))


def _within(value: Fraction, bounds: tuple[Fraction | None, Fraction | None]) -> bool:
    low, high = bounds
    return (low is None or low <= value) and (high is None or value <= high)


def _out_of_bounds(
    statement: Param,
    value: Fraction,
    bounds: tuple[Fraction | None, Fraction | None],
    given: str | None,
) -> Diagnostic:
    low, high = bounds
    parts = [f"at least {shown(low)}"] if low is not None else []
    parts += [f"at most {shown(high)}"] if high is not None else []
    message = f"`{statement.name}` must be {' and '.join(parts)}"
    at = statement.default.span if given is None and statement.default else statement.name_span
    label = f"this is {shown(value)}" if given is None else f"was given {shown(value)}"
    hint = "write a value in that range, or a wider range"
    return Diagnostic("E203", message, at, label, help=(hint,))


def _text(value: Meaning) -> str:
    """A parameter's value as it can be given again."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Fraction):
        return print_decimal(value)
    return value if isinstance(value, str) else ""
