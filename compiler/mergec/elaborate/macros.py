"""Calls of macros: the body of a `def`, evaluated with the operands of the call."""

from dataclasses import replace

from mergec.diagnostics import Diagnostic, Label
from mergec.elaborate.evaluating import Evaluating, Operands
from mergec.elaborate.parameters import keywords_by_name
from mergec.elaborate.scope import Macro, Module, Scope
from mergec.elaborate.values import POISON, Meaning, Poison, Rest
from mergec.syntax.nodes import Call, Def


def expand(evaluator: Evaluating, macro: Macro, call: Call, operands: Operands) -> Meaning:
    """The meaning of a macro's body, or POISON after reporting what is wrong with the call.

    The body sees its parameters and the names of the spec that defines it, and nothing of the
    caller. What is found in it is shown there and at the call.
    """
    statement = macro.statement
    local = _bound(evaluator, macro, call, operands)
    if local is None or not macro.sound:
        return POISON
    scope = Scope(macro.home, local, above=macro.number)
    with evaluator.work.expanding(call.func, call.span), evaluator.within(scope):
        return evaluator.meaning(statement.expr)


def define(evaluator: Evaluating, statement: Def, home: Module) -> None:
    """Check a macro's body once with unknown operands, and make it known.

    Mistakes that no call can mend are found here, also in a macro that nothing calls.
    """
    names = [
        *statement.operands,
        *([statement.rest] if statement.rest else []),
        *statement.keywords,
    ]
    local: dict[str, Meaning] = {}
    for parameter in names:
        if parameter.name in local:
            message = f"`{statement.name}` has two parameters `{parameter.name}`"
            hint = f"give one another name, such as `{parameter.name}_2`"
            first = next(each for each in names if each.name == parameter.name)
            labels = (Label(first.span, "the first one"),)
            found = Diagnostic("E208", message, parameter.span, labels=labels, help=(hint,))
            evaluator.work.report(found)
        local[parameter.name] = POISON
    for parameter in statement.keywords:
        assert parameter.default is not None
        evaluator.meaning(parameter.default)
    if statement.rest is not None:
        local[statement.rest.name] = Rest(((statement.expr, POISON),))
    # A macro sees only what stands above it, so it can reach itself by its own name alone.
    macro = Macro(statement, home, len(home.macros))
    home.macros[statement.name] = replace(macro, sound=False)  # so it stays after a limit
    wrong = _mistakes(evaluator, home)
    with evaluator.within(Scope(home, local, above=macro.number, defining=statement.name)):
        evaluator.meaning(statement.expr)
    if _mistakes(evaluator, home) == wrong:
        home.macros[statement.name] = macro


def _mistakes(evaluator: Evaluating, home: Module) -> int:
    return evaluator.work.errors + len(home.unknown)


def refuse_recursion(evaluator: Evaluating, call: Call) -> Poison:
    """E219 for a macro that calls itself in its own body; an operator of its name is none."""
    message = f"the macro `{call.func}` calls itself"
    hint = "write out what it should come to; a macro is no loop"
    evaluator.work.report(
        Diagnostic("E219", message, call.func_span, "in its own body", help=(hint,))
    )
    return POISON


def _bound(
    evaluator: Evaluating, macro: Macro, call: Call, operands: Operands
) -> dict[str, Meaning] | None:
    """The parameters' values by name; None after reporting E209, E204 or E207."""
    statement, work = macro.statement, evaluator.work
    known = [parameter.name for parameter in statement.keywords]
    given = keywords_by_name(call.func, known, call.keywords, work.report)
    values = {name: evaluator.meaning(keyword.value) for name, keyword in given.sound.items()}
    count, rest = len(statement.operands), statement.rest
    if len(operands) < count or (len(operands) > count and rest is None):
        exactly = "exactly" if rest is None else "at least"
        message = f"`{call.func}` takes {exactly} {count} operand{'s' * (count != 1)}, not "
        hint = f"its signature is `{macro.signature()}`"
        work.report(Diagnostic("E209", f"{message}{len(operands)}", call.span, help=(hint,)))
        return None
    if len(given.sound) < len(call.keywords):
        return None
    local: dict[str, Meaning] = {}
    for parameter, (_, value) in zip(statement.operands, operands, strict=False):
        local[parameter.name] = value
    if rest is not None:
        local[rest.name] = Rest(tuple(operands[count:]))
    with evaluator.within(Scope(macro.home, above=macro.number)):
        for parameter in statement.keywords:
            if parameter.name in values:
                local[parameter.name] = values[parameter.name]
            elif parameter.default is not None:
                local[parameter.name] = evaluator.meaning(parameter.default)
    return local
