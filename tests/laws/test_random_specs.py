"""Random specs against two oracles, two backends, and themselves said in another way."""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.backends import get_backend
from mergec.catalog import Dtype
from mergec.catalog.dtypes import SIGNIFICAND_BITS
from mergec.diagnostics import SourceText
from mergec.elaborate import Elaborated
from mergec.ir import Graph, NodeKey
from mergec.passes import PIPELINE, expand_composites, normal_form
from mergec.plan import check_bundle, check_text
from mergec.verify.evaluate import StoredTensor, evaluate, evaluate_bundle
from mergec.verify.law_tensors import NUMPY_DTYPES, loaded, stored
from tests.oracles.as_written import AsWritten
from tests.oracles.exact import exact
from tests.oracles.per_tensor import TensorGraph, tensor_graphs
from tests.oracles.whole import whole
from tests.strategies import Checkpoints, SpecText, checkpoints, fraction_list, specs

REFERENCE = get_backend("reference")
# Exponents of the smallest normal numbers.
LEAST = {Dtype.BF16: -126, Dtype.F16: -14, Dtype.F32: -126, Dtype.F64: -1022}

# By the name of an export and that of a tensor.
Merged = dict[tuple[str, str], StoredTensor]


@given(data=st.data())
def test_torch_gives_the_bits_of_the_reference(data: st.DataObject) -> None:
    pytest.importorskip("torch")
    spec = data.draw(specs("any"))
    held = data.draw(checkpoints(spec, exact=False))
    found = evaluate_bundle(spec.bundle, held, get_backend("torch"))
    assert found == evaluate_bundle(spec.bundle, held, REFERENCE)


@given(data=st.data())
def test_exact_specs_give_exactly_the_rationals(data: st.DataObject) -> None:
    spec = data.draw(specs("exact"))
    held = data.draw(checkpoints(spec, exact=True))
    checked = check_bundle(spec.bundle)
    oracle, roots = as_written(checked, held)
    found = merged(spec, held)
    assert set(found) == every_tensor(checked, oracle)
    for (export, name), tensor in found.items():
        wanted = oracle.tensor(roots[export], name).value
        # The fractions are dyadic and short, so float64 holds them and only storing them rounds.
        assert all(Fraction(float(x)) == x for x in wanted)
        narrow = np.array([float(x) for x in wanted]).astype(np.float32)
        assert narrow.astype(np.float64).tolist() == [float(x) for x in wanted]
        rounded = narrow.astype(NUMPY_DTYPES[tensor.dtype]).astype(np.float64)
        assert loaded(tensor).ravel().tolist() == rounded.tolist(), (spec.text, export, name)


@given(data=st.data())
def test_smooth_specs_are_within_a_unit_of_the_rationals(data: st.DataObject) -> None:
    spec = data.draw(specs("smooth"))
    held = data.draw(checkpoints(spec, exact=True))
    checked = check_bundle(spec.bundle)
    oracle, roots = as_written(checked, held)
    kinds = [tensor.dtype for tensors in held.values() for tensor in tensors.values()]
    for (export, name), tensor in merged(spec, held).items():
        wanted = oracle.tensor(roots[export], name)
        slack = rounding_of(tensor.dtype, kinds)
        values = zip(fraction_list(tensor), wanted.value, wanted.size, strict=True)
        for value, right, size in values:
            allowed = unit(right, tensor.dtype) + slack * size
            assert abs(value - right) <= allowed, (spec.text, export, name, value, right)


@given(data=st.data())
def test_sweeps_give_the_bits_of_whole_tensors(data: st.DataObject) -> None:
    spec = data.draw(specs("any"))
    held = data.draw(checkpoints(spec, exact=False))
    found = merged(spec, held)
    for each in tensor_graphs(check_bundle(spec.bundle), held):
        graph, tensor = normal_form(each.graph), found[each.export, each.name]
        used = [each.inputs[leaf.key].dtype for leaf in graph.leaves(graph.outputs["result"])]
        work = work_dtype([*used, tensor.dtype])
        data_of_whole = whole(graph, each.inputs, work, tensor.dtype, each.name, each.sites)
        assert data_of_whole == tensor.data, (spec.text, each.export, each.name)


@given(data=st.data())
def test_every_pass_keeps_the_exact_value(data: st.DataObject) -> None:
    spec = data.draw(specs("any"))
    held = data.draw(checkpoints(spec, exact=True))
    checked = check_bundle(spec.bundle)
    oracle, roots = as_written(checked, held)
    for each in tensor_graphs(checked, held):
        wanted = oracle.tensor(roots[each.export], each.name).value
        sources = {key: fraction_list(tensor) for key, tensor in each.inputs.items()}
        step = each.graph
        assert near(exact(step, sources, each.name, each.sites), wanted), spec.text
        for run in PIPELINE:
            step = run(step)
            assert near(exact(step, sources, each.name, each.sites), wanted), (run, spec.text)


