"""What a plan says that a run costs, beside numbers counted by hand."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mergec.diagnostics import SourceText
from mergec.plan import Budget, Plan, compile_text, encode_plan, fit_budget, plan_hash, review
from mergec.plan.calibration import calibration_file, keep_rates, load_rates
from mergec.plan.costs import MATRIX, Costs, count_costs
from mergec.plan.projection import NO_CALIBRATION, Rates, project
from mergec.plan.steps import plan_steps
from tests.toy_family import write_members

SOURCES = "".join(f'{n} = model("./{n}")\n' for n in ("base", "code", "math", "instruct"))
RATES = Rates(
    read=100.0, write=50.0, digest=25.0, sync=10.0, start=1.0, program=0.5, stages={"affine": 0.001}
)
COSTS = Costs(
    read=1000, written=100, operations=5000, efforts={"affine": 4000.0}, sweeps=1, programs=2
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("family")
    write_members(folder)
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def plan_of(expression: str, root: Path) -> Plan:
    text = f"{SOURCES}child = {expression}\n"
    return compile_text(SourceText("child.merge", text), root).plan


def budget_of(plan: Plan) -> Budget:
    return fit_budget(plan, 1 << 30, 1, "reference")


@pytest.mark.parametrize(
    ("expression", "operands", "sweeps"),
    [
        ("linear(base, code)", 2, 1),
        ("base + 0.5*(code - base) + 0.3*(math - base)", 3, 1),  # one affine form of three
        ("slerp(base, code, t=0.5)", 2 + 2, 2),  # looks at both, then computes
        # Two histograms: a difference and a look at it. Then that, the trim, and the sum.
        ("base + (code - base |> trim(density=0.5))", 3 + 3 + (2 + 1 + 2), 3),
        ("base", 0, 0),
    ],
)
def test_operations_are_operands_of_stages(
    expression: str, operands: int, sweeps: int, root: Path
) -> None:
    plan = plan_of(expression, root)
    elements = sum(row.nbytes * 8 // row.dtype.bits for row in plan.rows)
    costs = budget_of(plan).costs
    assert (costs.operations, costs.sweeps) == (operands * elements, sweeps)
    assert sum(costs.efforts.values()) == costs.operations


def test_what_cannot_be_held_is_read_in_every_sweep(root: Path) -> None:
    plan = plan_of("slerp(base, code, t=0.5)", root)
    assert budget_of(plan).costs.read == plan.bytes_read
    assert count_costs([(1, plan_steps(plan))], 0, 0).read == 2 * plan.bytes_read


def test_passes_for_statistics_count(root: Path) -> None:
    plan = plan_of("ties(base, code, math; density=0.3, scope=global)", root)
    once, more = (budget_of(p).costs for p in (replace(plan, barriers=()), plan))
    (barrier,) = {barrier.passes for barrier in plan.barriers}
    assert more.read > once.read * barrier / 2
    assert more.operations > once.operations


def test_a_decomposition_grows_with_the_shorter_side(root: Path) -> None:
    plan = plan_of("iso_c(base, code, math)", root)
    costs = budget_of(plan).costs
    expected = sum(
        len(call.operands) * row.shape[0] * row.shape[1] * min(row.shape) / MATRIX
        for row in plan.rows
        for call in row.program.calls
        if call.stage == "flatten_spectrum"
    )
    assert costs.efforts["flatten_spectrum"] == expected > 0


def test_programs_that_differ_by_numbers_are_one(root: Path) -> None:
    plan = plan_of("slerp(base, code; t=match { layers(0..1) => 0.3, else => 0.6 })", root)
    assert len({row.program.key for row in plan.rows}) == 2
    assert budget_of(plan).costs.programs == 1


def test_time_is_the_sum_of_parts_that_threads_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mergec.plan.projection.default_threads", lambda: 2)
    parts = project(Budget(1, 2, 0, 0, 0, COSTS), RATES)
    assert parts.start == pytest.approx(1.0 + 2 * 0.5)
    assert parts.moving == pytest.approx((10 + 2 + 4) / 2)
    assert parts.computing == pytest.approx(4.0 / 2)
    assert parts.syncing == pytest.approx(10.0)
    assert parts.reading_back == pytest.approx((1 + 4) / 2)
    assert parts.seconds == pytest.approx(2 + 8 + 2 + 10 + 2.5)
    less = project(Budget(1, 9, 0, 0, 0, COSTS), RATES, ("read_back", "sync"))
    assert less.seconds == pytest.approx(2 + 8 + 2)


def test_a_stage_that_was_not_measured_is_an_average_one() -> None:
    rates = replace(RATES, stages={"a": 0.001, "b": 0.003})
    costs = replace(COSTS, efforts={"mine": 1000.0})
    assert project(Budget(1, 1, 0, 0, 0, costs), rates).computing == pytest.approx(2.0)


def test_the_estimate_is_no_part_of_the_hash(root: Path) -> None:
    plan = plan_of("linear(base, code)", root)
    budget = budget_of(plan)
    plain, timed = (
        json.loads(encode_plan(plan, budget, "a", "", {}, {}, rates=rates))
        for rates in (None, RATES)
    )
    assert plain["hash"] == timed["hash"] == plan_hash(plan)
    assert plain["estimate"]["seconds"] is None
    assert plain["estimate"]["seconds_assumes"] == NO_CALIBRATION
    assert timed["estimate"]["seconds"] > 1
    assert all(f"{k}_assumes" in timed["estimate"] for k in ("operations", "sweeps", "seconds"))


def test_the_review_says_how_much_is_computed_and_how_long_it_takes(root: Path) -> None:
    plan = plan_of("linear(base, code)", root)
    *_, estimate, found = review(plan, budget_of(plan)).splitlines()
    assert estimate == (
        "estimate: about 12.4 K element operations in 1 sweep over a tensor; "
        "no calibration: run `mergec calibrate`"
    )
    timed = review(plan, budget_of(plan), RATES).splitlines()
    assert timed[-1] == found
    assert timed[-5].startswith("estimate: about 12.4 K element operations in 1 sweep over a")
    assert timed[-5].endswith(" min with 1 thread")


def test_a_calibration_is_found_again_for_each_backend(cache: Path) -> None:
    other = replace(RATES, start=7.0)
    assert load_rates("native", "1.0") is None
    keep_rates("native", "1.0", RATES, {"numpy": "2"})
    keep_rates("torch", "1.0", other, {})
    assert (load_rates("native", "1.0"), load_rates("torch", "1.0")) == (RATES, other)
    assert load_rates("jax", "1.0") is None
    assert [path.name for path in (cache / "mergec").iterdir()] == ["calibration.json"]


def test_a_calibration_of_another_version_or_machine_is_none(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert calibration_file() == keep_rates("native", "1.0", RATES, {})
    assert load_rates("native", "1.1") is None
    monkeypatch.setattr("os.cpu_count", lambda: 4096)
    assert load_rates("native", "1.0") is None
    # What does not fit is forgotten with the next figures.
    keep_rates("torch", "1.0", RATES, {})
    assert load_rates("native", "1.0") is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"backends": 3}', "[" * 100_000, '"' + "a" * 10, "\0"],
)
def test_a_file_that_is_no_calibration_is_none(text: str, cache: Path) -> None:
    calibration_file().parent.mkdir(parents=True)
    calibration_file().write_text(text)
    assert load_rates("native", "1.0") is None


@pytest.mark.parametrize("figure", [0, -1, None, "3", True, float("inf"), float("nan")])
def test_a_figure_that_is_no_rate_makes_none(figure: object, cache: Path) -> None:
    keep_rates("native", "1.0", RATES, {})
    document = json.loads(calibration_file().read_text())
    document["backends"]["native"]["write"] = figure
    calibration_file().write_text(json.dumps(document))
    assert load_rates("native", "1.0") is None
