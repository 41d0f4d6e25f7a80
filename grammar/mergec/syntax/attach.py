"""Which part of a statement a comment inside it belongs to, so that formatting keeps it there."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mergec.diagnostics import Span
from mergec.syntax.nodes import (
    Arm,
    Binary,
    Call,
    Comment,
    Def,
    DefParameter,
    Export,
    Expr,
    Keyword,
    ListLiteral,
    Logic,
    Match,
    Pipe,
    Renaming,
    Selection,
    Slice,
    Statement,
)
from mergec.syntax.walk import children, expressions

Item = Expr | Keyword | Arm | DefParameter
Group = Expr | Export | Def


@dataclass(slots=True)
class Attached:
    """The comments inside one statement, by the identity of the node they belong to.

    `leading` stand on lines of their own before an item, `trailing` after it on its line,
    `dangling` before a group's closing bracket. `above` found no such place and move above the
    statement. `broken` are the nodes that hold a comment and so cannot be printed on one line.
    """

    leading: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    trailing: dict[int, str] = field(default_factory=dict[int, str])
    dangling: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    above: list[str] = field(default_factory=list[str])
    broken: set[int] = field(default_factory=set[int])


def attach(statement: Statement, comments: Sequence[Comment]) -> Attached:
    """Places `comments`, all of which lie inside `statement`, in their order."""
    attached = Attached()
    for comment in comments:
        _place(statement, comment, attached)
    return attached


def terms(expr: Expr) -> list[tuple[str, Expr]]:
    """The terms of a chain of one operator (or of `+` and `-`), each with the sign before it.

    The first has none; an expression that is no chain is its own first term.
    """
    signs = _chained(expr)
    found: list[tuple[str, Expr]] = []
    while isinstance(expr, Binary | Logic) and expr.op in signs:
        found.append((expr.op, expr.right))
        expr = expr.left
    return [("", expr), *reversed(found)]


def stages(pipe: Pipe) -> list[Expr]:
    """The head of a chain of pipes and the calls it goes through."""
    found: list[Expr] = [pipe.call]
    left = pipe.left
    while isinstance(left, Pipe):
        found.append(left.call)
        left = left.left
    return [left, *reversed(found)]


def _chained(expr: Expr) -> tuple[str, ...]:
    """The operators of the chain that `expr` is, which stands one term a line when broken."""
    match expr:
        case Binary(op="+" | "-"):
            return ("+", "-")
        case Binary(op="++") | Logic():
            return (expr.op,)
        case _:
            return ()


def _place(statement: Statement, comment: Comment, attached: Attached) -> None:
    offset = comment.span.start
    if isinstance(statement, Export) and statement.settings and offset > statement.expr.span.end:
        _in_group(statement, statement.settings, comment, attached)
        return
    if isinstance(statement, Def) and _in_parameters(statement, offset):
        _in_group(statement, statement.parameters, comment, attached)
        return
    path = [node for expr in expressions(statement) for node in _path(expr, offset)]
    for depth in range(len(path) - 1, -1, -1):
        group = path[depth]
        items = _items(group)
        if items is not None and _in_group(group, items, comment, attached):
            attached.broken.update(id(node) for node in path[: depth + 1])
            return
    attached.above.append(comment.text)


def _in_parameters(define: Def, offset: int) -> bool:
    """Whether `offset` lies before the bracket that closes the parameters, if there are any."""
    if not define.parameters or offset > define.expr.span.start:
        return False
    end = define.parameters[-1].span.end
    return ")" not in define.span.source.text[end:offset]


def _path(expr: Expr, offset: int) -> list[Expr]:
    """The nodes that hold `offset`, outermost first; a chain counts as one node."""
    path: list[Expr] = []
    node: Expr | None = expr
    while node is not None and _holds(node.span, offset):
        path.append(node)
        node = next((each for each in _inside(node) if _holds(each.span, offset)), None)
    return path


def _inside(node: Expr) -> Sequence[Expr]:
    """The expressions inside `node` that may be broken; ranges and selectors never are."""
    match node:
        case Pipe():
            return stages(node)
        case Slice():
            return (node.value,)
        case Match():
            return [arm.value for arm in node.arms]
        case Selection() | Renaming():
            return ()
        case Binary() | Logic() if _chained(node):
            return [term for _, term in terms(node)]
        case _:
            return children(node)


def _items(node: Expr) -> Sequence[Item] | None:
    """What stands on lines of its own when `node` is broken; None if it is never broken."""
    match node:
        case Call():
            return (*node.operands, *node.keywords)
        case ListLiteral():
            return node.items
        case Match():
            return node.arms
        case Pipe():
            return stages(node)
        case Binary() | Logic() if _chained(node):
            return [term for _, term in terms(node)]
        case _:
            return None


def _in_group(group: Group, items: Sequence[Item], comment: Comment, attached: Attached) -> bool:
    """Attaches a comment to an item of `group`; False if the group has no place for it."""
    offset = comment.span.start
    if isinstance(group, Call) and offset < group.func_span.end:
        return False
    bracketed = not isinstance(group, Pipe | Binary | Logic)
    before = [item for item in items if item.span.end <= offset]
    if not bracketed and len(before) == len(items):
        return False  # after the last term something may follow on its line, such as a bracket
    if before and not comment.own_line and _same_line(before[-1].span, comment.span):
        attached.trailing[id(before[-1])] = comment.text
        return True
    following = next((item for item in items if item.span.end > offset), None)
    if following is None:
        attached.dangling.setdefault(id(group), []).append(comment.text)
        return True
    if not bracketed and following is items[0]:
        return False  # the line of a chain's head holds what stands before the chain
    attached.leading.setdefault(id(following), []).append(comment.text)
    return True


def _holds(span: Span, offset: int) -> bool:
    return span.start < offset < span.end


def _same_line(item: Span, comment: Span) -> bool:
    return "\n" not in item.source.text[item.end : comment.start]
