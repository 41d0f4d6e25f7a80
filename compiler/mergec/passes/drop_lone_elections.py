"""Hold no election with one voter."""

from collections.abc import Mapping
from fractions import Fraction
from functools import partial

from mergec.ir import Graph, GraphBuilder, Node, NodeKey, Value, rewrite
from mergec.ops import numbers
from mergec.ops.params import flag, word
from mergec.passes.telling import Tell, silent
from mergec.passes.users import only_user

# What is far smaller may be rounded to zero, and then nothing stored is added.
_LEAST = Fraction(1, 2**64)


def drop_lone_elections(graph: Graph, tell: Tell = silent) -> Graph:
    """One task vector agrees with itself, and is its own average. Bitwise.

    An entry of it is elected and agrees, or is zero, and zeros agree with nobody, whatever a tie
    yields. The average of one leaves every bit but the sign of a zero, so it goes only where that
    sign cannot be seen: where it is added to stored tensors alone, whose bits remain where nothing
    is added. It stays on a sum, which must not become part of another sum: the normal form has
    decided what is added before it is rounded.

    >>> from mergec.ir import parse_graph, print_graph
    >>> before = parse_graph('''
    ... %0 = source.1(; label="a", ref="./a", rev=none) : Model
    ... %1 = source.1(; label="base", ref="./base", rev=none) : Model
    ... %2 = affine.1(%0, %1; coefficients=[1, -1]) : Delta
    ... %3 = trim.1(%2; density=1/2, rescale="none", ties="index") : Delta
    ... %4 = elect_sign.1(%3; weights=[1]) : Sign
    ... %5 = agreeing_mean.1(%4, %3; elected=true, weights=[1]) : Delta
    ... %6 = affine.1(%5, %1; coefficients=[3/4, 1]) : Model
    ... export "result" = %6
    ... ''')
    >>> print(print_graph(drop_lone_elections(before)))
    %0 = source.1(; label="a", ref="./a", rev=none) : Model
    %1 = source.1(; label="base", ref="./base", rev=none) : Model
    %2 = affine.1(%0, %1; coefficients=[1, -1]) : Delta
    %3 = trim.1(%2; density=1/2, rescale="none", ties="index") : Delta
    %4 = affine.1(%3, %1; coefficients=[3/4, 1]) : Model
    export "result" = %4
    <BLANKLINE>
    """
    if not any(_is_of_one(node) for node in graph.nodes()):
        return graph
    return rewrite(graph, partial(_drop, graph=graph, tell=tell))


def _drop(
    builder: GraphBuilder,
    node: Node,
    operands: tuple[NodeKey, ...],
    *,
    graph: Graph,
    tell: Tell,
) -> NodeKey:
    params = dict(node.params)
    if node.op != "agreeing_mean":
        return builder.keep(node.over(operands))
    if _is_lone(builder, node, operands):
        tell("`elect_sign` goes: its only voter agrees with itself")
        operands, params["elected"] = operands[1:], False
    if len(operands) == 1 and not flag(params, "elected"):
        (vector,) = operands
        computed = builder[vector].op not in ("source", "affine")
        if computed and _keeps_values(params) and _is_added_to_stored_tensors(graph, node):
            tell("`agreeing_mean` goes: the mean of one is that one")
            return vector
    return builder.add(node.op, operands, params, type=node.type, revision=node.revision)


def _is_of_one(node: Node) -> bool:
    if node.op != "agreeing_mean":
        return False
    return len(node.operands) - flag(dict(node.params), "elected") == 1


def _is_lone(builder: GraphBuilder, mean: Node, operands: tuple[NodeKey, ...]) -> bool:
    """Whether one vector is averaged by a sign that it elected alone and with the same weight."""
    if not flag(dict(mean.params), "elected") or len(operands) != 2:
        return False
    election = builder[operands[0]]
    if election.op != "elect_sign" or election.operands != operands[1:]:
        return False
    votes, counts = dict(election.params), dict(mean.params)
    return votes["weights"] == counts["weights"] and _stage(votes) == _stage(counts)


def _stage(params: Mapping[str, Value]) -> str:
    return word(params, "weight_stage", "before")


def _keeps_values(params: Mapping[str, Value]) -> bool:
    """Whether nothing is multiplied: weights of an average cancel, other weights must be 1."""
    (weight,) = numbers(params["weights"], 1)
    return weight == 1 or (word(params, "agg", "wmean") == "wmean" and weight != 0)


def _is_added_to_stored_tensors(graph: Graph, node: Node) -> bool:
    """Whether it is used once: in a sum of which all other terms, one at least, are sources."""
    user = only_user(graph, node.key)
    if user is None or user.op != "affine":
        return False
    terms = zip(user.operands, numbers(user.param("coefficients"), len(user.operands)), strict=True)
    others = [(graph.node(key).op, part) for key, part in terms if key != node.key]
    seen = any(abs(part) >= _LEAST for _, part in others)
    return seen and all(op == "source" for op, _ in others)
