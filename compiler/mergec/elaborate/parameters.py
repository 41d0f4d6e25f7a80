"""Check the keyword parameters of one call against what the operator declares."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from mergec.diagnostics import Diagnostic, Label, Span
from mergec.diagnostics.suggest import suggestion_help
from mergec.elaborate.values import POISON, Literal, Meaning, Poison
from mergec.ir import Value, print_decimal
from mergec.ops import Operator, Parameter
from mergec.syntax.nodes import Call, Expr, Keyword, ListLiteral, Name

Report = Callable[[Diagnostic], None]
Evaluate = Callable[[Expr], Meaning]


def check_parameters(
    operator: Operator, call: Call, operands: int, evaluate: Evaluate, report: Report
) -> dict[str, Value] | Poison:
    """Every parameter's value, defaults filled in; POISON after reporting what is wrong.

    `operands` is the number of operands after the base: the length of per-operand lists.
    """
    given = _by_name(operator, call.keywords, report)
    if isinstance(given, Poison):
        return POISON
    params: dict[str, Value] = {}
    sound = True
    for parameter in operator.parameters:
        keyword = given.get(parameter.name)
        value = (
            _default(operator, parameter, call, report)
            if keyword is None
            else _given(parameter, keyword, operands, evaluate, report)
        )
        if isinstance(value, Poison):
            sound = False
        else:
            params[parameter.name] = value
    if not sound:
        return POISON
    objection = operator.check(params)
    if objection is None:
        return params
    at = given[objection.parameter].value.span if objection.parameter in given else call.span
    report(Diagnostic(objection.code, objection.message, at, help=(objection.help,)))
    return POISON


def _by_name(
    operator: Operator, keywords: Sequence[Keyword], report: Report
) -> Mapping[str, Keyword] | Poison:
    given: dict[str, Keyword] = {}
    sound = True
    for keyword in keywords:
        if operator.parameter(keyword.name) is None:
            known = [p.name for p in operator.parameters]
            hint = suggestion_help(keyword.name, known, f"parameters of `{operator.name}`")
            message = f"`{operator.name}` has no parameter `{keyword.name}`"
            report(Diagnostic("E204", message, keyword.name_span, help=(hint,)))
            sound = False
        elif keyword.name in given:
            first = Label(given[keyword.name].span, "given first here")
            message = f"`{keyword.name}` is given twice"
            report(Diagnostic("E207", message, keyword.span, labels=(first,), help=("keep one",)))
            sound = False
        else:
            given[keyword.name] = keyword
    return given if sound else POISON


def _default(operator: Operator, parameter: Parameter, call: Call, report: Report) -> Value | Poison:
    if not parameter.required:
        return parameter.default  # type: ignore[return-value]  # not the marker, as just checked
    example = {"number": "0.5", "int": "0", "text": '"text"', "bool": "true"}
    value = example.get(parameter.kind) or parameter.words[0]
    message = f"`{operator.name}` needs `{parameter.name}`, {parameter.doc}"
    hint = f"add `{parameter.name}={value}`"
    report(Diagnostic("E205", message, call.func_span, help=(hint,)))
    return POISON


def _given(
    parameter: Parameter, keyword: Keyword, operands: int, evaluate: Evaluate, report: Report
) -> Value | Poison:
    written = keyword.value
    if parameter.kind == "word":
        return _word(parameter, written, report)
    if not isinstance(written, ListLiteral):
        return _single(parameter, evaluate(written), written.span, report)
    if not parameter.per_operand:
        message = f"`{parameter.name}` takes one value, not a list"
        hint = f"write one value, such as `{parameter.name}=0.5`"
        report(Diagnostic("E206", message, written.span, help=(hint,)))
        return POISON
    if len(written.items) != operands:
        message = f"`{parameter.name}` has {len(written.items)} values for {operands} operands"
        hint = "write one value for each operand after the base, or a single number for all"
        report(Diagnostic("E212", message, written.span, help=(hint,)))
        return POISON
    items = [_single(parameter, evaluate(item), item.span, report) for item in written.items]
    sound = tuple(item for item in items if not isinstance(item, Poison))
    if len(sound) != len(items):
        return POISON
    # `[0.5, 0.5]` says the same as `0.5`, so it gets the same key.
    return sound[0] if len(set(sound)) == 1 else sound


def _word(parameter: Parameter, written: Expr, report: Report) -> Value | Poison:
    if isinstance(written, Name) and written.id in parameter.words:
        return written.id
    said = written.id if isinstance(written, Name) else written.span.text
    message = f"`{parameter.name}` cannot be `{said}`"
    hint = suggestion_help(said, parameter.words, f"values of `{parameter.name}`")
    report(Diagnostic("E206", message, written.span, help=(hint,)))
    return POISON


def _single(parameter: Parameter, value: Meaning, span: Span, report: Report) -> Value | Poison:
    if isinstance(value, Poison):
        return POISON
    wanted = {"number": "a number", "int": "a whole number", "text": "a text", "bool": "a bool"}
    kinds = {"number": Fraction, "int": Fraction, "text": str, "bool": bool}
    if not isinstance(value, kinds[parameter.kind]) or (
        parameter.kind == "int" and Fraction(str(value)).denominator != 1
    ):
        message = f"`{parameter.name}` needs {wanted[parameter.kind]}"
        hint = f"see `{parameter.name}`: {parameter.doc}"
        label = f"this is {describe(value)}"
        report(Diagnostic("E206", message, span, label, help=(hint,)))
        return POISON
    if isinstance(value, Fraction) and not _in_range(parameter, value):
        report(_out_of_range(parameter, value, span))
        return POISON
    return value  # type: ignore[return-value]  # one of the kinds just checked


def _in_range(parameter: Parameter, value: Fraction) -> bool:
    low, high = parameter.lo, parameter.hi
    if low is not None and (value < low or (parameter.lo_open and value == low)):
        return False
    return high is None or value <= high


def _out_of_range(parameter: Parameter, value: Fraction, span: Span) -> Diagnostic:
    low, high = parameter.lo, parameter.hi
    parts: list[str] = []
    if low is not None:
        parts.append(f"{'greater than' if parameter.lo_open else 'at least'} {print_decimal(low)}")
    if high is not None:
        parts.append(f"at most {print_decimal(high)}")
    message = f"`{parameter.name}` must be {' and '.join(parts)}"
    hint = "write a value in that range"
    notes = (f"`{parameter.name}` is the {parameter.doc}",)
    if parameter.name == "density":
        notes = ("density is the share of each task vector that is kept, not dropped",)
        hint = "to keep the largest 30 % of entries write `density=0.3`"
    return Diagnostic(
        "E203", message, span, f"this is {print_decimal(value)}", notes=notes, help=(hint,)
    )


def describe(value: Literal | Meaning) -> str:
    """What a value is, in the words of messages."""
    if isinstance(value, bool):
        return f"the bool `{str(value).lower()}`"
    if isinstance(value, Fraction):
        return f"the number {print_decimal(value)}"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, tuple):
        return "a list"
    return {"Weights": "weights", "Bytes": "a size"}.get(type(value).__name__, "something else")
