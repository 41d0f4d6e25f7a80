"""What `mergec test` compares with the rationals: matrices, rows, and statistics of all tensors.

That right plans pass says little, so each meaning is held against a plan that computes something
else: only the rationals can notice, for runs and whole tensors have the same fault.
"""

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mergec.backends import get_backend
from mergec.elaborate import Bundle
from mergec.ops import (
    arcee_fusion,
    balancing,
    flatten_spectrum,
    global_fisher,
    global_trim,
    join_spectra,
    own_share,
    regmean,
    shrunk_rows,
)
from mergec.plan import check_bundle, compile_bundle
from mergec.syntax import read_spec
from mergec.verify import exact
from mergec.verify.exact.jacobi import decomposed, outer_sum
from mergec.verify.trial import Report, compare, rationals, try_plan
from tests.catalog.safetensors_bytes import Tensor
from tests.toy_checkpoints import write_checkpoint

MODELS = ("base", "code", "math")
LABELS = (*MODELS, "g", "h")
SHAPES: Mapping[str, tuple[int, ...]] = {
    "model.layers.0.mlp.up_proj.weight": (6, 4),
    "model.layers.1.mlp.up_proj.weight": (6, 4),
    "model.norm.weight": (4,),
    "conv.weight": (3, 2, 2, 1),
}
GRAMS = {name: (shape[-1],) * 2 for name, shape in SHAPES.items() if len(shape) == 2}


@pytest.fixture
def tried(tmp_path: Path) -> Callable[[str], Report]:
    """A function that tries an expression over small float32 checkpoints, at the least effort."""
    for label in LABELS:
        shapes = SHAPES if label in MODELS else GRAMS
        config = {"model_type": "llama", "num_hidden_layers": 2}
        write_checkpoint(tmp_path / label, {n: zeros(s) for n, s in shapes.items()}, config=config)

    def try_it(expression: str) -> Report:
        used = [label for label in LABELS if f"{label}" in expression.replace("grams", "")]
        head = "".join(f'{label} = model("./{label}")\n' for label in used)
        path = tmp_path / "spec.merge"
        path.write_text(f"{head}child = {expression}\nexport child\n")
        bundle = Bundle(read_spec(path, "spec.merge"), tmp_path)
        sources = {e.decl.label: e.checkpoint for e in compile_bundle(bundle).plan.sources}
        report = Report("spec.merge", 0, "fast")
        try_plan(check_bundle(bundle), sources, [get_backend("reference")], "fast", report)
        return report

    return try_it


def zeros(shape: tuple[int, ...]) -> Tensor:
    """What the weights are does not count: the trial fills in its own."""
    count = int(np.prod(shape))
    return "F32", [*shape], struct.pack(f"<{count}f", *[0.0] * count)


STATED = [
    "iso_c(base, code, math; level=rank)",
    "iso_c(base, code, math; level=full, scale=1/3)",
    "base + iso_c(0.3*(code - base), math - base; level=rank)",
    "tsvm(base, code, math)",
    "tsvm(base, code; scale=0.3)",
    "regmean(code, math; grams=[g, h])",
    "regmean(code, math, base; grams=[g, h, g], weights=[1, 0, 1/3], ridge=0, alpha=1)",
    "pcb(base, code, math)",
    "pcb(base, code, math; ratio=1/2, clip=0.1)",
    "pcb(base, code, math; ratio=1/3, scope=tensor)",
    "model_stock(base, code, math; scope=row)",
    "model_stock(base, code, math; scope=row, estimator=gram, guard=none)",
    "emr(base, code, math; task=2)",
    "fisher(code, math; fishers=[base, code], normalize=l2)",
    "stitch(base, code, math; density=0.1)",
    "ties(base, code, math; scope=global, zero=majority, scale=ramp(1/2, 1))",
    "base + trim(code - base; density=0.3, scope=global, rescale=l2)",
    # Statistics below statistics, and below views that give tensors other names.
    "base + trim(code - trim(math - base; density=1/2, scope=global) - base; density=0.3,"
    " scope=global)",
    "ties(base, stack(code[1..], code[..1]), math; scope=global)",
    "stack((base + trim(code - base; density=0.3, scope=global))[1..],"
    " (base + trim(math - base; density=0.3, scope=global))[..1])",
    "base + trim(dare(code - base; density=1/2); density=0.3, scope=global)",
    # What rounding decides is open, and no difference.
    "base + trim(0.3*(code - base) + 0.6*(math - base); density=0.3, scope=global)",
    "arcee_fusion(0.3*base + 0.7*code, math)",
]


@pytest.mark.parametrize("expression", STATED)
def test_every_tensor_is_compared_and_agrees(
    tried: Callable[[str], Report], expression: str
) -> None:
    report = tried(expression)
    assert report.findings == []
    assert dict(report.left_out) == {}
    # Four tensors, three kinds of numbers.
    assert report.compared["exact"].tensors == 12
    assert report.compared["exact"].open <= report.compared["exact"].elements // 4


def test_a_parameter_that_no_statistic_needs_may_differ_from_tensor_to_tensor(
    tried: Callable[[str], Report],
) -> None:
    report = tried("ties(base, code, math; scope=global, density=1/3, scale=ramp(0.1, 1))")
    assert (report.state, dict(report.left_out)) == ("passed", {})


