"""Make one trim of trims that follow each other."""

from collections.abc import Mapping
from functools import partial

from mergec.ir import Graph, GraphBuilder, Node, NodeKey, Value, rewrite
from mergec.ops import number
from mergec.ops.params import in_dialect
from mergec.ops.trim import STAGE
from mergec.passes.telling import Tell, silent


def merge_trims(graph: Graph, tell: Tell = silent) -> Graph:
    """The largest of the largest are the largest: the smaller density decides. Bitwise.

    Both must settle ties alike. The entries that the outer trim keeps are among those that the
    inner one does, those of equal magnitude included, since the lowest indices win both times; an
    inner trim with the larger density must rescale nothing, and an outer one that keeps more than
    the inner drops nothing but zeros, which stay +0. `breadcrumbs` with gamma=0 is a trim. Trims of
    scope=global stay: the plan has their statistics by the operator that the spec wrote.

    >>> from mergec.ir import parse_graph, print_graph
    >>> before = parse_graph('''
    ... %0 = source.1(; label="a", ref="./a", rev=none) : Model
    ... %1 = source.1(; label="base", ref="./base", rev=none) : Model
    ... %2 = affine.1(%0, %1; coefficients=[1, -1]) : Delta
    ... %3 = trim.1(%2; density=1/2, rescale="none", ties="index") : Delta
    ... %4 = trim.1(%3; density=1/5, rescale="none", ties="index") : Delta
    ... export "result" = %4
    ... ''')
    >>> print(print_graph(merge_trims(before)))
    %0 = source.1(; label="a", ref="./a", rev=none) : Model
    %1 = source.1(; label="base", ref="./base", rev=none) : Model
    %2 = affine.1(%0, %1; coefficients=[1, -1]) : Delta
    %3 = trim.1(%2; density=1/5, rescale="none", ties="index") : Delta
    export "result" = %3
    <BLANKLINE>
    """
    if not any(_is_to_merge(graph, node) for node in graph.nodes()):
        return graph
    return rewrite(graph, partial(_merge, tell=tell))


def _is_to_merge(graph: Graph, node: Node) -> bool:
    """Whether there may be something to do, so that most graphs need not be built again."""
    if _as_trim(node) is None:
        return False
    return node.op == "breadcrumbs" or _as_trim(graph.node(node.operands[0])) is not None


def _merge(
    builder: GraphBuilder, node: Node, operands: tuple[NodeKey, ...], *, tell: Tell
) -> NodeKey:
    trimming = _as_trim(node)
    if trimming is None:
        return builder.keep(node.over(operands))
    (operand,) = operands
    if node.op == "breadcrumbs":
        tell("`breadcrumbs` without outliers is a `trim`")
    while (inner := builder[operand]).op == "trim" and not in_dialect(dict(inner.params)):
        below = {"rescale": "none", "ties": "index", **dict(inner.params)}
        if below["ties"] != trimming["ties"]:
            break
        narrow, wide = sorted((number(trimming["density"]), number(below["density"])))
        if number(trimming["density"]) == narrow and below["rescale"] == "none":
            # Restoring a norm is restoring that of what was there before.
            if trimming["rescale"] not in ("none", "inv"):
                break
            operand = inner.operands[0]
            tell(f"of `trim` with density {wide} and with {narrow} the one with {narrow} is left")
        elif number(below["density"]) == narrow and trimming["rescale"] == "none":
            tell(f"`trim` with density {wide} drops nothing after one with {narrow}")
            return operand
        else:
            break
    return builder.add("trim", [operand], trimming, type=node.type, revision=STAGE.revision)


def _as_trim(node: Node) -> Mapping[str, Value] | None:
    """The parameters of the trim that a node is, if it is one."""
    params = dict(node.params)
    if in_dialect(params):  # which may count otherwise than the trim that it would become
        return None
    if node.op == "trim":
        return {"rescale": "none", "ties": "index", **params}
    if node.op == "breadcrumbs" and number(params["gamma"]) == 0:
        return {"density": params["density"], "rescale": "none", "ties": "index"}
    return None