@given(data=st.data())
def test_the_normal_form_is_near_what_is_written(data: st.DataObject) -> None:
    spec = data.draw(specs("smooth"))
    held = data.draw(checkpoints(spec, exact=True))
    checked = check_bundle(spec.bundle)
    oracle, roots = as_written(checked, held)
    for each in tensor_graphs(checked, held):
        found = [
            np.frombuffer(in_f64(graph, each), np.float64)
            for graph in (expand_composites(each.graph), normal_form(each.graph))
        ]
        sizes = [float(size) for size in oracle.tensor(roots[each.export], each.name).size]
        gaps = np.abs(found[0] - found[1])
        assert np.all(gaps <= float(rounding_of(Dtype.F64, [Dtype.F32])) * np.array(sizes))


@given(spec=specs("any"))
def test_names_say_nothing_and_order_free_operands_have_no_order(spec: SpecText) -> None:
    graph = check_bundle(spec.bundle).graph
    for text in (spec.renamed, spec.permuted):
        again = check_bundle(spec.given(text)).graph
        assert again.outputs == graph.outputs, text


@pytest.mark.parametrize(
    ("left", "right"), [(Dtype.BF16, Dtype.F16), (Dtype.BF16, Dtype.F32), (Dtype.F16, Dtype.F32)]
)
def test_equal_tensors_cancel_whatever_their_dtypes(left: Dtype, right: Dtype) -> None:
    # A random spec once found a direction, for slerp, in what was left of 0.3 of nothing.
    x = np.arange(-8, 9) / 16
    held = {"a": {"w": stored(x, left)}, "base": {"w": stored(x, right)}}
    text = 'a = model("./a", id="a")\nbase = model("./base", id="base")\n'
    text += "gone = 0.3*(a - base)\nexport delta gone\n"
    assert not loaded(evaluate(text, held, REFERENCE)["w"]).any()


def test_an_operand_given_twice_has_one_order() -> None:
    head = 'a = model("./a")\nb = model("./b")\n'
    first, second = (
        check_text(SourceText("twice.merge", f"{head}c = linear(a, a, b; weights={weights})\n"))
        for weights in ("[1, 3, 2]", "[3, 1, 2]")
    )
    assert first.exports[0].node == second.exports[0].node


def merged(spec: SpecText, held: Checkpoints) -> Merged:
    """What the reference backend makes of the floating tensors of every export."""
    return {
        (export, name): tensor
        for export, tensors in evaluate_bundle(spec.bundle, held, REFERENCE).items()
        for name, tensor in tensors.items()
        if tensor.dtype.is_float
    }


def as_written(checked: Elaborated, held: Checkpoints) -> tuple[AsWritten, dict[str, NodeKey]]:
    """The oracle, and what each export is in its graph."""
    sources = {
        label: {n: fraction_list(x) for n, x in tensors.items() if x.dtype.is_float}
        for label, tensors in held.items()
    }
    return AsWritten(checked.graph, sources), {e.name: e.node for e in checked.exports}


def every_tensor(checked: Elaborated, oracle: AsWritten) -> set[tuple[str, str]]:
    return {(e.name, name) for e in checked.exports for name in oracle.names(e.node).names}


def in_f64(graph: Graph, each: TensorGraph) -> bytes:
    return whole(graph, each.inputs, Dtype.F64, Dtype.F64, each.name, each.sites)


def work_dtype(dtypes: Sequence[Dtype]) -> Dtype:
    return Dtype.F64 if {Dtype.F32, Dtype.F64} & set(dtypes) else Dtype.F32


def unit(value: Fraction, dtype: Dtype) -> Fraction:
    """One unit in the last place of `dtype` at `value`."""
    exponent = math.frexp(float(value))[1] - 1 if value else LEAST[dtype]
    return Fraction(2) ** (max(exponent, LEAST[dtype]) - SIGNIFICAND_BITS[dtype] + 1)


def rounding_of(out: Dtype, stored: Sequence[Dtype]) -> Fraction:
    """Relative error of the work, roundings of coefficients on the way included.

    A coefficient has the bits that stored data leave free: 13 beside f16, 16 beside bf16, 29
    beside f32. Results are a few roundings away from the rationals.
    """
    if work_dtype([out, *stored]) is Dtype.F64:
        return Fraction(1, 2**26)
    return Fraction(1, 2**10) if Dtype.F16 in stored else Fraction(1, 2**13)


def near(found: Sequence[Fraction], wanted: Sequence[Fraction]) -> bool:
    """Equal, but for the angles and norms that pass through float64."""
    largest = max((abs(x) for x in wanted), default=Fraction(0))
    gaps = (abs(x - y) for x, y in zip(found, wanted, strict=True))
    return all(gap <= largest / 2**40 for gap in gaps)
