"""No pass that can be switched off changes a byte: alone, in every order, and through a run."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from mergec.backends import get_backend
from mergec.catalog import Dtype
from mergec.diagnostics import MergecError, SourceText
from mergec.elaborate import Bundle
from mergec.ir import Graph, verify_graph
from mergec.passes import OPTIONAL, PIPELINE, normal_form, optimise, refine
from mergec.plan import check_bundle
from mergec.verify.evaluate import StoredTensor, evaluate_bundle
from mergec.verify.exact_value import exact, unstated
from mergec.verify.law_tensors import stored
from mergec.verify.whole import whole
from tests.oracles.per_tensor import TensorGraph, tensor_graphs
from tests.strategies import Checkpoints, checkpoints, defined, fraction_list, specs

REFERENCE = get_backend("reference")
BY_NAME = {each.name: each for each in PIPELINE}
HEAD = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in ("base", "a", "b", "c"))
# Equal magnitudes, zeros of both signs, and what no factor of two moves out of range.
NUMBERS = (0.0, -0.0, 1.0, -1.0, 1.5, -1.5, 2.0, 0.25, -0.25, 0.1, -3.0, 2.0**-100, -(2.0**100))


def deltas() -> st.SearchStrategy[str]:
    """Deltas as the passes are about them: trims of trims, factors of two, weights of zero."""
    density = st.sampled_from(["1/5", "1/3", "1/2", "3/4", "0.9"])
    weights = st.sampled_from(["0, 1", "1, 0", "1/3, 0", "1, 2", "0, 2", "1, 1"])
    leaf = st.sampled_from(["(a - base)", "(b - base)", "(2*(a - base))", "(4*(b - base))"])

    def above(delta: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        ties = st.sampled_from(["index", "index", "all"])
        rescale = st.sampled_from(["none", "none", "inv", "l1", "l2"])
        agg = st.sampled_from(["wmean", "mean", "sum", "max"])
        elect = st.sampled_from(["mass", "count", "none"])
        stage = st.sampled_from(["before", "before", "after"])
        zero = st.sampled_from(["drop", "majority", "positive"])
        return st.one_of(
            st.builds("trim({}; density={}, ties={}, rescale={})".format, delta, density, ties,
                      rescale),
            st.builds("breadcrumbs({}; density={}, gamma=0)".format, delta, density),
            st.builds("(2*{})".format, delta),
            st.builds("(-1/2*{})".format, delta),
            st.builds('dare({}; density=1/2, rescale=none, stream="{}")'.format, delta,
                      st.sampled_from("xy")),
            st.builds("ties({}; density={}, agg={}, weights={})".format, delta, density, agg,
                      st.sampled_from(["1", "2"])),
            st.builds(
                "ties({}, {}; density={}, weights=[{}], agg={}, elect={}, weight_stage={}, "
                "zero={})".format, delta, delta, density, weights, agg, elect, stage, zero,
            ),
        )  # fmt: skip

    return st.recursive(leaf, above, max_leaves=4)


def texts() -> st.SearchStrategy[str]:
    """Specs that export such a delta, or what it makes of a model."""
    factor = st.sampled_from(["", "1/4*", "3/4*", "-"])
    return st.one_of(
        st.builds('export delta {} as "r"'.format, deltas()),
        st.builds('export base + 1*{}{} as "r"'.format, factor, deltas()),
        st.builds('export 0.3*c + 0.7*base + {} as "r"'.format, deltas()),
    ).map(lambda said: f"{HEAD}{said.replace('1*-', '-1*')}\n")


def one_tensor(values: list[float], dtype: Dtype) -> dict[str, StoredTensor]:
    return {"w": stored(np.array(values), dtype)}


def tensors() -> st.SearchStrategy[Mapping[str, Mapping[str, StoredTensor]]]:
    """One tensor of nine elements for each source, all of one dtype or not."""
    values = st.lists(st.sampled_from(NUMBERS), min_size=9, max_size=9)
    dtypes = st.sampled_from([Dtype.BF16, Dtype.F32])
    one = st.builds(one_tensor, values, dtypes)
    return st.fixed_dictionaries({label: one for label in ("base", "a", "b", "c")})


@settings(max_examples=30)
@given(text=texts(), held=tensors(), order=st.permutations(OPTIONAL))
def test_each_optional_pass_and_every_order_of_them_gives_the_same_bytes(
    text: str, held: Checkpoints, order: Sequence[str]
) -> None:
    for each in tensor_graphs(check_bundle(bundle(text)), held):
        plain = normal_form(each.graph)
        with defined():
            wanted = computed(plain, each)
        for name in OPTIONAL:
            assert computed(verify_graph(BY_NAME[name](plain)), each) == wanted, (name, text)
        graph = plain
        for name in order:
            graph = verify_graph(BY_NAME[name](graph))
        assert computed(graph, each) == wanted, (order, text)


@settings(max_examples=15)
@given(text=texts(), held=tensors(), switched=st.sets(st.sampled_from(OPTIONAL)))
def test_switching_passes_off_changes_no_byte_of_a_merge(
    text: str, held: Checkpoints, switched: set[str]
) -> None:
    wanted = as_written(bundle(text), held)
    assert evaluate_bundle(bundle(text, *sorted(switched)), held, REFERENCE) == wanted
    assert evaluate_bundle(bundle(text), held, REFERENCE) == wanted


@settings(max_examples=15)
@given(data=st.data())
def test_any_spec_has_the_same_bytes_without_the_optional_passes(data: st.DataObject) -> None:
    spec = data.draw(specs("any"))
    held = data.draw(checkpoints(spec, exact=False))
    wanted = as_written(spec.bundle, held)
    assert evaluate_bundle(spec.bundle, held, REFERENCE) == wanted, spec.text


@settings(max_examples=30)
@given(text=texts(), held=tensors())
def test_the_pipeline_finds_nothing_to_do_a_second_time(text: str, held: Checkpoints) -> None:
    for each in tensor_graphs(check_bundle(bundle(text)), held):
        plain = normal_form(each.graph)
        assert normal_form(plain) == plain
        refined = refine(plain)
        assert refined == optimise(each.graph)
        assert refine(refined) == refined, text


@settings(max_examples=15)
@given(text=texts(), held=tensors())
def test_the_exact_value_stays(text: str, held: Checkpoints) -> None:
    for each in tensor_graphs(check_bundle(bundle(text)), held):
        values = {key: fraction_list(tensor) for key, tensor in each.inputs.items()}
        shapes = {key: tensor.shape for key, tensor in each.inputs.items()}
        plain, refined = normal_form(each.graph), optimise(each.graph)
        assert not unstated(plain)
        found, wanted = (
            exact(graph, values, each.name, each.sites, shapes) for graph in (refined, plain)
        )
        largest = max(map(abs, wanted))
        gaps = [abs(x - y) for x, y in zip(found, wanted, strict=True)]
        assert max(gaps) <= largest / 2**40, text


# Equal in real arithmetic, nearly equal in bits, or not equal at all: none of these is a rewrite.
@pytest.mark.parametrize(
    ("said", "stages"),
    [
        ("ties(base, ties(base, a, b), c)", {"elect_sign": 2, "agreeing_mean": 2, "trim": 4}),
        ("slerp(a, linear(b, c); t=1/2)", {"slerp": 1}),
        ("slerp(0.5*a + 0.5*b, c; t=1/2)", {"slerp": 1}),
        ("base + dare(ties(a - base, b - base); density=1/2)", {"drop": 1, "trim": 2}),
        ("ties(base, base + dare(a - base; density=1/2), b)", {"drop": 1, "trim": 2}),
        ("base + slerp(a - base, b - base; t=1/2)", {"slerp": 1, "affine": 3}),
        ("model_stock(base, model_stock(base, a, b), c)", {"shrunk_mean": 2}),
        ("slerp(a, slerp(a, b; t=1/2, norm=polar); t=1/2, norm=polar)", {"slerp": 2}),
        ("karcher(a, b)", {"karcher": 1}),
        ("nearswap(nearswap(a, b; limit=1/4), b; limit=1/2)", {"nearswap": 2}),
        ("base + trim(3*(a - base); density=1/2)", {"affine": 2}),
        ("base + trim(dare(a - base; density=1/2); density=1/2)", {"drop": 1, "trim": 1}),
        ("base + dare(trim(a - base; density=1/2); density=1/2)", {"drop": 1, "trim": 1}),
        ("base + trim(trim(a - base; density=1/2, rescale=inv); density=1/4)", {"trim": 2}),
    ],
)
def test_what_is_no_rewrite_stays(said: str, stages: Mapping[str, int]) -> None:
    held = {label: {"w": stored(np.arange(6.0), Dtype.F32)} for label in ("base", "a", "b", "c")}
    (each,) = tensor_graphs(check_bundle(bundle(f'{HEAD}export {said} as "r"\n')), held)
    found = Counter(node.op for node in optimise(each.graph).nodes())
    assert {op: found[op] for op in stages} == stages


def as_written(spec: Bundle, held: Checkpoints) -> dict[str, dict[str, StoredTensor]]:
    """The result without the optional passes; specs that have none for these numbers are no test.

    Where a number overflows on the way, a pass may avoid that.
    """
    try:
        return evaluate_bundle(replace(spec, without=OPTIONAL), held, REFERENCE)
    except MergecError:
        reject()


def bundle(text: str, *without: str) -> Bundle:
    return Bundle(SourceText("passes.merge", text), Path(), {}, {}, without)


def computed(graph: Graph, each: TensorGraph) -> bytes:
    used = [each.inputs[leaf.key].dtype for leaf in each.graph.leaves(each.graph.outputs["result"])]
    work = Dtype.F64 if Dtype.F32 in used else Dtype.F32
    shape = next(iter(each.inputs.values())).shape
    return whole(graph, each.inputs, work, Dtype.F32, each.name, each.sites, shape)
