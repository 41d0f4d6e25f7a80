"""Take powers of two out of trims and drops, into the sums that they are terms of."""

from collections.abc import Sequence
from fractions import Fraction
from functools import partial

from mergec.ir import Graph, GraphBuilder, Node, NodeKey, rewrite
from mergec.ops import number, numbers
from mergec.ops.params import word
from mergec.passes.telling import Tell, silent
from mergec.passes.users import only_user

_SELECTING = ("trim", "breadcrumbs", "drop")
# Beyond these a coefficient may be rounded otherwise, at the ends of what float32 holds.
_POWERS = frozenset(Fraction(2**bits) for bits in range(1, 17))
_MOST = Fraction(2) ** 64


def hoist_factors(graph: Graph, tell: Tell = silent) -> Graph:
    """`trim(2*x)` keeps the entries that `trim(x)` keeps, twice as large. Bitwise.

    It holds for factors 2, 4 ... 2^16, of sums whose coefficients have all that magnitude, and for
    trims and drops that rescale nothing. Where 2·x overflows, the plan as written ends in an error
    for a number that is not finite, or drops it. Other factors stay: those below 1 keep `x` from
    overflowing, and those that are no power of two round.

    >>> from mergec.ir import parse_graph, print_graph
    >>> before = parse_graph('''
    ... %0 = source.1(; label="a", ref="./a", rev=none) : Model
    ... %1 = source.1(; label="base", ref="./base", rev=none) : Model
    ... %2 = affine.1(%0, %1; coefficients=[2, -2]) : Delta
    ... %3 = trim.1(%2; density=1/2, rescale="none", ties="index") : Delta
    ... %4 = affine.1(%3, %1; coefficients=[1/4, 1]) : Model
    ... export "result" = %4
    ... ''')
    >>> print(print_graph(hoist_factors(before)))
    %0 = source.1(; label="a", ref="./a", rev=none) : Model
    %1 = source.1(; label="base", ref="./base", rev=none) : Model
    %2 = affine.1(%0, %1; coefficients=[1, -1]) : Delta
    %3 = trim.1(%2; density=1/2, rescale="none", ties="index") : Delta
    %4 = affine.1(%3, %1; coefficients=[1/2, 1]) : Model
    export "result" = %4
    <BLANKLINE>
    """
    # Most graphs need not be built again.
    if not any(node.op == "affine" and _factor(node) != 1 for node in graph.nodes()):
        return graph
    return rewrite(graph, partial(_hoist, graph=graph, tell=tell))


def _hoist(
    builder: GraphBuilder,
    node: Node,
    operands: tuple[NodeKey, ...],
    *,
    graph: Graph,
    tell: Tell,
) -> NodeKey:
    parts = [i for i, key in enumerate(operands) if builder[key].op != "source"]
    if node.op != "affine" or len(parts) != 1:
        return builder.keep(node.over(operands))
    (place,) = parts
    coefficients = [*numbers(node.param("coefficients"), len(operands))]
    chain = _selections(builder, graph, node, place, operands[place])
    factor = _factor(builder[chain[-1].operands[0]]) if chain else Fraction(1)
    if factor == 1 or not 1 / _MOST <= abs(coefficients[place]) <= _MOST:
        return builder.keep(node.over(operands))
    below = _divided(builder, builder[chain[-1].operands[0]], factor)
    for each in reversed(chain):
        below = builder.keep(Node(each.op, each.revision, (below,), each.params, each.type))
    stages = " and ".join(f"`{each.op}`" for each in chain)
    tell(f"the factor {factor} moves out of {stages} into the sum that adds it")
    coefficients[place] *= factor
    if len(operands) == 1 and coefficients[place] == 1:
        return below
    terms = (*operands[:place], below, *operands[place + 1 :])
    params = {"coefficients": tuple(coefficients)}
    return builder.add("affine", terms, params, type=node.type, revision=node.revision)


def _selections(
    builder: GraphBuilder, graph: Graph, user: Node, place: int, key: NodeKey
) -> Sequence[Node]:
    """The trims and drops, outermost first, from a term of a sum down to a sum; none if not so.

    Nobody else uses any of them, else a value would be computed twice.
    """
    chain: list[Node] = []
    written = user.operands[place]
    while only_user(graph, written) == user:
        node, user = builder[key], graph.node(written)
        if node.op == "affine" and user.op == "affine":
            return chain
        if node.op not in _SELECTING or node.op != user.op or not _is_selection(node):
            break
        chain.append(node)
        (key,), (written, *_) = node.operands, user.operands
    return ()


def _is_selection(node: Node) -> bool:
    """Whether it is a trim or a drop that leaves what it keeps as it is."""
    params = dict(node.params)
    if node.op == "breadcrumbs":  # without outliers it is a trim; with them it is let alone
        return number(params["gamma"]) == 0
    return word(params, "rescale", "none" if node.op == "trim" else "inv") == "none"


def _factor(node: Node) -> Fraction:
    """The magnitude of all coefficients of a sum if it is 2, 4 ... 2^16; else 1."""
    sizes = {abs(part) for part in numbers(node.param("coefficients"), len(node.operands))}
    size = sizes.pop()
    return size if not sizes and size in _POWERS else Fraction(1)


def _divided(builder: GraphBuilder, node: Node, factor: Fraction) -> NodeKey:
    parts = numbers(node.param("coefficients"), len(node.operands))
    left = tuple(part / factor for part in parts)
    if left == (Fraction(1),):
        return node.operands[0]
    params = {"coefficients": left}
    return builder.add("affine", node.operands, params, type=node.type, revision=node.revision)
