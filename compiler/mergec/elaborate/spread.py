"""`*rest` among the operands of a call: those that a macro collected, or one made of each."""

from collections.abc import Iterator
from dataclasses import replace

from mergec.diagnostics import Diagnostic
from mergec.elaborate.evaluating import Evaluating, Operands
from mergec.elaborate.values import POISON, Rest
from mergec.syntax.nodes import Expr, Name, Spread
from mergec.syntax.walk import children


def spread(evaluator: Evaluating, written: Spread) -> Operands:
    """The operands that `*expr` stands for, each with the text to underline.

    `*rest` passes on what was collected. In `*dare(rest - base, density=0.1)` the expression is
    evaluated once for each operand collected, with `rest` standing for that operand, and a macro's
    parameter that is a list for the item of that operand. E113 where the expression names no rest
    argument, or several; E212 for a list of another length.
    """
    expr, scope = written.operand, evaluator.scope
    local = {name.id: scope.local.get(name.id) for name in _names(expr)}
    named = {name for name, value in local.items() if isinstance(value, Rest)}
    if len(named) != 1:
        _refuse(evaluator, written, named)
        return [(written, POISON)]
    (name,) = named
    rest = scope.local[name]
    assert isinstance(rest, Rest)
    if isinstance(expr, Name):
        return list(rest.items)
    lists = {each: value for each, value in local.items() if isinstance(value, tuple)}
    for each, items in lists.items():
        if len(items) != len(rest.items):
            _refuse_list(evaluator, written, f"`{each}`", len(items), f"`*{name}`", len(rest.items))
            return [(written, POISON)]
    found: Operands = []
    for place, (_, value) in enumerate(rest.items):
        here = {name: value, **{each: items[place] for each, items in lists.items()}}
        with evaluator.within(replace(scope, local={**scope.local, **here})):
            found.append((expr, evaluator.meaning(expr)))
    return found


def _names(expr: Expr) -> Iterator[Name]:
    waiting = [expr]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Name):
            yield each
        waiting += children(each)


def _refuse(evaluator: Evaluating, written: Spread, named: set[str]) -> None:
    text = " ".join(written.operand.span.text.split())
    if named:
        names = " and ".join(f"`{name}`" for name in sorted(named))
        message = f"`*{text}` names {names}, and it is unclear which to go through"
    else:
        message = f"`{text}` names no operands that a macro collects"
    rests = [name for name, value in evaluator.scope.local.items() if isinstance(value, Rest)]
    hint = "list the operands one by one; only a macro's `*rest` is spread"
    if rests:
        hint = f"spread the macro's rest argument, `*{rests[0]}`"
    evaluator.work.report(Diagnostic("E113", message, written.span, help=(hint,)))


def _refuse_list(
    evaluator: Evaluating, written: Spread, name: str, values: int, rest: str, operands: int
) -> None:
    message = f"{name} has {values} value{'s' * (values != 1)}, and {rest} stands for {operands}"
    hint = "write one value for each of these operands, or one number for all"
    evaluator.work.report(Diagnostic("E212", message, written.span, help=(hint,)))
