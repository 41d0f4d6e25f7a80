"""Random specs against two oracles, two backends, and themselves said in another way."""

from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.backends import Backend, get_backend, installed_backends
from mergec.catalog import Dtype
from mergec.diagnostics import MergecError, SourceText
from mergec.elaborate import Bundle, Elaborated
from mergec.ir import Graph, NodeKey
from mergec.passes import PIPELINE, expand_composites, normal_form
from mergec.plan import check_bundle, check_text
from mergec.verify.evaluate import StoredTensor, evaluate, evaluate_bundle
from mergec.verify.exact_value import Exact, Noise, exact, exact_value, unstated
from mergec.verify.law_tensors import NUMPY_DTYPES, loaded, stored
from mergec.verify.trial.compare import differs, differs_from_exact, rounding, unit
from mergec.verify.trial.expected import is_of_many
from mergec.verify.whole import whole
from tests.oracles.as_written import AsWritten, as_written
from tests.oracles.per_tensor import TensorGraph, rows_of, tensor_graphs
from tests.strategies import (
    UNDEFINED,
    Checkpoints,
    SpecText,
    checkpoints,
    defined,
    fraction_list,
    specs,
)

REFERENCE = get_backend("reference")
# By the name of an export and that of a tensor.
Merged = dict[tuple[str, str], StoredTensor]


@pytest.mark.parametrize(
    "backend", ["native", "torch", pytest.param("jax", marks=pytest.mark.slow)]
)
@given(data=st.data())
def test_a_backend_gives_the_bits_of_the_reference(backend: str, data: st.DataObject) -> None:
    """Of class T what is near them; and it has no result where the reference has none."""
    if backend not in installed_backends():
        pytest.skip(f"the library of {backend} is not installed")
    spec = data.draw(specs("any"))
    held = data.draw(checkpoints(spec, exact=False))
    other, rows = get_backend(backend), rows_of(check_bundle(spec.bundle), held)
    wanted = outcome(spec, held, REFERENCE)
    found = outcome(spec, held, other)
    if isinstance(wanted, str) or isinstance(found, str):
        assert found == wanted, spec.text
        return
    for (export, name), tensor in wanted.items():
        row, mine = rows[export, name], found[export, name]
        if row.action == "merge" and row.exactness == "T":
            assert near_each_other(mine, tensor, held), (spec.text, export, name)
        elif row.action == "merge":
            assert differs(mine, tensor, row.exactness, row.work, backend) is None, (
                spec.text,
                name,
            )
        else:
            assert mine == tensor


@given(data=st.data())
def test_exact_specs_give_exactly_the_rationals(data: st.DataObject) -> None:
    spec = data.draw(specs("exact"))
    held = data.draw(checkpoints(spec, exact=True))
    checked = check_bundle(spec.bundle)
    oracle, roots = oracle_of(checked, held)
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
    oracle, roots = oracle_of(checked, held)
    rows = rows_of(checked, held)
    for (export, name), tensor in merged(spec, held).items():
        wanted, row = oracle.tensor(roots[export], name), rows[export, name]
        slack = rounding(row.work, [entry.dtype for entry in row.entries])
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
        if is_of_many(graph):
            continue  # one tensor by itself does not tell
        used = [each.inputs[leaf.key].dtype for leaf in graph.leaves(graph.outputs["result"])]
        work = work_dtype([*used, tensor.dtype])
        shape = tensor.shape
        data_of_whole = whole(graph, each.inputs, work, tensor.dtype, each.name, each.sites, shape)
        assert data_of_whole == tensor.data, (spec.text, each.export, each.name)


@given(data=st.data())
def test_every_pass_keeps_the_exact_value(data: st.DataObject) -> None:
    spec = data.draw(specs("stated"))
    held = data.draw(checkpoints(spec, exact=True))
    checked = check_bundle(spec.bundle)
    oracle, roots = oracle_of(checked, held)
    for each in tensor_graphs(checked, held):
        if is_of_many(each.graph):
            continue  # one tensor by itself does not tell
        wanted = oracle.tensor(roots[each.export], each.name).value
        sources = {key: fraction_list(tensor) for key, tensor in each.inputs.items()}
        shapes = {key: tensor.shape for key, tensor in each.inputs.items()}
        step = each.graph
        assert near(exact(step, sources, each.name, each.sites, shapes), wanted), spec.text
        for run in PIPELINE:
            step = run(step)
            if unstated(step):
                break  # not every stage has a meaning of its own
            found = exact(step, sources, each.name, each.sites, shapes)
            assert near(found, wanted), (run, spec.text)


