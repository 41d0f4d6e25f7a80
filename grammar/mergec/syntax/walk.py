"""Walks over syntax trees that do not recurse."""

from mergec.syntax.nodes import Binary, Call, Expr, ListLiteral, Negate, Pipe


def children(expr: Expr) -> tuple[Expr, ...]:
    """The expressions directly inside `expr`, in the order in which they are written."""
    match expr:
        case Negate():
            return (expr.operand,)
        case Binary():
            return (expr.left, expr.right)
        case ListLiteral():
            return expr.items
        case Call():
            return (*expr.operands, *(keyword.value for keyword in expr.keywords))
        case Pipe():
            return (expr.left, expr.call)
        case _:
            return ()


def height(expr: Expr) -> int:
    """How many nodes lie on the longest way from `expr` down to a name or literal."""
    highest = 0
    waiting = [(expr, 1)]
    while waiting:
        node, depth = waiting.pop()
        highest = max(highest, depth)
        waiting += [(child, depth + 1) for child in children(node)]
    return highest
