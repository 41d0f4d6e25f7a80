"""The text of a graph says all of it: parsed again it is the same graph, and prints the same."""

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.diagnostics import SourceText
from mergec.ir import (
    DELTA,
    MODEL,
    SIGN,
    Graph,
    GraphBuilder,
    Value,
    ValueType,
    parse_graph,
    print_graph,
)
from mergec.passes import PIPELINE
from mergec.plan import check_bundle, check_text
from tests.oracles.per_tensor import tensor_graphs
from tests.strategies import SpecText, checkpoints, specs

fractions = st.fractions(max_denominator=10**6) | st.integers(-(2**70), 2**70).map(Fraction)
scalars: st.SearchStrategy[Value] = (
    st.none() | st.booleans() | fractions | st.text(st.characters(codec="utf-8"), max_size=8)
)
values: st.SearchStrategy[Value] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=6
)
words = st.from_regex(r"[a-z_][a-z0-9_]{0,6}", fullmatch=True).filter(lambda word: word != "export")
kinds = st.sampled_from([MODEL, DELTA, SIGN]) | st.fractions(max_denominator=64).map(ValueType)
shapes = st.lists(
    st.tuples(words, st.integers(1, 99), st.dictionaries(words, values, max_size=3), kinds),
    min_size=1,
    max_size=8,
)


@given(
    shape=shapes, name=st.text(st.characters(codec="utf-8"), max_size=5), seed=st.integers(0, 99)
)
def test_any_graph_survives_its_text(
    shape: list[tuple[str, int, dict[str, Value], ValueType]], name: str, seed: int
) -> None:
    random, builder = Random(seed), GraphBuilder()
    keys = [builder.add("source", params={"label": "x"}, type=MODEL)]
    for op, revision, params, kind in shape:
        operands = random.choices(keys, k=random.randint(0, 3))
        keys.append(builder.add(op, operands, params, type=kind, revision=revision))
    check(builder.finish({name: keys[-1], f"{name} too": random.choice(keys)}))


@given(spec=specs("any"))
def test_a_graph_as_it_is_written_survives_its_text(spec: SpecText) -> None:
    """With its ramps, choices and selectors."""
    check(check_bundle(spec.bundle).graph)


SELECTORS = (
    'attn & !("a\\\\b*" | layers(..3)) | !(mlp & layers(2..)) & (norm | !!"x\\"?")',
    "(attn | mlp) & (norm & layers(0..1))",
)
NUMBERS = (
    "ramp(0, -1/3) - 1/2*ramp(1, 2)*match { attn => 1, else => -2 }",
    "1/(2 - ramp(0, 1))",
    "match { layers(..1) => 1/(1 + ramp(0, 1, 1/2)), else => 3 }",
)


@pytest.mark.parametrize("selector", SELECTORS)
@pytest.mark.parametrize("number", NUMBERS)
def test_selectors_and_schedules_survive_their_text(selector: str, number: str) -> None:
    text = (
        f'a = model("./a")\nb = model("./b")\nmoved = a + ({number})*(b - a)\n'
        f"child = match {{ {selector} => select(moved, {selector} | !attn), else => b }}\n"
    )
    check(check_text(SourceText("text.merge", text)).graph)


@given(data=st.data())
def test_graphs_of_specs_survive_their_text_after_every_pass(data: st.DataObject) -> None:
    """What a spec comes to for a tensor: no ramp, no choice and no view is left in it."""
    spec = data.draw(specs("any"))
    held = data.draw(checkpoints(spec, exact=False))
    for each in tensor_graphs(check_bundle(spec.bundle), held):
        graph = each.graph
        check(graph)
        for run in PIPELINE:
            graph = run(graph)
            check(graph)


def check(graph: Graph) -> None:
    text = print_graph(graph)
    again = parse_graph(text)
    assert again == graph
    assert [node.key for node in again.nodes()] == [node.key for node in graph.nodes()]
    assert print_graph(again) == text


@pytest.mark.parametrize(
    "line",
    [
        "%0 = source.1(; label=) : Model",
        "%0 = source.1() : Weights",
        "%0 = trim.1(%1; density=1) : Delta",
        '%0 = source(; label="a") : Model',
        "%0 = source.1(; label='a') : Model",
        'export "x" = %0',
        "nonsense",
        "%0 = source.1(",
        "%0 = source.1() : Model and more",
        "%0 = affine.1(; coefficients=[1/0]) : Model",
    ],
)
def test_what_is_no_graph_is_refused_by_its_line(line: str) -> None:
    with pytest.raises(ValueError, match="line 2 is not IR text"):
        parse_graph(f"\n{line}\n")
