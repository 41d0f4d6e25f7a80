"""Expressions as text: on one line where they fit, else one argument, stage or term a line."""

from collections.abc import Sequence

from mergec.syntax.attach import Attached, Item, stages, terms
from mergec.syntax.literals import number_text, string_text
from mergec.syntax.nodes import (
    Binary,
    Bool,
    Call,
    Export,
    Expr,
    Keyword,
    ListLiteral,
    Name,
    Negate,
    Number,
    Pipe,
    Size,
    Text,
)

WIDTH = 100
_PIPE, _SUM, _PRODUCT, _UNARY = range(4)
"""How tightly the operators bind."""


def one_line(expr: Expr) -> str:
    """`expr` on one line, with the fewest brackets, whatever its length."""
    match expr:
        case Name():
            return expr.id
        case Number():
            return number_text(expr.value)
        case Size():
            return number_text(expr.count) + expr.unit
        case Text():
            return string_text(expr.value)
        case Bool():
            return "true" if expr.value else "false"
        case ListLiteral():
            return f"[{', '.join([one_line(item) for item in expr.items])}]"
        case Negate():
            return "-" + _bracketed(one_line(expr.operand), expr.operand, _UNARY)
        case Binary():
            level = _SUM if expr.op in "+-" else _PRODUCT
            sign = f" {expr.op} " if level == _SUM else expr.op
            left = _bracketed(one_line(expr.left), expr.left, level)
            return left + sign + _bracketed(one_line(expr.right), expr.right, level + 1)
        case Call():
            return _call(expr)
        case Pipe():
            return (
                f"{_bracketed(one_line(expr.left), expr.left, _head(expr))} |> {_call(expr.call)}"
            )


def layout(expr: Expr, attached: Attached, indent: int, column: int, tail: int) -> str:
    """`expr` as it is printed from `column` on, lines after the first indented by `indent` or more.

    `tail` is the number of characters that follow on the last line.
    """
    if id(expr) not in attached.broken:
        flat = one_line(expr)
        if column + len(flat) + tail <= WIDTH:
            return flat
    match expr:
        case Call():
            items = (*expr.operands, *expr.keywords)
            split = len(expr.operands) if expr.keywords and len(expr.operands) > 1 else 0
            return expr.func + _group("(", items, ")", expr, attached, indent, split)
        case ListLiteral():
            return _group("[", expr.items, "]", expr, attached, indent)
        case Pipe():
            return _pipe(expr, attached, indent, column)
        case Binary(op="+" | "-"):
            return _sum(expr, attached, indent, column)
        case Binary():
            left = _bracketed(layout(expr.left, attached, indent, column, 1), expr.left, _PRODUCT)
            start = column + len(left.rpartition("\n")[2]) + 1
            right = layout(expr.right, attached, indent, start, tail)
            return left + expr.op + _bracketed(right, expr.right, _UNARY)
        case Negate():
            operand = layout(expr.operand, attached, indent, column + 1, tail)
            return "-" + _bracketed(operand, expr.operand, _UNARY)
        case _:
            return one_line(expr)


def settings(export: Export, attached: Attached, column: int) -> str:
    """The settings of an export, from `{` on; `column` is where they begin."""
    if not export.settings:
        return ""
    flat = ", ".join([f"{each.name} = {one_line(each.value)}" for each in export.settings])
    text = f"{{ {flat} }}"
    commented = id(export) in attached.dangling or any(
        id(each) in attached.leading or id(each) in attached.trailing for each in export.settings
    )
    if column + len(text) <= WIDTH and not commented:
        return text
    return _group("{", export.settings, "}", export, attached, 0)


def _group(
    opener: str,
    items: Sequence[Item],
    closer: str,
    group: Expr | Export,
    attached: Attached,
    indent: int,
    split: int = 0,
) -> str:
    """One item a line between brackets, with its comments; `;` follows `split` of them."""
    if not items and id(group) not in attached.dangling:
        return opener + closer
    inner = " " * (indent + 4)
    equals = " = " if opener == "{" else "="
    lines: list[str] = []
    for number, item in enumerate(items, 1):
        lines += [inner + comment for comment in attached.leading.get(id(item), ())]
        start = ""
        value: Expr
        if isinstance(item, Keyword):
            start, value = item.name + equals, item.value
        else:
            value = item
        text = start + layout(value, attached, indent + 4, indent + 4 + len(start), 1)
        sign = ";" if number == split else ","
        lines.append(inner + text + sign + _after(item, attached))
    lines += [inner + comment for comment in attached.dangling.get(id(group), ())]
    return "\n".join([opener, *lines, " " * indent + closer])


def _pipe(expr: Pipe, attached: Attached, indent: int, column: int) -> str:
    head, *calls = stages(expr)
    text = _bracketed(layout(head, attached, indent, column, 0), head, _PRODUCT) + _after(
        head, attached
    )
    return text + "".join(
        _line(call, "|> ", layout(call, attached, indent + 2, indent + 5, 0), attached, indent + 2)
        for call in calls
    )


def _sum(expr: Binary, attached: Attached, indent: int, column: int) -> str:
    (_, first), *others = terms(expr)
    text = _bracketed(layout(first, attached, indent, column, 0), first, _SUM)
    text += _after(first, attached)
    for sign, term in others:
        inner = layout(term, attached, indent + 4, indent + 6, 0)
        text += _line(term, sign + " ", _bracketed(inner, term, _PRODUCT), attached, indent + 4)
    return text


def _line(item: Expr, sign: str, text: str, attached: Attached, indent: int) -> str:
    """A stage or term on a line of its own, its comments before and after it."""
    start = "\n" + " " * indent
    leading = "".join(start + comment for comment in attached.leading.get(id(item), ()))
    return leading + start + sign + text + _after(item, attached)


def _after(item: Item, attached: Attached) -> str:
    return f"  {attached.trailing[id(item)]}" if id(item) in attached.trailing else ""


def _call(call: Call) -> str:
    """Operands and keywords are split by `;` if there are two operands or more, else by `,`."""
    operands = ", ".join([one_line(operand) for operand in call.operands])
    keywords = ", ".join([f"{each.name}={one_line(each.value)}" for each in call.keywords])
    sign = "; " if len(call.operands) > 1 else ", "
    return f"{call.func}({sign.join([part for part in (operands, keywords) if part])})"


def _head(pipe: Pipe) -> int:
    """A chain of pipes is read from the left; a sum before it gets brackets to be seen as one."""
    return _PIPE if isinstance(pipe.left, Pipe) else _PRODUCT


def _bracketed(text: str, expr: Expr, at_least: int) -> str:
    """`text` in brackets if `expr` binds less tightly than `at_least`."""
    return f"({text})" if _level(expr) < at_least else text


def _level(expr: Expr) -> int:
    match expr:
        case Pipe():
            return _PIPE
        case Binary():
            return _SUM if expr.op in "+-" else _PRODUCT
        case Negate():
            return _UNARY
        case _:
            return _UNARY + 1
