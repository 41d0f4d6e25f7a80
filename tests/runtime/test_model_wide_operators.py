"""stitch, emr and pcb over a checkpoint of many tensors, against one long vector in numpy."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
import pytest

from mergec.backends import Backend
from mergec.catalog import Dtype
from mergec.diagnostics import MergecError
from mergec.ir import Value
from mergec.ops import STAGES
from mergec.verify.evaluate import StoredTensor
from mergec.verify.law_tensors import stored
from tests.ops.stage_runner import installed_backends, run_stage
from tests.oracles import model_wide
from tests.runtime.test_global_scope import SHAPES, Floats, delta, filled, floats, made

backends = pytest.mark.parametrize("backend", installed_backends())
seeds = pytest.mark.parametrize("seed", range(6))
F64 = dict.fromkeys(SHAPES, Dtype.F64)
DELTAS = "code - base, math - base, -(code - base) - 1/2*(math - base)"
Held = dict[str, dict[str, StoredTensor]]


def deltas(held: Held) -> list[dict[str, Floats]]:
    """Two task vectors, and one that opposes both in part."""
    code, math = delta(held, "code"), delta(held, "math")
    return [code, math, {name: -x - math[name] / 2 for name, x in code.items()}]


def exported(expression: str, held: Held, backend: Backend) -> dict[str, Floats]:
    return made(f'export delta {expression} as "d"\n', held, backend)


def same(found: Mapping[str, Floats], expected: Mapping[str, Floats], share: float) -> None:
    assert {*found} == {*expected}
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=share, atol=share, err_msg=name)


@backends
@seeds
def test_each_task_keeps_its_largest_entries_of_all_tensors(seed: int, backend: Backend) -> None:
    held = filled(seed, F64)
    found = exported(f"stitch({DELTAS}; density=[1/3, 1/5, 1])", held, backend)
    densities = [Fraction(1, 3), Fraction(1, 5), Fraction(1)]
    same(found, model_wide.stitched(deltas(held), densities), 1e-15)


@backends
@seeds
@pytest.mark.parametrize("task", [1, 2, 3])
def test_a_task_has_one_factor_for_all_tensors(seed: int, task: int, backend: Backend) -> None:
    held = filled(seed, F64)
    found = exported(f"emr({DELTAS}; task={task})", held, backend)
    same(found, model_wide.own_share(deltas(held), task), 1e-13)


@backends
@seeds
@pytest.mark.parametrize(("ratio", "clip"), [("1/2", "0"), ("1/10", "1/10"), ("1", "1/2")])
def test_all_tensors_compete_with_each_other(
    seed: int, ratio: str, clip: str, backend: Backend
) -> None:
    held = filled(seed, F64)
    found = exported(f"pcb({DELTAS}; ratio={ratio}, clip={clip})", held, backend)
    same(found, model_wide.balanced(deltas(held), Fraction(ratio), Fraction(clip)), 1e-9)


@pytest.mark.parametrize("operator", ["stitch(%s; density=1/3", "emr(%s; task=2", "pcb(%s"])
def test_a_tensor_alone_is_something_else(operator: str) -> None:
    (backend, *_) = (each.values[0] for each in installed_backends())
    held = filled(1, F64)
    call = operator % DELTAS
    alone = exported(f"{call}{',' if ';' in call else ';'} scope=tensor)", held, backend)
    together = exported(f"{call})", held, backend)
    assert any(not np.array_equal(alone[name], x) for name, x in together.items())


@backends
@pytest.mark.parametrize("scope", ["tensor", "global"])
@pytest.mark.parametrize(
    "operator", ["stitch(%s; density=1/3", "emr(%s; task=2", "pcb(%s; clip=1/4"]
)
def test_tensors_without_elements_are_no_hindrance(
    operator: str, scope: str, backend: Backend
) -> None:
    empty = StoredTensor(Dtype.F32, (0, 3), b"")
    held: Held = {label: {"w": empty, "v": empty} for label in ("base", "code", "math")}
    found = exported(f"{operator % DELTAS}, scope={scope})", held, backend)
    assert {name: x.shape for name, x in found.items()} == {"w": (0, 3), "v": (0, 3)}


@backends
def test_many_task_vectors_do_not_overflow(backend: Backend) -> None:
    # exp(n) of more than 709 task vectors is no float64, and their scores are.
    operands = [np.array([3.0, 1, 2, 0]) * i for i in range(1, 801)]
    params: dict[str, Value] = {"ratio": Fraction(1, 4), "clip": Fraction(0)}
    found = run_stage(STAGES["balanced_mean"], backend, operands, params)
    np.testing.assert_allclose(found, [3 * 400.5, 0, 0, 0], rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "code", "said"),
    [
        ("emr(base, code, math; task=3)", "E203", "`task` must be at least 1 and at most 2"),
        ("emr(base, code, math; task=0)", "E203", "`task` must be at least 1 and at most 2"),
        ("emr(base, code, math)", "E205", "`emr` needs `task`"),
        ("pcb(base, code; clip=0.6)", "E203", "`clip` must be at least 0 and at most 0.5"),
        ("pcb(base, code; ratio=0)", "E203", "`ratio` must be greater than 0 and at most 1"),
    ],
)
def test_a_parameter_out_of_range_is_named(call: str, code: str, said: str) -> None:
    (backend, *_) = (each.values[0] for each in installed_backends())
    with pytest.raises(MergecError) as caught:
        made(f"child = {call}\n", filled(0), backend)
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == (code, said)


def order_of(operands: Sequence[str], held: Held, backend: Backend) -> dict[str, Floats]:
    return exported(f"emr({', '.join(operands)}; task=1)", held, backend)


def test_tasks_are_numbered_as_they_are_written() -> None:
    (backend, *_) = (each.values[0] for each in installed_backends())
    held = filled(3, F64)
    for operands, task in (
        (("code - base", "math - base"), 1),
        (("math - base", "code - base"), 2),
    ):
        found = order_of(operands, held, backend)
        same(found, model_wide.own_share(deltas(held)[:2], task), 1e-13)


@backends
def test_information_counts_relative_to_its_norm_over_all_tensors(backend: Backend) -> None:
    held = filled(5, F64)
    for label, scale in (("code", 1.0), ("math", 2.0**-10)):
        squares = {name: x * x * scale + 2.0**-20 for name, x in delta(held, label).items()}
        of = held[f"of_{label}"] = dict(held[label])
        of |= {name: stored(x, Dtype.F64) for name, x in squares.items()}
    head = (
        'of_code = model("./of_code", id="of_code")\nof_math = model("./of_math", id="of_math")\n'
    )
    call = "fisher(code, math; fishers=[of_code, of_math], floor=0, weights=[3, 1], normalize=l2)"
    found = made(f"{head}child = {call}\n", held, backend)
    values, weights = list[dict[str, Floats]](), list[dict[str, Floats]]()
    for label, weight in (("code", 3.0), ("math", 1.0)):
        values.append(floats(held[label]))
        information = floats(held[f"of_{label}"])
        norm = np.sqrt(sum(float(np.sum(x * x)) for x in information.values()))
        weights.append({name: x * weight / norm for name, x in information.items()})
    expected = {
        name: sum(w[name] * x[name] for w, x in zip(weights, values, strict=True))
        / (weights[0][name] + weights[1][name])
        for name in values[0]
    }
    same(found, expected, 1e-13)


def test_information_that_is_nowhere_has_no_norm() -> None:
    (backend, *_) = (each.values[0] for each in installed_backends())
    held = filled(5, F64)
    nothing = {name: stored(0 * x, Dtype.F64) for name, x in floats(held["code"]).items()}
    held["none"] = {**held["code"], **nothing}
    with pytest.raises(MergecError) as caught:
        made(
            'none = model("./none", id="none")\n'
            "child = fisher(code, math; fishers=[none, none], normalize=l2)\n",
            held,
            backend,
        )
    (found,) = caught.value.diagnostics
    assert found.code == "E817"
    assert found.message == (
        "the Fisher information of an operand is 0 in all tensors, so it has no norm"
    )
