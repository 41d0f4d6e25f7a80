"""What a run does about NaN and infinities in its sources: refuse, compute with them, or repair.

`export child { nonfinite = ... }` says it. The exports of a spec share what they compute, so they
all say the same.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

from mergec.diagnostics import Diagnostic, Label, Span
from mergec.elaborate import Elaborated, ExportDecl
from mergec.elaborate.values import NonFinite
from mergec.frozen import frozen
from mergec.ir import Graph, NodeKey
from mergec.ir.graph import Node
from mergec.ir.types import DELTA, MODEL
from mergec.ops import OPERATORS, MassRule


@frozen
class NumericPolicy:
    """What becomes of elements of sources that are NaN or infinite.

    `error`: the run is refused. `propagate`: they are computed with, as IEEE 754 says. `base`: each
    is read as if it were the element of the source labelled `base` at the same place.
    """

    word: NonFinite = "error"
    base: str = ""


REFUSE: Final = NumericPolicy()


def numeric_policy(checked: Elaborated) -> tuple[NumericPolicy, tuple[Diagnostic, ...]]:
    """The policy of a spec, or what is wrong with it: E824 without one base, E825 for several."""
    first = checked.exports[0]
    other = next((each for each in checked.exports if each.nonfinite != first.nonfinite), None)
    if other is not None:
        return REFUSE, (_differ(first, other),)
    if first.nonfinite != "base":
        return NumericPolicy(first.nonfinite), ()
    labels = {source.key: source.label for source in checked.sources if not source.is_adapter}
    bases = [
        (export, [*dict.fromkeys(_bases(checked.graph, export.node))]) for export in checked.exports
    ]
    for export, keys in bases:
        if len(keys) != 1 or keys[0] not in labels:
            return REFUSE, (_no_base(export, keys, labels),)
    found = {keys[0]: export for export, keys in bases}
    if len(found) > 1:
        one, two = (f"`{labels[key]}`" for key in [*found][:2])
        return REFUSE, (_two_bases(found[[*found][1]], f"{one} and {two}"),)
    return NumericPolicy("base", labels[next(iter(found))]), ()


def _bases(graph: Graph, key: NodeKey) -> Iterator[NodeKey]:
    """What deltas below `key` are taken from: the bases of operators, and what is subtracted."""
    for node in graph.below(key):
        operator = OPERATORS.get(node.op)
        if operator is not None and operator.mass is MassRule.CONSENSUS:
            first = node.operands[0]
            if graph.node(first).type == MODEL:
                yield first
        elif node.op == "affine" and node.type == DELTA:
            yield from _subtracted(graph, node)


def _subtracted(graph: Graph, node: Node) -> Iterator[NodeKey]:
    coefficients = node.param("coefficients")
    assert isinstance(coefficients, tuple)
    for operand, coefficient in zip(node.operands, coefficients, strict=True):
        negative = isinstance(coefficient, Fraction) and coefficient < 0
        if negative and graph.node(operand).type == MODEL:
            yield operand


def _differ(first: ExportDecl, other: ExportDecl) -> Diagnostic:
    return Diagnostic(
        "E825",
        f"`{other.name}` has `nonfinite = {other.nonfinite}`, and `{first.name}` has "
        f"`nonfinite = {first.nonfinite}`",
        _span(other),
        "this export",
        labels=(Label(_span(first), "the first one"),),
        notes=("the exports of a spec share what they compute",),
        help=(f"write `nonfinite = {first.nonfinite}` in every export",),
    )


def _no_base(export: ExportDecl, keys: Sequence[NodeKey], labels: dict[NodeKey, str]) -> Diagnostic:
    known = [f"`{labels[key]}`" for key in keys if key in labels]
    what = f"`{export.name}` has no base"
    if len(known) > 1:
        what = f"`{export.name}` has several bases, {known[0]} and {known[1]}"
    elif keys:
        what = f"the base of `{export.name}` is not a source but computed"
    return _refused(export, what)


def _two_bases(export: ExportDecl, which: str) -> Diagnostic:
    return _refused(export, f"the exports have different bases, {which}")


def _refused(export: ExportDecl, what: str) -> Diagnostic:
    return Diagnostic(
        "E824",
        f"{what}, so `nonfinite = base` does not say what to take",
        _span(export),
        notes=("the base is the source that the deltas of a merge are taken from",),
        help=("leave `nonfinite` out, and repair the source",),
    )


def _span(export: ExportDecl) -> Span:
    return export.span