Function = Callable[..., Any]


def one_more(right: Function) -> Function:
    def found(*given: Any) -> Any:
        return right(*given) + 1

    return found


def one_less(right: Function) -> Function:
    def found(*given: Any) -> Any:
        return right(*given) - 1

    return found


def squared(right: Function) -> Function:
    def found(*given: Any) -> Any:
        return right(*given) ** 2

    return found


def negated(right: Function) -> Function:
    def found(*given: Any) -> Any:
        return -right(*given)

    return found


def first_counts_twice(right: Function) -> Function:
    def found(*given: Any) -> list[float]:
        first, *others = right(*given)
        return [2 * first, *others]

    return found


def too_far(right: Function) -> Function:
    def found(xp: Any, x: Any, shift: Any) -> Any:
        return right(xp, x, shift * 1.125)

    return found


def sums_for_means(right: Function) -> Function:
    def found(acc: Any, site: Any) -> tuple[float, float]:
        own, shared = right(acc, site)
        return own * site.numel, shared * site.numel

    return found


def half_of_the_numerator(right: Function) -> Function:
    def found(*given: Any) -> tuple[Any, Any]:
        above, below = right(*given)
        return above * 0.5, below

    return found


# A stage's module, the function of it that goes wrong, how, and an expression that needs it.
FAULTS: Mapping[str, tuple[Any, str, Callable[[Any], Any], str]] = {
    "level": (flatten_spectrum, "singular_values", first_counts_twice, STATED[0]),
    "room": (join_spectra, "rank_room", one_less, STATED[3]),
    "shift": (regmean, "_moved", too_far, STATED[5]),
    "quantile": (balancing, "_floor", one_more, "pcb(base, code, math; ratio=1/2)"),
    "quantile of a tensor": (balancing, "_floor", one_more, STATED[9]),
    "row": (shrunk_rows, "_fraction", half_of_the_numerator, STATED[10]),
    "task": (own_share, "means", sums_for_means, STATED[12]),
    "norm": (global_fisher, "_norm", squared, STATED[13]),
    "count": (global_trim, "kept_count", one_more, STATED[16]),
    "importance": (arcee_fusion, "importance", negated, STATED[-1]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_plan_that_computes_something_else_is_noticed(
    tried: Callable[[str], Report], monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    module, name, wrong, expression = FAULTS[fault]
    monkeypatch.setattr(module, name, wrong(getattr(module, name)))
    report = tried(expression)
    assert report.compared["exact"].differing
    assert not report.compared["reference"].differing


def test_what_has_no_meaning_in_another_tensor_is_said_of_all(
    tried: Callable[[str], Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    less = {name: m for name, m in exact.MEANINGS.items() if name != "slerp"}
    monkeypatch.setattr("mergec.verify.exact_value.MEANINGS", less)
    arms = "match { norm => base, else => slerp(code, base; t=0.3) }"
    report = tried(f"base + trim({arms} - base; density=0.3, scope=global)")
    assert report.compared["reference"].tensors == 12
    # Where `slerp` stands in the tensor itself its stages are looked at too.
    assert dict(report.left_out) == {
        "with exact: no exact meaning is stated of slerp": 3,
        "with exact: no exact meaning is stated of slerp, global_trim": 9,
    }


def test_statistics_of_too_many_elements_are_left_out(
    tried: Callable[[str], Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rationals, "_MOST_ELEMENTS", 90)
    report = tried("base + trim(code - base; density=0.3, scope=global)")
    said = "with exact: no exact meaning is stated of statistics of 96 elements"
    assert dict(report.left_out) == {said: 12}


def test_draws_are_forgotten_where_they_are_too_much(
    tried: Callable[[str], Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> int:
        return 0

    # Were no rounding allowed, noise would be drawn for most tensors.
    monkeypatch.setattr(compare, "unit", none)
    monkeypatch.setattr(compare, "_DRAWS", 3)
    usual = tried(STATED[-2]).compared["exact"]
    monkeypatch.setattr(rationals, "_MOST_ELEMENTS", 150)
    assert tried(STATED[-2]).compared["exact"] == usual
    assert usual.open


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (5, 3), (6, 6), (1, 4)])
def test_rotations_of_columns_find_singular_values(shape: tuple[int, int]) -> None:
    matrix = np.random.default_rng(shape).normal(size=shape)
    triples = decomposed(matrix.tolist())
    assert np.allclose([t.value for t in triples], np.linalg.svd(matrix)[1], rtol=1e-14)
    for vectors in ([t.left for t in triples], [t.right for t in triples]):
        assert np.allclose(np.array(vectors) @ np.array(vectors).T, np.eye(len(vectors)))
    again = outer_sum(*zip(*triples, strict=True))
    assert np.allclose(again, matrix, rtol=1e-13)


def test_values_that_are_zero_have_no_vectors() -> None:
    assert decomposed([[0.0, 0.0], [0.0, 0.0]]) == []
    assert len(decomposed([[1.0, 2.0], [2.0, 4.0]])) in (1, 2)
    assert [t.value for t in decomposed([[0.0, 3.0], [0.0, 0.0]])] == [3.0]
