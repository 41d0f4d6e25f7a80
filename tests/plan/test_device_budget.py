"""Blocks where a device computes: worth a copy, and within what the host may use."""

import pytest

from mergec.diagnostics import MergecError
from mergec.plan import Plan, fit_budget
from tests.plan.step_cases import added, delta, entry, plan_of, row

LEAF = 1 << 16
ROOM = 2 << 30


@pytest.fixture(scope="module")
def plan() -> Plan:
    """One tensor of 2^28 elements, of three sources, in one sweep."""
    read = [(label, entry("w", 1 << 28)) for label in ("base", "code", "math")]
    return plan_of([row("w", read, [delta(), added(2, 3)])])


def test_blocks_of_torch_are_larger_on_a_device(plan: Plan) -> None:
    assert fit_budget(plan, ROOM, 4, "torch").block == 2 * LEAF
    assert fit_budget(plan, ROOM, 4, "torch", "cuda").block == 64 * LEAF


def test_the_device_of_jax_changes_nothing(plan: Plan) -> None:
    assert fit_budget(plan, ROOM, 4, "jax", "cuda") == fit_budget(plan, ROOM, 4, "jax")


def test_less_memory_is_smaller_blocks_before_it_is_fewer_threads(plan: Plan) -> None:
    most = fit_budget(plan, ROOM, 8, "torch", "cuda")
    less = fit_budget(plan, most.peak - 1, 8, "torch", "cuda")
    assert (less.threads, less.block) == (8, most.block // 2)


def test_a_block_costs_the_host_what_is_read_staged_and_written(plan: Plan) -> None:
    """Three sources and one result of bf16, and two buffers for what goes up."""
    one, two = (fit_budget(plan, ROOM, threads, "torch", "cuda").peak for threads in (1, 2))
    assert two - one == 64 * LEAF * 2 * (3 + 2 + 1)


def test_a_context_of_the_device_needs_room(plan: Plan) -> None:
    with pytest.raises(MergecError, match="needs at least"):
        fit_budget(plan, 512 << 20, 1, "torch", "cuda")
