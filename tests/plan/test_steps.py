"""What a run computes together: every row once, each as its own program says."""

from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mergec.catalog import Dtype, TensorEntry
from mergec.plan import Plan, Row, StageCall, schedule
from mergec.plan.model import Reading
from mergec.plan.steps import Step, plan_steps, row_step
from tests.plan.step_cases import (
    added,
    copied,
    delta,
    dropped,
    entry,
    expression,
    plan_of,
    reading,
    result_of,
    row,
    trimmed,
)

BASE, CODE = ("base", entry("w")), ("code", entry("w"))
PAIR = [BASE, CODE]


def stages(step: Step) -> list[str]:
    return [call.stage for call in step.program.calls]


def test_rows_that_read_one_tensor_share_what_they_compute() -> None:
    mild = row("w", PAIR, [delta(), trimmed(2), added(0, 3, Fraction(1, 2))])
    full = row("w", PAIR, [delta(), trimmed(2), added(0, 3)])

    (step,) = plan_steps(plan_of([mild], [full]))

    assert stages(step) == ["affine", "trim", "affine", "affine"]
    assert [(o.export, o.row, o.result) for o in step.outputs] == [(0, mild, 0), (1, full, 1)]
    assert step.program.results == (4, 5)
    assert step.entries == (BASE[1], CODE[1])


def test_equal_rows_of_two_exports_are_one_result() -> None:
    mine = row("w", PAIR, [delta()])

    (step,) = plan_steps(plan_of([mine], [mine]))

    assert step.program == mine.program
    assert [(o.export, o.result) for o in step.outputs] == [(0, 0), (1, 0)]


def test_a_copy_and_other_tensors_are_steps_of_their_own() -> None:
    other = [("base", entry("v")), ("code", entry("v"))]
    rows = [copied("ids", "base", entry("w")), row("w", PAIR, [delta()]), row("v", other)]

    steps = plan_steps(plan_of(rows, [row("w", [BASE], dtype=Dtype.F32)]))

    assert [[o.row.tensor for o in step.outputs] for step in steps] == [["ids"], ["w", "w"], ["v"]]
    assert [step.copied for step in steps] == [rows[0], None, None]


def test_blocks_of_another_dtype_are_not_shared() -> None:
    narrow, wide = row("w", PAIR, [delta()]), row("w", PAIR, [delta()], work=Dtype.F64)

    assert [step.work for step in plan_steps(plan_of([narrow], [wide]))] == [Dtype.F32, Dtype.F64]


def test_a_mask_is_drawn_for_the_name_that_its_source_has() -> None:
    calls = [delta(), dropped(2, origin="key")]
    mine, renamed, moved = (
        row(name, PAIR, calls, origins=[("key", origin)])
        for name, origin in (("w", "w"), ("v", "w"), ("w", "layers.1.w"))
    )

    (step,) = plan_steps(plan_of([mine], [renamed], [moved]))

    drawn = [(c.stage, site) for c, site in zip(step.program.calls, step.sites, strict=True)]
    assert [site for stage, site in drawn if stage == "drop"] == ["w", "w", "layers.1.w"]
    for output in step.outputs:
        alone = row_step(output.row)
        assert result_of(step, output.result) == result_of(alone, 0)


def test_readings_join_the_rows_that_compute_their_operands() -> None:
    child = row("w", PAIR, [delta(), trimmed(2), added(0, 3)])
    moved = reading("w", PAIR, [delta(), trimmed(2), added(0, 3), delta(4, 0)], [5, 4])
    elsewhere = reading("v", [("base", entry("v"))], [], [0])

    first, second = plan_steps(plan_of([child], readings=[moved, elsewhere]))

    assert stages(first) == ["affine", "trim", "affine", "affine"]
    (seen,) = first.observed
    assert (seen.number, seen.reading, seen.results) == (0, moved, (1, 0))
    assert first.program.results == (4, 5)
    assert not second.outputs
    assert [observation.number for observation in second.observed] == [1]


def test_stacks_that_are_shifted_against_each_other_stay_apart() -> None:
    """Else the rows of all layers would hang together by the tensors that they share."""
    tensors = [entry(f"layers.{n}.w") for n in range(100)]
    straight = [row(e.name, [("a", e), ("b", e)], [delta()]) for e in tensors]
    shifted = [row(a.name, [("a", a), ("b", b)], [delta()]) for a, b in pairwise(tensors)]
    plan = plan_of(straight, shifted)

    steps = plan_steps(plan)

    assert max(len(s.program.inputs) + len(s.program.calls) for s in steps) <= 64
    assert len(steps) < len(plan.rows)
    check_complete(plan, steps)


