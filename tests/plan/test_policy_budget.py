"""What repairs NaN needs memory, and the plan says so."""

from dataclasses import replace

from mergec.catalog import Dtype
from mergec.plan import fit_budget
from mergec.plan.nonfinite import NumericPolicy
from tests.plan.step_cases import added, entry, plan_of, row


def test_a_policy_takes_memory_for_each_input() -> None:
    of = entry("w", 1 << 24, Dtype.BF16)
    plan = plan_of([row("w", [("a", of), ("b", of)], [added(0, 1)])])
    repairing = replace(plan, policy=NumericPolicy("propagate"))
    plain, more = (fit_budget(each, 1 << 30, 1, "reference") for each in (plan, repairing))
    assert plain.block == more.block
    assert more.peak - plain.peak == 2 * 24 * plain.block
