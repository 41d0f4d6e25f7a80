"""Which method of mergekit a node of the graph is, and what it says of its parameters."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path

from mergec.diagnostics import SourceText
from mergec.elaborate import Bundle, elaborate
from mergec.elaborate.calls import FIRST
from mergec.frozen import frozen
from mergec.ir import Graph, Node, NodeKey, Value
from mergec.ops import OPERATORS
from mergec.syntax import parse_spec

_DIFFERENCE = (Fraction(1), Fraction(-1))
_DERIVED = frozenset({FIRST, "label", "role"})


@frozen
class Shape:
    """A method whose own operator is `op`, with mergekit's word for each parameter of it.

    `each` are those that every model has of its own, `full` says that the base is merged as the
    others are, and `elects` that a truth value says how what agrees is put together.
    """

    method: str
    op: str
    words: Mapping[str, str]
    each: Mapping[str, str]
    full: bool = False


def _shape(
    method: str, op: str, words: str = "", *, each: str = "", full: bool = False
) -> tuple[str, Shape]:
    def pairs(text: str) -> dict[str, str]:
        return dict(pair.split(":") for pair in text.split())

    return op, Shape(method, op, pairs(words), pairs(each), full)


ALONE: Mapping[str, Shape] = dict(
    (
        _shape("slerp", "slerp", "t:t", full=True),
        _shape("nearswap", "nearswap", "limit:t", full=True),
        _shape("arcee_fusion", "arcee_fusion", full=True),
        _shape("sce", "sce", "tau:select_topk"),
        _shape("model_stock", "model_stock", "scope:filter_wise"),
        _shape("ram", "ram", "epsilon:epsilon"),
    )
)
"""Methods with a base that are one operator."""

RAMPLUS = Shape("ramplus_tl", "ram", {"epsilon": "epsilon", "r": "r", "alpha": "alpha"}, {})

MEANS: Mapping[str, Shape] = dict(
    (
        _shape("linear", "linear", "normalize:normalize", each="weights:weight"),
        _shape("karcher", "karcher", "max_iter:max_iter tol:tol"),
        _shape("nuslerp", "nuslerp", "axis:", each="weights:weight"),
        _shape("multislerp", "nlerp", each="weights:weight"),
    )
)
"""Methods over models alone; the last two over task vectors too."""

SPARSE: Mapping[str, tuple[str, str]] = {
    "trim": ("", "ties"),
    "dare": ("dare_linear", "dare_ties"),
    "della": ("della_linear", "della"),
    "breadcrumbs": ("breadcrumbs", "breadcrumbs_ties"),
}
"""What sums task vectors that a stage has made sparse, and what elects among them."""

SPARSE_WORDS = {"density": "density", "gamma": "gamma", "epsilon": "epsilon"}
ELECTION = Shape("ties", "ties", {"scale": "lambda", "agg": "normalize"}, {"weights": "weight"})


def difference(graph: Graph, key: NodeKey) -> tuple[NodeKey, NodeKey] | None:
    """The two models whose difference a node is."""
    node = graph.node(key)
    if node.op != "affine" or node.param("coefficients") != _DIFFERENCE:
        return None
    left, right = node.operands
    return (left, right) if graph.node(left).type.mass == graph.node(right).type.mass else None


def unlike(node: Node, method: str, said: Sequence[str]) -> tuple[list[str], list[str]]:
    """What a node has otherwise than mergekit's method, but for parameters that a recipe says.

    First by mergec's own default, then because the spec says so; as `zero=drop`.
    """
    theirs = _of_dialect(method, node.op)
    by_default: list[str] = []
    by_choice: list[str] = []
    for name, value in node.params:
        if name in said or name in _DERIVED or theirs.get(name, value) == value:
            continue
        parameter = OPERATORS[node.op].parameter(name)
        default = parameter is not None and parameter.default == value
        (by_default if default else by_choice).append(f"{name}={_shown(value)}")
    return by_default, by_choice


@cache
def _of_dialect(method: str, op: str) -> Mapping[str, Value]:
    """The parameters that the macro of `std:mergekit` gives its operator."""
    two = method in ("slerp", "nearswap", "arcee_fusion", "nuslerp")
    operands = "base, a" if two else "base, a, b"
    call = f"mk.{method}({operands}{'; density=1/2' if method.startswith('della') else ''})"
    sources = "".join(f'{name} = model("./{name}")\n' for name in ("base", "a", "b"))
    source = SourceText("probe", f'use "std:mergekit" as mk\n{sources}child = {call}\n')
    found = elaborate(parse_spec(source).spec, Bundle(source, Path()))
    return {
        name: value for node in found.graph.nodes() if node.op == op for name, value in node.params
    }


def _shown(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
