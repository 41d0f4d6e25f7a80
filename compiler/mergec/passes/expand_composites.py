"""Replace every composite operator by the stages it is made of."""

from collections import Counter
from collections.abc import Sequence
from functools import partial

from mergec.ir import Graph, GraphBuilder, Node, NodeKey, rewrite
from mergec.ops import OPERATORS
from mergec.passes.telling import Tell, silent


def expand_composites(graph: Graph, tell: Tell = silent) -> Graph:
    """Lower `ties`, `linear` and the like to stages: it is what they mean.

    >>> from mergec.ir import parse_graph, print_graph
    >>> before = parse_graph('''
    ... %0 = source.1(; label="a", ref="./a", rev=none) : Model
    ... %1 = source.1(; label="b", ref="./b", rev=none) : Model
    ... %2 = linear.1(%0, %1; normalize=true, weights=[3, 1]) : Model
    ... export "result" = %2
    ... ''')
    >>> print(print_graph(expand_composites(before)))
    %0 = source.1(; label="a", ref="./a", rev=none) : Model
    %1 = source.1(; label="b", ref="./b", rev=none) : Model
    %2 = affine.1(%0, %1; coefficients=[3/4, 1/4]) : Model
    export "result" = %2
    <BLANKLINE>
    """
    return rewrite(graph, partial(_expand, tell=tell))


def _expand(
    builder: GraphBuilder, node: Node, operands: tuple[NodeKey, ...], *, tell: Tell
) -> NodeKey:
    operator = OPERATORS.get(node.op)
    if operator is None or operator.lower is None:
        return builder.keep(node.over(operands))
    key = operator.lower(builder, operands, dict(node.params))
    if tell is not silent and (stages := _stages(builder, key, operands)) != [node.op]:
        counts = Counter(stages).items()
        said = ", ".join(f"{n} × {op}" if n > 1 else op for op, n in counts)
        tell(f"`{node.op}` becomes {said or 'its operand'}")
    return key


def _stages(builder: GraphBuilder, key: NodeKey, operands: Sequence[NodeKey]) -> list[str]:
    """What lies between operands and a result, operands first."""
    seen, waiting, found = {*operands}, [key], list[str]()
    while waiting:
        left = [below for below in builder[waiting[-1]].operands if below not in seen]
        if waiting[-1] not in seen and left:
            waiting.append(left[0])
            continue
        key = waiting.pop()
        if key not in seen:
            seen.add(key)
            found.append(builder[key].op)
    return found
