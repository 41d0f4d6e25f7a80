"""Walks over syntax trees that do not recurse."""

from mergec.syntax.nodes import (
    Arm,
    Binary,
    Both,
    Call,
    Compare,
    Def,
    Either,
    Export,
    Expr,
    Layers,
    ListLiteral,
    Logic,
    Match,
    Negate,
    Not,
    Param,
    Pipe,
    Range,
    Renaming,
    Require,
    Selection,
    Selector,
    Slice,
    Spread,
    Statement,
    Use,
    Without,
)

Part = Expr | Selector


def parts(node: Part) -> tuple[Part, ...]:
    """The expressions and selectors directly inside `node`, in the order of the text."""
    match node:
        case Negate() | Not() | Spread():
            return (node.operand,)
        case Binary() | Compare() | Logic() | Both() | Either():
            return (node.left, node.right)
        case ListLiteral():
            return node.items
        case Call():
            return (*node.operands, *(keyword.value for keyword in node.keywords))
        case Pipe():
            return (node.left, node.call)
        case Slice():
            return (node.value, *_bounds(node.range))
        case Layers():
            return _bounds(node.range)
        case Without():
            return (node.inner,)
        case Selection():
            return (node.selector,)
        case Renaming():
            return (node.old, node.new)
        case Match():
            return tuple(part for arm in node.arms for part in _arm(arm))
        case _:
            return ()


def children(expr: Expr) -> tuple[Expr, ...]:
    """The expressions directly inside `expr`; those in its selectors are bounds of layer ranges."""
    found: list[Expr] = []
    waiting = list(reversed(parts(expr)))
    while waiting:
        part = waiting.pop()
        if isinstance(part, Selector):
            waiting += reversed(parts(part))
        else:
            found.append(part)
    return tuple(found)


def expressions(statement: Statement) -> tuple[Expr, ...]:
    """The expressions that stand in no other one, in the order of the text."""
    match statement:
        case Export():
            return (statement.expr, *(setting.value for setting in statement.settings))
        case Param():
            return tuple(each for each in (statement.default, statement.lo, statement.hi) if each)
        case Def():
            defaults = (each.default for each in statement.keywords if each.default)
            return (*defaults, statement.expr)
        case Require():
            return (statement.condition,)
        case Use():
            return ()
        case _:
            return (statement.expr,)


def height(expr: Expr) -> int:
    """How many nodes lie on the longest way from `expr` down to a name, literal or selector."""
    highest = 0
    waiting: list[tuple[Part, int]] = [(expr, 1)]
    while waiting:
        node, depth = waiting.pop()
        highest = max(highest, depth)
        waiting += [(part, depth + 1) for part in parts(node)]
    return highest


def _bounds(layers: Range) -> tuple[Expr, ...]:
    return tuple(bound for bound in (layers.lo, layers.hi) if bound is not None)


def _arm(arm: Arm) -> tuple[Part, ...]:
    return (arm.value,) if arm.selector is None else (arm.selector, arm.value)
