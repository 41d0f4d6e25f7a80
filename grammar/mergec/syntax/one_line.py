"""Expressions and selectors on one line, with the fewest brackets."""

import re
from enum import IntEnum

from mergec.syntax.literals import number_text, string_text
from mergec.syntax.nodes import (
    Arm,
    Binary,
    Bool,
    Both,
    Call,
    Compare,
    DefParameter,
    Either,
    Expr,
    Glob,
    Layers,
    ListLiteral,
    Logic,
    Match,
    Name,
    Negate,
    Not,
    Number,
    Pipe,
    Range,
    Renaming,
    Role,
    Selection,
    Selector,
    Size,
    Slice,
    Spread,
    Text,
    Without,
)


class Level(IntEnum):
    """How tightly an expression binds."""

    OR = 0
    AND = 1
    NOT = 2
    COMPARISON = 3
    PIPE = 4
    SUM = 5
    PRODUCT = 6
    UNARY = 7
    ATOM = 8


# After these, `not` is read as a name.
_NAME_BEFORE = re.compile(r"[-\[]|(?:as|from|to|and|or)(?![A-Za-z0-9_])")


def one_line(expr: Expr) -> str:
    """`expr` on one line, whatever its length."""
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
        case Negate() | Not() | Spread():
            return prefixed(expr, one_line(expr.operand))
        case Binary() | Compare() | Logic():
            sign = expr.op if level(expr) is Level.PRODUCT else f" {expr.op} "
            return (
                first_side(expr, one_line(expr.left)) + sign + last_side(expr, one_line(expr.right))
            )
        case Call():
            return _call(expr)
        case Pipe():
            return f"{head_side(expr.left, one_line(expr.left))} |> {_call(expr.call)}"
        case Slice():
            return sliced(expr, one_line(expr.value))
        case Selection():
            return selector_text(expr.selector)
        case Renaming():
            return f"{string_text(expr.old.value)} => {string_text(expr.new.value)}"
        case Match():
            arms = [arm_head(arm) + one_line(arm.value) for arm in expr.arms]
            return f"match {{ {', '.join(arms)} }}"


def selector_text(selector: Selector) -> str:
    """A selector on one line."""
    match selector:
        case Role():
            return selector.name
        case Glob():
            return string_text(selector.pattern)
        case Layers():
            return f"layers({_range(selector.range)})"
        case Without():
            inner = selector_text(selector.inner)
            return f"!({inner})" if isinstance(selector.inner, Both | Either) else f"!{inner}"
        case Both():
            left, right = selector_text(selector.left), selector_text(selector.right)
            left = f"({left})" if isinstance(selector.left, Either) else left
            right = f"({right})" if isinstance(selector.right, Both | Either) else right
            return f"{left} & {right}"
        case Either():
            left, right = selector_text(selector.left), selector_text(selector.right)
            right = f"({right})" if isinstance(selector.right, Either) else right
            return f"{left} | {right}"


def arm_head(arm: Arm) -> str:
    """What stands before the value of an arm: `attn => `."""
    return "else => " if arm.selector is None else f"{selector_text(arm.selector)} => "


def parameter_text(parameter: DefParameter, rest: DefParameter | None) -> str:
    """A parameter of a macro whose rest is `rest`."""
    if parameter is rest:
        return f"*{parameter.name}"
    default = parameter.default
    return parameter.name if default is None else f"{parameter.name}={one_line(default)}"


def prefixed(expr: Negate | Not | Spread, operand: str) -> str:
    """`expr` whose operand is printed as `operand`."""
    if isinstance(expr, Not):
        if _NAME_BEFORE.match(operand):
            return f"not ({operand})"
        return "not " + bracketed(operand, expr.operand, Level.NOT)
    sign = "-" if isinstance(expr, Negate) else "*"
    return sign + bracketed(operand, expr.operand, Level.UNARY)


def first_side(expr: Binary | Compare | Logic, text: str) -> str:
    """`text`, which is what stands on the left of `expr`, in brackets if it needs them."""
    return chain_head(expr, expr.left, text)


def chain_head(expr: Binary | Compare | Logic, head: Expr, text: str) -> str:
    """`text`, which is the first of a chain of operators as in `expr`, in brackets if needed."""
    if _unlike(expr, head):
        return f"({text})"
    return bracketed(text, head, level(expr) + isinstance(expr, Compare))


def last_side(expr: Binary | Compare | Logic, text: str) -> str:
    """`text`, which is what stands on the right of `expr`, in brackets if it needs them."""
    return bracketed(text, expr.right, level(expr) + 1)


def head_side(head: Expr, text: str) -> str:
    """`text`, which goes into a pipe; a sum gets brackets to be seen as one."""
    return text if isinstance(head, Pipe) else bracketed(text, head, Level.PRODUCT)


def sliced(expr: Slice, value: str) -> str:
    """`expr` whose value is printed as `value`."""
    return f"{bracketed(value, expr.value, Level.ATOM)}[{_range(expr.range)}]"


def bracketed(text: str, expr: Expr, at_least: int) -> str:
    """`text` in brackets if `expr` binds less tightly than `at_least`."""
    return f"({text})" if level(expr) < at_least else text


def level(expr: Expr) -> Level:
    """How tightly `expr` binds."""
    match expr:
        case Logic():
            return Level.OR if expr.op == "or" else Level.AND
        case Not():
            return Level.NOT
        case Compare():
            return Level.COMPARISON
        case Pipe():
            return Level.PIPE
        case Binary():
            return Level.PRODUCT if expr.op in ("*", "/") else Level.SUM
        case Negate():
            return Level.UNARY
        case _:
            return Level.ATOM


def _unlike(expr: Expr, head: Expr) -> bool:
    """Whether a stack stands in a sum or a sum in a stack: they do not mix without brackets."""
    if not (isinstance(expr, Binary) and isinstance(head, Binary)):
        return False
    both_sums = level(expr) is Level.SUM and level(head) is Level.SUM
    return both_sums and (expr.op == "++") is not (head.op == "++")


def _call(call: Call) -> str:
    """Operands and keywords are split by `;` if there are two operands or more, else by `,`."""
    operands = ", ".join([one_line(operand) for operand in call.operands])
    keywords = ", ".join([f"{each.name}={one_line(each.value)}" for each in call.keywords])
    sign = "; " if len(call.operands) > 1 else ", "
    return f"{call.func}({sign.join([part for part in (operands, keywords) if part])})"


def _range(layers: Range) -> str:
    return f"{_bound(layers.lo)}..{_bound(layers.hi)}"


def _bound(bound: Expr | None) -> str:
    if bound is None:
        return ""
    text = one_line(bound)
    return text if isinstance(bound, Name | Number) else f"({text})"