@given(data=st.data())
def test_what_no_rounding_explains_is_near_the_rationals(data: st.DataObject) -> None:
    """Where a choice hangs on a rounding, noise shows what else a run might have chosen."""
    spec = data.draw(specs("stated"))
    held = data.draw(checkpoints(spec, exact=False))
    checked, found = check_bundle(spec.bundle), merged(spec, held)
    rows = rows_of(checked, held)
    for each in tensor_graphs(checked, held):
        if is_of_many(each.graph):
            continue  # one tensor by itself does not tell
        again = partial(exactly, each)
        stored = [tensor.dtype for tensor in each.inputs.values()]
        row, tensor = rows[each.export, each.name], found[each.export, each.name]
        difference, _ = differs_from_exact(tensor, again(None), stored, row.work, again)
        assert difference is None, (spec.text, each.export, each.name, difference)


@given(data=st.data())
def test_the_normal_form_is_near_what_is_written(data: st.DataObject) -> None:
    spec = data.draw(specs("smooth"))
    held = data.draw(checkpoints(spec, exact=True))
    checked = check_bundle(spec.bundle)
    oracle, roots = oracle_of(checked, held)
    for each in tensor_graphs(checked, held):
        if is_of_many(each.graph):
            continue  # one tensor by itself does not tell
        with defined():
            found = [
                np.frombuffer(in_f64(graph, each), np.float64)
                for graph in (expand_composites(each.graph), normal_form(each.graph))
            ]
        sizes = [float(size) for size in oracle.tensor(roots[each.export], each.name).size]
        gaps = np.abs(found[0] - found[1])
        assert np.all(gaps <= float(rounding(Dtype.F64, [Dtype.F32])) * np.array(sizes))


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


def test_a_sum_below_statistics_of_all_tensors_has_one_order() -> None:
    """Whatever else a row reads, the entries that it keeps are those that were counted.

    Three tensors of one source are added where the threshold is found and where it is used. Were
    their order another in a row that reads the source elsewhere too, one entry in a thousand would
    be on the other side of the threshold.
    """
    random = np.random.default_rng(0)
    names = [f"model.layers.{layer}.mlp.up_proj.weight" for layer in range(4)]
    held = {
        label: {
            name: stored(
                random.standard_normal(301) * 10.0 ** random.integers(-6, 6, 301), Dtype.F32
            )
            for name in names
        }
        for label in ("base", "a")
    }
    head = 'base = model("./base", id="base")\na = model("./a", id="a")\n'
    for one, two, three in permutations(range(4), 3):
        layers = [f"a[{layer}..{layer + 1}]" for layer in (one, two, three)]
        mixed = f"(0.3*{layers[0]} + 0.3*{layers[1]} - 0.6*{layers[2]})"
        for other in range(4):
            few = f"trim(a[{other}..{other + 1}] - base[..1]; density=0.0001)"
            text = f"{head}kept = trim({mixed}; density=1/2, scope=global)\nfew = {few}\n"
            text += 'export delta kept\nexport delta few\nexport delta few + kept as "both"\n'
            spec = Bundle(SourceText("sum.merge", text), Path())
            found = evaluate_bundle(spec, held, REFERENCE)
            kept, few_kept, both = (loaded(found[k][names[0]]) for k in ("kept", "few", "both"))
            alone = few_kept == 0
            assert np.array_equal(both[alone] != 0, kept[alone] != 0), text


