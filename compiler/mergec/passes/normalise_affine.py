"""Collapse affine arithmetic to sums over what is not affine, on exact rationals."""

from fractions import Fraction
from functools import partial

from mergec.diagnostics import fail
from mergec.ir import Graph, GraphBuilder, Node, NodeKey, rewrite
from mergec.ir.labels import Labels
from mergec.ir.likeness import Likeness
from mergec.ops import number
from mergec.passes.telling import Tell, silent, sources_of

# Rationals stay below this size, so that a spec cannot make arithmetic itself the work.
_MAX_BITS = 4096


def normalise_affine(graph: Graph, tell: Tell = silent) -> Graph:
    """The compulsory normal form: it fixes the meaning of a spec, since rounding depends on it.

    Nested sums become one, coefficients are combined as rationals, operands whose coefficient is
    zero are gone (so a base that cancels is not read), and operands stand in canonical order: by
    the labels of their sources, then by key. Those that do the same with other tensors of their
    sources stand as they were written, since their keys differ from what a statistic is taken of
    to where it is used. A sum of one operand with coefficient 1 is the operand. Raises E104 for a
    coefficient of more than 4096 bits.

    >>> from mergec.ir import parse_graph, print_graph
    >>> before = parse_graph('''
    ... %0 = source.1(; label="base", ref="./base", rev=none) : Model
    ... %1 = source.1(; label="a", ref="./a", rev=none) : Model
    ... %2 = affine.1(%1, %0; coefficients=[1, -1]) : Delta
    ... %3 = affine.1(%2; coefficients=[1/2]) : Delta
    ... %4 = affine.1(%0, %3; coefficients=[1, 1]) : Model
    ... export "result" = %4
    ... ''')
    >>> print(print_graph(normalise_affine(before)))
    %0 = source.1(; label="base", ref="./base", rev=none) : Model
    %1 = source.1(; label="a", ref="./a", rev=none) : Model
    %2 = affine.1(%1, %0; coefficients=[1/2, 1/2]) : Model
    export "result" = %2
    <BLANKLINE>
    """
    builder = GraphBuilder()
    labels, likeness = Labels(builder), Likeness(builder)
    rule = partial(_normalise, labels=labels, likeness=likeness, tell=tell)
    found = rewrite(graph, rule, builder)
    if tell is not silent:
        before, after = _sums(graph), _sums(found)
        if before != after:
            tell(f"{before} sum{'s' * (before != 1)} become {after}")
    return found


def _normalise(
    builder: GraphBuilder,
    node: Node,
    operands: tuple[NodeKey, ...],
    *,
    labels: Labels,
    likeness: Likeness,
    tell: Tell,
) -> NodeKey:
    if node.op != "affine":
        return builder.keep(node.over(operands))
    total: dict[NodeKey, Fraction] = {}
    coefficients = node.param("coefficients")
    assert isinstance(coefficients, tuple)
    for operand, written in zip(operands, coefficients, strict=True):
        for key, part in _terms(builder, operand):
            total[key] = _bounded(total.get(key, Fraction(0)) + number(written) * part)
    kept = {key: value for key, value in total.items() if value}
    # A sum that cancels to nothing keeps one operand, times zero: the value still has a shape.
    kept = kept or dict([next(iter(total.items()))])
    if tell is not silent:
        for key in total.keys() - kept.keys():
            tell(f"what is of {sources_of(builder, key)} cancels in a sum")
    order = sorted(kept, key=lambda key: (sorted(labels.of(key)), likeness.of(key)))
    if len(order) == 1 and kept[order[0]] == 1:
        return order[0]
    params = {"coefficients": tuple(kept[key] for key in order)}
    return builder.add("affine", order, params, type=node.type, revision=node.revision)


def _sums(graph: Graph) -> int:
    return sum(node.op == "affine" for node in graph.nodes())


def _bounded(coefficient: Fraction) -> Fraction:
    bits = max(coefficient.numerator.bit_length(), coefficient.denominator.bit_length())
    if bits <= _MAX_BITS:
        return coefficient
    raise fail(
        "E104",
        f"a coefficient needs more than {_MAX_BITS} bits once the sums of this spec are combined",
        help="write the numbers with fewer digits and smaller exponents",
    )


def _terms(builder: GraphBuilder, key: NodeKey) -> list[tuple[NodeKey, Fraction]]:
    """What `key` is a sum of: itself, unless it is an affine node (already in normal form)."""
    node = builder[key]
    if node.op != "affine":
        return [(key, Fraction(1))]
    coefficients = node.param("coefficients")
    assert isinstance(coefficients, tuple)
    return [(k, number(c)) for k, c in zip(node.operands, coefficients, strict=True)]
