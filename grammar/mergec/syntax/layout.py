"""Expressions as text: on one line where they fit, else one argument, arm, stage or term a line."""

from collections.abc import Sequence

from mergec.syntax.attach import Attached, Group, Item, stages, terms
from mergec.syntax.nodes import (
    Arm,
    Binary,
    Call,
    Compare,
    Def,
    DefParameter,
    Export,
    Expr,
    Keyword,
    ListLiteral,
    Logic,
    Match,
    Negate,
    Not,
    Pipe,
    Slice,
    Spread,
)
from mergec.syntax.one_line import (
    Level,
    arm_head,
    bracketed,
    chain_head,
    first_side,
    head_side,
    last_side,
    level,
    one_line,
    parameter_text,
    prefixed,
    sliced,
)

WIDTH = 100


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
        case Match():
            return "match " + _group("{", expr.arms, "}", expr, attached, indent)
        case Pipe():
            return _pipe(expr, attached, indent, column)
        case Binary(op="+" | "-" | "++") | Logic():
            return _chain(expr, attached, indent, column)
        case Binary() | Compare():
            sign = f" {expr.op} " if isinstance(expr, Compare) else expr.op
            left = first_side(expr, layout(expr.left, attached, indent, column, len(sign)))
            start = column + len(left.rpartition("\n")[2]) + len(sign)
            return left + sign + last_side(expr, layout(expr.right, attached, indent, start, tail))
        case Negate() | Not() | Spread():
            start = column + len(prefixed(expr, "")) + 1
            return prefixed(expr, layout(expr.operand, attached, indent, start, tail))
        case Slice():
            layers = len(sliced(expr, ""))
            return sliced(expr, layout(expr.value, attached, indent, column, tail + layers))
        case _:
            return one_line(expr)


def settings(export: Export, attached: Attached, column: int) -> str:
    """The settings of an export, from `{` on; `column` is where they begin."""
    if not export.settings:
        return ""
    flat = ", ".join([f"{each.name} = {one_line(each.value)}" for each in export.settings])
    text = f"{{ {flat} }}"
    if column + len(text) <= WIDTH and not _commented(export, export.settings, attached):
        return text
    return _group("{", export.settings, "}", export, attached, 0)


def parameters(define: Def, attached: Attached, column: int) -> str:
    """The parameters of a macro, in brackets; `column` is where they begin."""
    items = define.parameters
    text = f"({', '.join([parameter_text(each, define.rest) for each in items])})"
    if column + len(text) + 2 <= WIDTH and not _commented(define, items, attached):
        return text
    return _group("(", items, ")", define, attached, 0)


def _commented(group: Group, items: Sequence[Item], attached: Attached) -> bool:
    return id(group) in attached.dangling or any(
        id(each) in attached.leading or id(each) in attached.trailing for each in items
    )


def _group(
    opener: str,
    items: Sequence[Item],
    closer: str,
    group: Group,
    attached: Attached,
    indent: int,
    split: int = 0,
) -> str:
    """One item a line between brackets, with its comments; `;` follows `split` of them."""
    if not items and id(group) not in attached.dangling:
        return opener + closer
    inner = " " * (indent + 4)
    lines: list[str] = []
    for number, item in enumerate(items, 1):
        lines += [inner + comment for comment in attached.leading.get(id(item), ())]
        start, value = _split(item, group)
        text = start
        if value is not None:
            text += layout(value, attached, indent + 4, indent + 4 + len(start), 1)
        sign = ";" if number == split else ","
        lines.append(inner + text + sign + _after(item, attached))
    lines += [inner + comment for comment in attached.dangling.get(id(group), ())]
    return "\n".join([opener, *lines, " " * indent + closer])


def _split(item: Item, group: Group) -> tuple[str, Expr | None]:
    """The head of an item, such as `k=` or `attn => `, and the expression after it."""
    match item:
        case Keyword():
            return item.name + (" = " if isinstance(group, Export) else "="), item.value
        case Arm():
            return arm_head(item), item.value
        case DefParameter():
            if item.default is not None:
                return f"{item.name}=", item.default
            rest = group.rest if isinstance(group, Def) else None
            return parameter_text(item, rest), None
        case _:
            return "", item


def _pipe(expr: Pipe, attached: Attached, indent: int, column: int) -> str:
    head, *calls = stages(expr)
    text = head_side(head, layout(head, attached, indent, column, 0)) + _after(head, attached)
    return text + "".join(
        _line(call, "|> ", layout(call, attached, indent + 2, indent + 5, 0), attached, indent + 2)
        for call in calls
    )


def _chain(expr: Binary | Logic, attached: Attached, indent: int, column: int) -> str:
    (_, first), *others = terms(expr)
    text = chain_head(expr, first, layout(first, attached, indent, column, 0))
    text += _after(first, attached)
    tighter = Level(level(expr) + 1)
    for op, term in others:
        sign = op + " "
        inner = layout(term, attached, indent + 4, indent + 4 + len(sign), 0)
        text += _line(term, sign, bracketed(inner, term, tighter), attached, indent + 4)
    return text


def _line(item: Expr, sign: str, text: str, attached: Attached, indent: int) -> str:
    """A stage or term on a line of its own, its comments before and after it."""
    start = "\n" + " " * indent
    leading = "".join(start + comment for comment in attached.leading.get(id(item), ()))
    return leading + start + sign + text + _after(item, attached)


def _after(item: Item, attached: Attached) -> str:
    return f"  {attached.trailing[id(item)]}" if id(item) in attached.trailing else ""
