"""Check the keyword parameters of one call against what the operator declares."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from mergec.diagnostics import Diagnostic, Label, Span
from mergec.diagnostics.suggest import suggestion_help
from mergec.elaborate.values import POISON, Meaning, Poison
from mergec.elaborate.wording import describe, quoted, shown
from mergec.frozen import frozen
from mergec.ir import Schedule, Value, is_scheduled, print_decimal
from mergec.ir.schedule import Choice, Ramp
from mergec.ops import Operator, Parameter
from mergec.syntax.nodes import Call, Expr, Keyword, ListLiteral, Name, Text

Report = Callable[[Diagnostic], None]
Evaluate = Callable[[Expr], Meaning]

_WANTED = {"number": "a number", "int": "a whole number", "text": "a text", "bool": "a bool"}


@frozen
class Given:
    """The keywords of a call that exist and come once; `complete` if there are no others."""

    sound: Mapping[str, Keyword]
    complete: bool


def keywords_by_name(
    name: str, known: Sequence[str], keywords: Sequence[Keyword], report: Report
) -> Given:
    """The keywords of a call of `name`; reports E204 (unknown) and E207 (twice)."""
    given: dict[str, Keyword] = {}
    complete = True
    for keyword in keywords:
        first = given.get(keyword.name)
        if keyword.name not in known:
            hint = suggestion_help(keyword.name, known, f"parameters of `{name}`")
            message = f"`{name}` has no parameter `{keyword.name}`"
            report(Diagnostic("E204", message, keyword.name_span, help=(hint,)))
            complete = False
        elif first is not None:
            label = Label(first.span, "given first here")
            message = f"`{keyword.name}` is given twice"
            hint = f"keep one, such as `{quoted(first.span)}`"
            report(Diagnostic("E207", message, keyword.span, labels=(label,), help=(hint,)))
        else:
            given[keyword.name] = keyword
    return Given(given, complete)


def check_parameters(
    operator: Operator,
    call: Call,
    operands: int | None,
    evaluate: Evaluate,
    report: Report,
    *,
    is_bound: Callable[[str], bool],
    misplaced: bool = False,
) -> dict[str, Value] | Poison:
    """Every literal parameter's value, defaults filled in; POISON after reporting what is wrong.

    `operands` is the number of operands after the base, the length of per-operand lists; None if
    that is unknown because of an error in the operands. `is_bound` tells names with a value from
    words. `misplaced` says that a parameter stands
    among the operands, where it is reported; then none is missed.
    """
    known = [parameter.name for parameter in operator.parameters]
    given = keywords_by_name(operator.name, known, call.keywords, report)
    check = _Check(operands, evaluate, is_bound, report)
    params: dict[str, Value] = {}
    sound = len(given.sound) == len(call.keywords)
    for parameter in operator.parameters:
        keyword = given.sound.get(parameter.name)
        if keyword is not None and parameter.kind == "sources":
            continue  # they become operands: see `mergec.elaborate.statistics`
        if keyword is None and parameter.silent:
            continue
        if keyword is not None:
            value = check.given(parameter, keyword.value)
        elif not isinstance(parameter.default, Fraction | int | str | None):
            value = POISON
            # An unknown parameter may be this one, misspelt.
            if given.complete and not misplaced:
                report(_missing(operator, parameter, call))
        else:
            value = parameter.default
        if isinstance(value, Poison):
            sound = False
        else:
            params[parameter.name] = value
    if not sound:
        return POISON
    if any(is_scheduled(value) for value in params.values()):
        return params  # looked at together when each tensor's values are known
    objection = operator.check(params)
    if objection is None:
        return params
    found = given.sound.get(objection.parameter)
    at = found.value.span if found is not None else call.span
    number = params[objection.parameter]
    label = f"this is {shown(number)}" if isinstance(number, Fraction) else ""
    report(Diagnostic(objection.code, objection.message, at, label, help=(objection.help,)))
    return POISON


@frozen
class _Check:
    """Checks the values that are written."""

    operands: int | None
    evaluate: Evaluate
    is_bound: Callable[[str], bool]
    report: Report

    def given(self, parameter: Parameter, written: Expr) -> Value | Poison:
        """The value of one parameter; POISON after reporting E203, E206 or E212."""
        if self.operands is not None and (parameter.names_operand or parameter.counts_operands):
            most = Fraction(self.operands + parameter.counts_operands)
            parameter = replace(parameter, hi=most)
        if parameter.kind == "word":
            return self._word(parameter, written)
        if isinstance(written, ListLiteral):
            meanings: Meaning | list[Meaning] = [self.evaluate(item) for item in written.items]
            spans = [item.span for item in written.items]
        else:
            meanings = self.evaluate(written)
            spans = []
        if isinstance(meanings, tuple):  # a list that has a name
            meanings = [*meanings]
            spans = [written.span] * len(meanings)
        if not isinstance(meanings, list):
            return self._single(parameter, meanings, written.span)
        if not parameter.per_operand:
            message = f"`{parameter.name}` takes one value, not a list"
            hint = f"write one value, as in `{_example(parameter)}`"
            self.report(Diagnostic("E206", message, written.span, help=(hint,)))
            return POISON
        return self._list(parameter, meanings, spans, written.span)

    def _list(
        self, parameter: Parameter, meanings: Sequence[Meaning], spans: Sequence[Span], at: Span
    ) -> Value | Poison:
        if self.operands is not None and len(meanings) != self.operands:
            values = "1 value" if len(meanings) == 1 else f"{len(meanings)} values"
            operands = "1 operand" if self.operands == 1 else f"{self.operands} operands"
            message = f"`{parameter.name}` has {values} for {operands}"
            hint = "write one value for each operand, the base not counted, or one number for all"
            self.report(Diagnostic("E212", message, at, help=(hint,)))
            return POISON
        pairs = zip(meanings, spans, strict=True)
        items = [self._single(parameter, meaning, span) for meaning, span in pairs]
        sound = tuple(item for item in items if not isinstance(item, Poison))
        if len(sound) != len(items) or not sound:
            return POISON
        # `[0.5, 0.5]` says the same as `0.5`, so it gets the same key.
        return sound[0] if len(set(sound)) == 1 else sound

    def _word(self, parameter: Parameter, written: Expr) -> Value | Poison:
        if isinstance(written, Name) and written.id in parameter.words:
            return written.id
        # A macro passes a word on as text.
        named = isinstance(written, Name) and self.is_bound(written.id)
        value = self.evaluate(written) if named or isinstance(written, Text) else None
        if isinstance(value, str) and value in parameter.words:
            return value
        if isinstance(value, Poison):
            return POISON
        said = value if isinstance(value, str) else quoted(written.span)
        message = f"`{parameter.name}` cannot be `{said}`"
        hint = suggestion_help(said, parameter.words, f"values of `{parameter.name}`")
        self.report(Diagnostic("E206", message, written.span, help=(hint,)))
        return POISON

    def _single(self, parameter: Parameter, value: Meaning, span: Span) -> Value | Poison:
        if isinstance(value, Poison):
            return POISON
        if not _is_of_kind(parameter, value):
            message = f"`{parameter.name}` needs {_WANTED[parameter.kind]}"
            hint = f"write {_WANTED[parameter.kind]}, as in `{_example(parameter)}`"
            self.report(
                Diagnostic("E206", message, span, f"this is {describe(value)}", help=(hint,))
            )
            return POISON
        if isinstance(value, Schedule):
            outside = [each for each in _leaves(value) if not in_range(parameter, each)]
            if outside:
                self.report(out_of_range(parameter, outside[0], span))
                return POISON
            return value
        if isinstance(value, Fraction):
            if not in_range(parameter, value):
                self.report(out_of_range(parameter, value, span))
                return POISON
            return int(value) if parameter.kind == "int" else value
        assert isinstance(value, str | bool)
        return value


def _missing(operator: Operator, parameter: Parameter, call: Call) -> Diagnostic:
    message = f"`{operator.name}` needs `{parameter.name}`"
    note = f"`{parameter.name}`: {parameter.doc}"
    hint = f"add it, as in `{_example(parameter)}`"
    return Diagnostic("E205", message, call.func_span, notes=(note,), help=(hint,))


def _is_of_kind(parameter: Parameter, value: Meaning) -> bool:
    match parameter.kind:
        case "number":
            return isinstance(value, Fraction | Schedule)
        case "int":
            return isinstance(value, Fraction) and value.denominator == 1
        case "bool":
            return isinstance(value, bool)
        case _:
            return isinstance(value, str)


def _leaves(value: Schedule) -> list[Fraction]:
    """The numbers that a lone ramp or choice is made of; of any other schedule none.

    What is combined from them is checked for each tensor.
    """
    ((atoms, coefficient), *others) = value.terms
    if others or coefficient != 1 or len(atoms) != 1:
        return []
    (atom,) = atoms
    if isinstance(atom, Ramp):
        return list(atom.points)
    if not isinstance(atom, Choice):
        return []
    found: list[Fraction] = []
    for _, each in atom.arms:
        found += [each] if isinstance(each, Fraction) else _leaves(each)
    return found


def in_range(parameter: Parameter, value: Fraction) -> bool:
    """Whether `parameter` takes this value."""
    low, high = parameter.lo, parameter.hi
    if low is not None and (value < low or (parameter.lo_open and value == low)):
        return False
    return high is None or value <= high


def out_of_range(
    parameter: Parameter, value: Fraction, span: Span | None, where: str = ""
) -> Diagnostic:
    """E203 for a value of `parameter`; `where` says in which tensor, if not in all."""
    low, high = parameter.lo, parameter.hi
    parts: list[str] = []
    if low is not None:
        parts.append(f"{'greater than' if parameter.lo_open else 'at least'} {print_decimal(low)}")
    if high is not None:
        parts.append(f"at most {print_decimal(high)}")
    message = f"`{parameter.name}` must be {' and '.join(parts)}"
    notes: tuple[str, ...] = (f"`{parameter.name}`: {parameter.doc}",)
    hint = f"write a value in that range, as in `{_example(parameter)}`"
    if parameter.name == "density":
        notes = ("density is the share of each task vector that is kept, not dropped",)
        hint = "to keep the largest 30 % of entries write `density=0.3`"
    label = f"this is {shown(value)}{where}"
    return Diagnostic("E203", message, span, label, notes=notes, help=(hint,))


def _example(parameter: Parameter) -> str:
    """The parameter with a value that is legal by itself, to be pasted."""
    default = parameter.default
    if parameter.kind == "sources":
        return f'{parameter.name}=[model("./{parameter.name}-1"), model("./{parameter.name}-2")]'
    least = max(0, int(parameter.lo or 0))
    examples = {"number": "0.5", "int": f"{least}", "text": '"a"', "bool": "true"}
    value = parameter.words[0] if parameter.words else examples[parameter.kind]
    if isinstance(default, bool):
        value = str(default).lower()
    elif isinstance(default, Fraction | int):
        value = print_decimal(Fraction(default))
    return f"{parameter.name}={value}"
