"""Random specs against two oracles, two backends, and themselves said in another way."""

import math
from collections.abc import Mapping, Sequence
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
from mergec.passes import PIPELINE, expand_composites, normal_form
from mergec.plan import check_text
from mergec.verify.evaluate import StoredTensor, evaluate
from mergec.verify.law_tensors import NUMPY_DTYPES, loaded, stored
from tests.oracles.condition import magnitudes
from tests.oracles.exact import exact
from tests.oracles.whole import whole
from tests.strategies import Checkpoints, SpecText, checkpoints, fraction_list, specs

REFERENCE = get_backend("reference")
# Exponents of the smallest normal numbers.
LEAST = {Dtype.BF16: -126, Dtype.F16: -14, Dtype.F32: -126, Dtype.F64: -1022}


def elaborated(spec: SpecText) -> Elaborated:
    return check_text(SourceText("random.merge", spec.text))[0]


@given(data=st.data())
def test_torch_gives_the_bits_of_the_reference(data: st.DataObject) -> None:
    pytest.importorskip("torch")
    spec = data.draw(specs("any"))
    held = data.draw(checkpoints(spec.labels, exact=False))
    found = evaluate(spec.text, held, get_backend("torch"))
    assert found == evaluate(spec.text, held, REFERENCE)


@given(data=st.data())
def test_exact_specs_give_exactly_the_rationals(data: st.DataObject) -> None:
    spec = data.draw(specs("exact"))
    held = data.draw(checkpoints(spec.labels, exact=True))
    checked = elaborated(spec)
    for name, tensor in merged(spec, held).items():
        wanted = exact(checked.graph, elements(held, name), name)
        # The fractions are dyadic and short, so float64 holds them and only storing them rounds.
        assert all(Fraction(float(x)) == x for x in wanted)
        narrow = np.array([float(x) for x in wanted]).astype(np.float32)
        assert narrow.astype(np.float64).tolist() == [float(x) for x in wanted]
        rounded = narrow.astype(NUMPY_DTYPES[tensor.dtype]).astype(np.float64)
        assert loaded(tensor).ravel().tolist() == rounded.tolist(), spec.text


@given(data=st.data())
def test_smooth_specs_are_within_a_unit_of_the_rationals(data: st.DataObject) -> None:
    spec = data.draw(specs("smooth"))
    held = data.draw(checkpoints(spec.labels, exact=True))
    checked = elaborated(spec)
    for name, tensor in merged(spec, held).items():
        sources = elements(held, name)
        wanted = exact(checked.graph, sources, name)
        sizes = magnitudes(checked.graph, sources, name)
        slack = rounding_of(tensor.dtype, [entry(held[label], name).dtype for label in held])
        for value, right, size in zip(fraction_list(tensor), wanted, sizes, strict=True):
            allowed = unit(right, tensor.dtype) + slack * size
            assert abs(value - right) <= allowed, (spec.text, name, value, right)


@given(data=st.data())
def test_sweeps_give_the_bits_of_whole_tensors(data: st.DataObject) -> None:
    spec = data.draw(specs("any"))
    held = data.draw(checkpoints(spec.labels, exact=False))
    graph = normal_form(elaborated(spec).graph)
    used = [str(leaf.param("label")) for leaf in graph.leaves(next(iter(graph.outputs.values())))]
    for name, tensor in merged(spec, held).items():
        inputs = {label: entry(held[label], name) for label in used}
        work = work_dtype([*(x.dtype for x in inputs.values()), tensor.dtype])
        assert whole(graph, inputs, work, tensor.dtype, name) == tensor.data, spec.text


@given(data=st.data())
def test_every_pass_keeps_the_exact_value(data: st.DataObject) -> None:
    spec = data.draw(specs("any"))
    held = data.draw(checkpoints(spec.labels, exact=True))
    graph = elaborated(spec).graph
    for name in names(held):
        sources = elements(held, name)
        wanted = exact(graph, sources, name)
        step = graph
        for run in PIPELINE:
            step = run(step)
            assert near(exact(step, sources, name), wanted), (run.__name__, spec.text)


@given(data=st.data())
def test_the_normal_form_is_near_what_is_written(data: st.DataObject) -> None:
    spec = data.draw(specs("smooth"))
    held = data.draw(checkpoints(spec.labels, exact=True))
    written = elaborated(spec).graph
    graphs = expand_composites(written), normal_form(written)
    for name in names(held):
        inputs = {label: entry(tensors, name) for label, tensors in held.items()}
        found = [
            np.frombuffer(whole(graph, inputs, Dtype.F64, Dtype.F64, name), np.float64)
            for graph in graphs
        ]
        sizes = [float(size) for size in magnitudes(written, elements(held, name), name)]
        gaps = np.abs(found[0] - found[1])
        assert np.all(gaps <= float(rounding_of(Dtype.F64, [Dtype.F32])) * np.array(sizes))


@given(spec=specs("any"))
def test_names_say_nothing_and_order_free_operands_have_no_order(spec: SpecText) -> None:
    graph = elaborated(spec).graph
    for text in (spec.renamed, spec.permuted):
        again = check_text(SourceText("again.merge", text))[0].graph
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
        check_text(SourceText("twice.merge", f"{head}c = linear(a, a, b; weights={weights})\n"))[0]
        for weights in ("[1, 3, 2]", "[3, 1, 2]")
    )
    assert first.export.node == second.export.node


def merged(spec: SpecText, held: Checkpoints) -> dict[str, StoredTensor]:
    """What the reference backend makes of the floating tensors."""
    found = evaluate(spec.text, held, REFERENCE)
    return {name: tensor for name, tensor in found.items() if name.endswith("weight")}


def names(held: Checkpoints) -> list[str]:
    return [name for name in held["base"] if name.endswith("weight")]


def entry(tensors: Mapping[str, StoredTensor], name: str) -> StoredTensor:
    """A tensor by its name in the output, wherever a prefix stands."""
    plain, prefixed = name.removeprefix("model."), f"model.{name.removeprefix('model.')}"
    return tensors[plain] if plain in tensors else tensors[prefixed]


def elements(held: Checkpoints, name: str) -> dict[str, list[float]]:
    return {label: loaded(entry(tensors, name)).ravel().tolist() for label, tensors in held.items()}


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