@pytest.mark.parametrize(
    "said",
    [
        "base + trim(a - base; density=0.3, scope=global)",
        "base + trim(dare(a - base; density=0.5); density=0.3, scope=global)",
        "ties(a, base; density=0.3, scope=global)",
        'rename(trim(a - base; density=0.3, scope=global), "*" => "inner.*")',
        "base + trim(trim(a - base; density=0.7, scope=global); density=0.3, scope=global)",
    ],
)
def test_a_prefix_is_nothing_to_statistics_of_all_tensors(said: str) -> None:
    """The names that the export has are those that masks are drawn for, there too."""
    random = np.random.default_rng(0)
    held = {
        label: {
            f"model.layers.{layer}.mlp.up_proj.weight": stored(random.normal(size=30), Dtype.F32)
            for layer in range(3)
        }
        for label in ("base", "a")
    }
    word = "delta " if said.startswith("rename") else ""
    text = 'base = model("./base", id="base")\na = model("./a", id="a")\n'
    bundle = Bundle(SourceText("prefix.merge", f'{text}export {word}{said} as "r"\n'), Path())
    plain = evaluate_bundle(bundle, held, REFERENCE)["r"]
    prefixed = {f"wrapped.{name}": tensor for name, tensor in held["a"].items()}
    found = evaluate_bundle(bundle, {**held, "a": prefixed}, REFERENCE)["r"]
    assert {name.replace("wrapped.", ""): tensor for name, tensor in found.items()} == plain


def test_an_operand_given_twice_has_one_order() -> None:
    head = 'a = model("./a")\nb = model("./b")\n'
    first, second = (
        check_text(SourceText("twice.merge", f"{head}c = linear(a, a, b; weights={weights})\n"))
        for weights in ("[1, 3, 2]", "[3, 1, 2]")
    )
    assert first.exports[0].node == second.exports[0].node


def merged(spec: SpecText, held: Checkpoints) -> Merged:
    """What the reference backend makes of the floating tensors of every export."""
    with defined():
        return every(spec, held, REFERENCE)


def every(spec: SpecText, held: Checkpoints, backend: Backend) -> Merged:
    """The floating tensors of every export."""
    return {
        (export, name): tensor
        for export, tensors in evaluate_bundle(spec.bundle, held, backend).items()
        for name, tensor in tensors.items()
        if tensor.dtype.is_float
    }


def outcome(spec: SpecText, held: Checkpoints, backend: Backend) -> Merged | str:
    """What a backend makes of a spec, or the code of its refusal."""
    try:
        return every(spec, held, backend)
    except MergecError as error:
        if {found.code for found in error.diagnostics} != {UNDEFINED}:
            raise
        return UNDEFINED


def oracle_of(checked: Elaborated, held: Checkpoints) -> tuple[AsWritten, dict[str, NodeKey]]:
    """The oracle, and what each export is in its graph."""
    return as_written(checked.graph, held), {e.name: e.node for e in checked.exports}


def every_tensor(checked: Elaborated, oracle: AsWritten) -> set[tuple[str, str]]:
    return {(e.name, name) for e in checked.exports for name in oracle.names(e.node).names}


def exactly(each: TensorGraph, noise: Noise | None) -> Exact:
    """A tensor on rationals, perhaps with noise."""
    sources = {key: fraction_list(tensor) for key, tensor in each.inputs.items()}
    shapes = {key: tensor.shape for key, tensor in each.inputs.items()}
    return exact_value(each.graph, sources, each.name, each.sites, shapes, noise)


def in_f64(graph: Graph, each: TensorGraph) -> bytes:
    shape = next(iter(each.inputs.values())).shape
    return whole(graph, each.inputs, Dtype.F64, Dtype.F64, each.name, each.sites, shape)


def work_dtype(dtypes: Sequence[Dtype]) -> Dtype:
    return Dtype.F64 if {Dtype.F32, Dtype.F64} & set(dtypes) else Dtype.F32


def near_each_other(found: StoredTensor, wanted: StoredTensor, held: Checkpoints) -> bool:
    """Up to what functions of a library may differ by, in units of the largest number of all."""
    every = [x for tensors in held.values() for x in tensors.values() if x.dtype.is_float]
    largest = max((float(np.max(np.abs(loaded(x)), initial=0.0)) for x in every), default=0.0)
    largest = max(largest, float(np.max(np.abs(loaded(wanted)), initial=0.0)))
    gaps = np.abs(loaded(found) - loaded(wanted))
    return bool(np.all(gaps <= 4 * float(unit(Fraction(largest), wanted.dtype)) + largest / 2**30))


def near(found: Sequence[Fraction], wanted: Sequence[Fraction]) -> bool:
    """Equal, but for the angles and norms that pass through float64."""
    largest = max((abs(x) for x in wanted), default=Fraction(0))
    gaps = (abs(x - y) for x, y in zip(found, wanted, strict=True))
    return all(gap <= largest / 2**40 for gap in gaps)