def check_complete(plan: Plan, steps: tuple[Step, ...]) -> None:
    """Every row and reading is in one step and means there what it means by itself."""
    made = [(o.export, o.row.tensor) for step in steps for o in step.outputs]
    wanted = [(n, r.tensor) for n, export in enumerate(plan.exports) for r in export.rows]
    assert sorted(made) == sorted(wanted)
    seen = [o.number for step in steps for o in step.observed]
    assert sorted(seen) == [*range(len(plan.readings))]
    for step in steps:
        for output in step.outputs:
            assert plan.exports[output.export].rows.count(output.row) == 1
            assert result_of(step, output.result) == result_of(row_step(output.row), 0)
        for observation in step.observed:
            needs = observation.reading
            sites = [needs.tensor] * len(needs.program.calls)
            assert [result_of(step, r) for r in observation.results] == [
                expression(needs.program, sites, needs.entries, r) for r in needs.program.results
            ]
        when = schedule(step.program, step.work, step.meetings)
        for meeting, sweep in zip(step.meetings, when.met, strict=True):
            check_computed(step, [step.program.results[r] for r in meeting], when.needed[sweep])


def check_computed(step: Step, values: list[int], calls: tuple[int, ...]) -> None:
    """A sweep computes these values and all that they are made of."""
    count = len(step.program.inputs)
    for value in values:
        if value >= count:
            assert value - count in calls
            check_computed(step, [*step.program.calls[value - count].operands], calls)


NAMES = ("u", "v", "w")


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """A few exports and readings over three tensors of three sources."""

    def calls(inputs: int) -> list[StageCall]:
        found: list[StageCall] = []
        for _ in range(draw(st.integers(0, 5))):
            values = st.integers(0, inputs + len(found) - 1)
            of, base = draw(values), draw(values)
            found.append(draw(st.sampled_from([delta(of, base), trimmed(of), dropped(of)])))
        return found

    def read() -> list[tuple[str, TensorEntry]]:
        pairs = st.tuples(st.sampled_from("abc"), st.sampled_from(NAMES))
        return [
            (label, entry(name)) for label, name in draw(st.lists(pairs, min_size=1, max_size=3))
        ]

    def rows() -> list[Row]:
        return [row(name, r := read(), calls(len(r))) for name in NAMES]

    exports = [rows() for _ in range(draw(st.integers(1, 3)))]
    readings: list[Reading] = []
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=3)):
        r = read()
        made = calls(len(r))
        of = st.lists(st.integers(0, len(r) + len(made) - 1), min_size=1, max_size=2)
        readings.append(reading(name, r, made, draw(of)))
    return plan_of(*exports, readings=readings)


@given(plans())
def test_joining_changes_no_meaning(plan: Plan) -> None:
    check_complete(plan, plan_steps(plan))


def test_a_result_of_an_earlier_sweep_is_computed_again_where_it_is_met() -> None:
    child = row("w", PAIR, [delta(), trimmed(2), added(0, 3)])
    plan = plan_of([child], [row("w", PAIR, [delta()])])
    (step,) = plan_steps(plan)
    early, late = step.program.results.index(2), step.program.results.index(4)

    apart = schedule(step.program, step.work)
    met = schedule(step.program, step.work, [(early, late), (early,)])

    assert (apart.done[early], apart.done[late]) == (0, 2)
    assert met.met == (2, 0)
    assert (met.sweeps, met.done) == (apart.sweeps, apart.done)
    assert 0 in met.needed[2]


def test_a_meeting_of_results_that_no_later_one_uses() -> None:
    """The input's difference is not part of what the last sweep computes otherwise."""
    late = row("w", PAIR, [trimmed(0)])
    early = row("w", PAIR, [delta()])
    (step,) = plan_steps(plan_of([late], [early]))
    difference = next(n for n, call in enumerate(step.program.calls) if call.stage == "affine")

    assert difference not in schedule(step.program, step.work).needed[2]
    assert difference in schedule(step.program, step.work, [(0, 1)]).needed[2]
