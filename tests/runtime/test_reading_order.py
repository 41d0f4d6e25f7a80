"""The order of a run's steps, and what is asked of the system before it is read."""

import heapq
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.catalog import Dtype, TensorEntry
from mergec.catalog.checkpoint import TensorName
from mergec.execute.order import reading_order
from mergec.plan import Program
from mergec.plan.steps import Step
from mergec.shards import AHEAD, ReadAhead

SIZES = st.lists(st.integers(0, 5000), max_size=60)


def steps_of(sizes: list[int]) -> list[Step]:
    """Steps that read one tensor each, in a file of a source, one after the other."""
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return [
        Step(
            Program(("a",), (), (0,)),
            (TensorEntry(TensorName(f"{i}"), Dtype.U8, (size,), "file", start, size),),
            (size,),
            Dtype.F32,
            (),
            (),
            (),
        )
        for i, (size, start) in enumerate(zip(sizes, starts, strict=True))
    ]


def starts_of(steps: list[Step]) -> list[int]:
    return [int(step.entries[0].name) for step in steps]


@given(SIZES, st.integers(1, 9), st.randoms(use_true_random=False))
def test_every_step_comes_once_whatever_the_order_before(
    sizes: list[int], threads: int, chance: random.Random
) -> None:
    steps = steps_of(sizes)
    shuffled = chance.sample(steps, len(steps))
    assert reading_order(shuffled, threads) == reading_order(steps, threads)
    assert sorted(starts_of(reading_order(steps, threads))) == [*range(len(sizes))]


@given(SIZES, st.integers(1, 9))
def test_no_thread_is_left_alone_with_much(sizes: list[int], threads: int) -> None:
    """A thread that is done waits for at most half of what a fair share would be, or one step."""
    ends = [0] * threads
    order = [sizes[i] for i in starts_of(reading_order(steps_of(sizes), threads))]
    for size in order:
        heapq.heappush(ends, heapq.heappop(ends) + size)
    fair = sum(sizes) / threads
    by_size = [0] * threads
    for size in sorted(sizes, reverse=True):
        heapq.heappush(by_size, heapq.heappop(by_size) + size)
    assert max(ends) <= max(1.5 * fair, *by_size)


def test_large_files_are_read_from_the_front() -> None:
    """Only what the threads need to end together is taken out of its turn."""
    layer = [4, 176, 176, 176, 4, 8, 64, 64, 8]
    sizes = [2000, 2000, *layer * 22, 4]
    order = starts_of(reading_order(steps_of(sizes), 2))
    turn = next(i for i, number in enumerate(order) if number != i)
    assert sum(sizes[:turn]) > 0.9 * sum(sizes)


def test_a_large_tensor_at_the_end_is_not_left_for_last() -> None:
    sizes = [*[10] * 100, 500]
    assert starts_of(reading_order(steps_of(sizes), 2)).index(100) < 5
    assert starts_of(reading_order(steps_of(sizes), 1))[:5] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("step", [1 << 16, 1 << 18, 3 << 18, 5 << 20, 40 << 20])
@pytest.mark.parametrize("size", [0, 1, 1 << 18, AHEAD, AHEAD + 1, 50 << 20])
def test_each_byte_is_asked_for_once_a_sweep_and_in_time(step: int, size: int) -> None:
    start = 24
    asked: list[tuple[int, int]] = []
    ahead = ReadAhead(lambda offset, count: asked.append((offset, count)), start, start + size)
    for _ in range(2):
        asked.clear()
        for offset in range(start, start + size, step):
            count = min(step, start + size - offset)
            ahead.before(offset, count)
            reached = max((at + n for at, n in asked), default=start)
            assert reached <= min(start + size, offset + count + AHEAD)
            if offset + count < start + size:
                assert reached >= min(start + size, offset + count + AHEAD // 2)
        ends = [at + count for at, count in asked]
        assert [at for at, _ in asked] == [start, *ends][: len(asked)]
        assert bool(asked) == (size > step)
