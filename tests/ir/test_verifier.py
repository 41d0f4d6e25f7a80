"""The structural verifier finds every kind of broken graph, and nothing wrong with a sound one."""

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.ir import (
    DELTA,
    MODEL,
    SIGN,
    BrokenGraphError,
    Graph,
    GraphBuilder,
    Node,
    Value,
    ValueType,
    verify_graph,
)
from mergec.passes import PIPELINE
from mergec.plan import check_bundle
from tests.oracles.per_tensor import tensor_graphs
from tests.strategies import checkpoints, specs

ONE = Fraction(1)


def of_affine(coefficients: Value, kind: ValueType, operand: ValueType = MODEL) -> Graph:
    builder = GraphBuilder()
    sources = [builder.add("source", params={"label": label}, type=MODEL) for label in "ab"]
    votes = builder.add("elect_sign", sources, type=operand)
    top = builder.add("affine", [sources[0], votes], {"coefficients": coefficients}, type=kind)
    return builder.finish({"x": top})


def sound_graph() -> Graph:
    return of_affine((ONE, ONE), ValueType(Fraction(2)))


def out_of_order() -> Graph:
    sound = sound_graph()
    return Graph(sound.outputs, dict(reversed([*sound.table.items()])))


def without_an_operand() -> Graph:
    sound = sound_graph()
    return Graph(sound.outputs, dict([*sound.table.items()][1:]))


def without_its_output() -> Graph:
    sound = sound_graph()
    return Graph(sound.outputs, dict([*sound.table.items()][:-1]))


def with_dead_node() -> Graph:
    sound = sound_graph()
    dead = Node("source", 1, (), (("label", "c"),), MODEL)
    return Graph(sound.outputs, {**sound.table, dead.key: dead})


def with_source_of_something() -> Graph:
    builder = GraphBuilder()
    first = builder.add("source", params={"label": "a"}, type=MODEL)
    return builder.finish({"x": builder.add("source", [first], {"label": "b"}, type=MODEL)})


def with_unsorted_parameters() -> Graph:
    builder = GraphBuilder()
    return builder.finish({"x": builder.keep(Node("f", 1, (), (("b", 1), ("a", 2)), MODEL))})


@pytest.mark.parametrize(
    ("build", "complaint"),
    [
        (out_of_order, "an operand of affine does not stand before it"),
        (without_an_operand, "an operand of elect_sign does not stand before it"),
        (without_its_output, "1 outputs are no nodes of the graph"),
        (with_dead_node, "1 nodes are reached by no output"),
        (with_source_of_something, "a source has operands"),
        (with_unsorted_parameters, "parameters of f are not sorted"),
        (lambda: of_affine((ONE,), MODEL), "needs one coefficient for each operand"),
        (lambda: of_affine(Fraction(1), MODEL), "needs one coefficient for each operand"),
        (lambda: of_affine((ONE, "1"), MODEL), "something that has no mass"),
        (lambda: of_affine((ONE, ONE), MODEL, SIGN), "something that has no mass"),
        (lambda: of_affine((ONE, -ONE), MODEL), "of mass 0 is typed Model"),
        (lambda: of_affine((ONE, ONE), DELTA), "of mass 2 is typed Delta"),
    ],
)
def test_broken_graph_is_refused(build: Callable[[], Graph], complaint: str) -> None:
    with pytest.raises(BrokenGraphError, match=complaint):
        verify_graph(build())


def test_other_tools_get_the_same_graph() -> None:
    graph = sound_graph()
    given = graph.digraph()
    assert [*given] == [*graph.table]
    assert {(a, b) for a, b in given.edges} == {
        (o, n.key) for n in graph.nodes() for o in n.operands
    }
    assert {key: [*given.successors(key)] for key in given} == {k: graph.users(k) for k in given}


@given(data=st.data())
def test_sound_graphs_pass_after_every_pass(data: st.DataObject) -> None:
    spec = data.draw(specs("any"))
    checked = check_bundle(spec.bundle)
    assert verify_graph(checked.graph) is checked.graph
    for each in tensor_graphs(checked, data.draw(checkpoints(spec, exact=False))):
        graph = each.graph
        assert verify_graph(graph) is graph
        for run in PIPELINE:
            graph = run(graph)
            assert verify_graph(graph) is graph
