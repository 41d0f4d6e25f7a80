"""Steps run: tensors computed together have the bytes they have alone, and measures see them."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, final

import numpy as np
import pytest

from mergec.backends import Backend, get_backend
from mergec.backends.reference import NumpyNamespace
from mergec.catalog import Dtype, TensorEntry
from mergec.diagnostics import MergecError
from mergec.execute.measures import Collector
from mergec.execute.sweep import sweep_step
from mergec.ir import Fact, NodeKey
from mergec.ops.measures import Partial
from mergec.ops.tree_sum import LEAF
from mergec.plan import Row, schedule
from mergec.plan.steps import Output, Step, plan_steps, row_step
from tests.ops.stage_runner import installed_backends
from tests.plan.step_cases import (
    added,
    call,
    delta,
    dropped,
    entry,
    plan_of,
    reading,
    row,
    trimmed,
)

N = 2 * LEAF + 4321
NORM, APART = Fact("norm", (NodeKey("n"),)), Fact("cosine", (NodeKey("a"), NodeKey("b")))
HELD = {
    label: np.random.default_rng(seed).normal(0, 0.02, N).astype(np.float32)
    for seed, label in enumerate(("base", "code", "math"))
}
READ = [(label, entry("w", N, Dtype.F32)) for label in HELD]


@final
class HeldInput:
    """A tensor in memory."""

    def __init__(self, found: TensorEntry, data: bytes) -> None:
        self.entry = found
        self._data = memoryview(data)

    def block(self, start: int, count: int) -> memoryview:
        width = self.entry.dtype.bits // 8
        return self._data[start * width : (start + count) * width]


def run(
    step: Step,
    backend: Backend,
    *,
    block: int = LEAF,
    measures: Sequence[Fact] = (),
    held: dict[str, bytes] | None = None,
) -> tuple[dict[tuple[int, str], bytes], list[Partial]]:
    """The bytes of each output, emitted in order, and what each observation came to."""
    data = held or {label: array.tobytes() for label, array in HELD.items()}
    inputs = [
        HeldInput(found, data[label])
        for label, found in zip(step.program.inputs, step.entries, strict=True)
    ]
    made: dict[tuple[int, str], bytearray] = {}

    def emit(output: Output, offset: int, piece: memoryview) -> None:
        written = made.setdefault((output.export, output.row.tensor), bytearray())
        assert offset == len(written)
        written += piece

    collectors = [Collector.of(measures[o.reading.measure]) for o in step.observed]
    plan = schedule(step.program, step.work, step.meetings)
    sweep_step(step, plan, backend, inputs, block, emit, lambda: None, collectors)
    return {key: bytes(x) for key, x in made.items()}, [c.partial() for c in collectors]


def rows() -> list[Row]:
    """Rows that share much and are done in different sweeps; one is only cast."""
    spherical = call("slerp", (0, 1), t=Fraction(1, 3))
    ties = [delta(1), delta(2), trimmed(3), dropped(4, rescale="l1"), added(0, 5), added(7, 6)]
    return [
        row("w", READ, ties, dtype=Dtype.BF16, work=Dtype.F64),
        row("w", READ, [spherical], work=Dtype.F64),
        row("w", READ, [delta(1), added(0, 3, Fraction(7, 10))], work=Dtype.F64),
        row("w", READ[:1], dtype=Dtype.F16, work=Dtype.F64),
        row("w", READ, [delta(1), trimmed(3)], work=Dtype.F64),
    ]


@pytest.mark.parametrize("backend", installed_backends())
@pytest.mark.parametrize("block", [LEAF, 4 * LEAF])
def test_joint_results_are_those_of_each_row_alone(backend: Backend, block: int) -> None:
    made = rows()
    (step,) = plan_steps(plan_of(*([r] for r in made)))
    assert len({*schedule(step.program, step.work).done}) > 2

    joint, _ = run(step, backend, block=block)

    for number, alone in enumerate(made):
        (single,) = run(row_step(alone), backend)[0].values()
        assert joint[number, "w"] == single, alone.program


def test_a_step_computes_shared_calls_once() -> None:
    (step,) = plan_steps(plan_of(*([r] for r in rows())))
    together = len(step.program.calls)

    assert together == sum(len(r.program.calls) for r in rows()) - 3  # three times `code - base`


@pytest.mark.parametrize("backend", installed_backends())
@pytest.mark.parametrize("block", [LEAF, 4 * LEAF])
def test_measures_see_what_is_written_before_it_is_rounded(backend: Backend, block: int) -> None:
    child = row("w", READ, [delta(1), trimmed(3), added(0, 4)], dtype=Dtype.BF16, work=Dtype.F64)
    moved = [delta(1), trimmed(3), added(0, 4), delta(5, 0)]
    readings = [
        reading("w", READ, moved, [6], work=Dtype.F64),
        reading("w", READ, [delta(1), trimmed(3)], [3, 4], measure=1, work=Dtype.F64),
    ]
    (step,) = plan_steps(plan_of([child], readings=readings))

    made, ((norm, _), (angle, _)) = run(step, backend, block=block, measures=[NORM, APART])

    # The same program, written out whole in float64.
    (written,) = run(row_step(row("t", READ, moved, dtype=Dtype.F64, work=Dtype.F64)), backend)[
        0
    ].values()
    whole = np.frombuffer(written)
    assert norm[0] == pytest.approx(float(np.sum(whole * whole)), rel=1e-12)
    difference = HELD["code"].astype(np.float64) - HELD["base"]
    (kept,) = run(
        row_step(row("t", READ, [delta(1), trimmed(3)], dtype=Dtype.F64, work=Dtype.F64)), backend
    )[0].values()
    assert angle[0] == pytest.approx(float(np.sum(difference * np.frombuffer(kept))), rel=1e-12)
    assert len(made[0, "w"]) == 2 * N


def test_measures_do_not_depend_on_blocks_or_company() -> None:
    backend = installed_backends()[0].values[0]
    calls = [delta(1), trimmed(3)]
    alone = reading("w", READ, calls, [3, 4], measure=1, work=Dtype.F64)
    (apart,) = plan_steps(plan_of([], readings=[alone]))
    (joint,) = plan_steps(plan_of(*([r] for r in rows()), readings=[alone]))

    found = {
        repr(run(step, backend, block=block, measures=[NORM, APART])[1])
        for step in (apart, joint)
        for block in (LEAF, 2 * LEAF, 8 * LEAF)
    }

    assert len(found) == 1


def test_an_overflow_names_the_tensor_that_does_not_fit() -> None:
    backend = installed_backends()[0].values[0]
    read = [("base", entry("w", 2, Dtype.F32))]
    held = {"base": struct.pack("<2f", 1.0, 70000.0)}
    fits = row("fits", read, [call("affine", (0,), coefficients=(Fraction(2),))], work=Dtype.F64)
    small = row("small", read, dtype=Dtype.F16, work=Dtype.F64)
    (step,) = plan_steps(plan_of([fits], [small]))

    with pytest.raises(MergecError) as caught:
        run(step, backend, held=held)

    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("E806", "1 value does not fit f16 in tensor `small`")


def test_a_non_finite_source_is_named_by_its_own_tensor() -> None:
    backend = installed_backends()[0].values[0]
    read = [("base", entry("w", 2, Dtype.F32)), ("code", entry("other.w", 2, Dtype.F32))]
    held = {"base": bytes(8), "code": struct.pack("<2f", 1.0, float("nan"))}
    (step,) = plan_steps(plan_of([row("w", read, [delta()])]))

    with pytest.raises(MergecError) as caught:
        run(step, backend, held=held)

    (found,) = caught.value.diagnostics
    assert found.code == "E805"
    assert found.message == "1 value is NaN or infinite in tensor `other.w` of `code`"


def test_a_tensor_without_elements_has_measures() -> None:
    backend = installed_backends()[0].values[0]
    read = [("base", entry("w", 0, Dtype.F32))]
    (step,) = plan_steps(plan_of([], readings=[reading("w", read, [], [0])]))

    made, found = run(step, backend, held={"base": b""}, measures=[NORM])

    assert (made, found) == ({}, [((0.0,), (0, 0))])


def test_trims_to_several_densities_count_magnitudes_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first digit's counts serve all of them; the next digit's those in one bucket."""
    densities = [Fraction(1, 2), Fraction(1, 2) - Fraction(1, N), Fraction(1, 10)]
    made = [
        row("w", READ, [delta(1), call("trim", (3,), density=density)], work=Dtype.F32)
        for density in densities
    ]
    (step,) = plan_steps(plan_of(*([r] for r in made)))
    counted: list[tuple[int, int]] = []
    histogram = NumpyNamespace.histogram

    def counting(self: NumpyNamespace, x: Any, shift: int, prefix: int) -> Any:
        counted.append((shift, prefix))
        return histogram(self, x, shift, prefix)

    backend = get_backend("reference")
    monkeypatch.setattr(NumpyNamespace, "histogram", counting)
    joint, _ = run(step, backend, block=4 * LEAF)
    assert [shift for shift, _ in counted] == [16, 0, 0]
    assert len({*counted}) == 3
    monkeypatch.undo()
    for number, alone in enumerate(made):
        (single,) = run(row_step(alone), backend)[0].values()
        assert joint[number, "w"] == single
