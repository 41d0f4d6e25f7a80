"""How a run fits its memory budget: block size, threads, and what may be held at once."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mergec.diagnostics import MergecError, fail
from mergec.ops.tree_sum import LEAF
from mergec.plan.barriers import waves
from mergec.plan.model import Barrier, Plan
from mergec.plan.program import schedule
from mergec.plan.steps import Step, barrier_steps, plan_steps

# By the numeric contract, blocks are multiples of a reduction leaf.
_BLOCKS = (2 * LEAF, LEAF)
# What the process holds before the first block: interpreter and array library; for JAX with room
# for what it compiles, half a megabyte a program.
_RESIDENT = {"reference": 80 << 20, "torch": 360 << 20, "jax": 360 << 20}
# What it holds for each tensor of a source (its header) and of the output (its row of the plan, as
# data and as the text that is hashed, and its lineage), measured on twenty thousand. A tensor's
# part in a statistic is a row without a lineage.
_PER_SOURCE_TENSOR = 1 << 10
_PER_OUTPUT_TENSOR = 3 << 10
_PER_READING = 2 << 10
_COPY_BUFFER = 8 << 20
_WIDEST = 8  # bytes of a float64
# Float64 blocks that a measure holds: two operands, a product, and half of it again.
_MEASURING = 4
# Counts that a global stage holds of a tensor, and once more of all: one for each 16-bit digit.
_COUNTS = 8 << 16
DEFAULT_MEMORY = 1 << 30


@dataclass(frozen=True, slots=True)
class Budget:
    """A run's dimensions. All but `threads` are bytes or, for `block`, elements.

    `cache` is what one thread may spend on holding a tensor's inputs so that they are read once;
    `peak` is the projected peak of the process; `limit` is what was asked for.
    """

    block: int
    threads: int
    cache: int
    peak: int
    limit: int


def fit_budget(plan: Plan, limit: int, threads: int, backend: str) -> Budget:
    """The largest dimensions that stay below `limit` bytes; E601 if the smallest do not."""
    resident = _RESIDENT[backend] + _bookkeeping(plan)
    before = {wave: barrier_steps(wave) for wave in waves(plan.barriers)}
    steps = (*plan_steps(plan), *(step for group in before.values() for step in group))
    needs = {
        block: max(
            _streaming(steps, block) * _padding(steps, block, backend),
            _watching(before, block),
            2 * _COPY_BUFFER,
        )
        for block in _BLOCKS
    }
    for count in range(threads, 0, -1):
        for block, streaming in needs.items():
            spare = limit - resident - count * streaming
            if spare >= 0:
                cache = min(spare // count, _largest_inputs(steps))
                return Budget(block, count, cache, resident + count * (streaming + cache), limit)
    raise _too_small(limit, resident + needs[_BLOCKS[-1]])


def default_threads() -> int:
    """As many threads as this process may use cores."""
    return len(os.sched_getaffinity(0))


def _bookkeeping(plan: Plan) -> int:
    """Bytes of headers, plan and lineage, whatever the sizes of the tensors."""
    headers = sum(len(source.checkpoint.tensors) for source in plan.sources)
    rows = len(plan.rows) * _PER_OUTPUT_TENSOR + len(plan.readings) * _PER_READING
    kept = sum(
        len(b.readings) * (_PER_READING + b.definition().kept_bytes(dict(b.params))) + _COUNTS
        for b in plan.barriers
    )
    return headers * _PER_SOURCE_TENSOR + rows + kept


def _streaming(steps: Sequence[Step], block: int) -> int:
    """Bytes one thread needs for blocks of `block` elements, whatever the tensors' sizes."""
    return max((_step_bytes(step, block) for step in steps if step.copied is None), default=0)


def _padding(steps: Sequence[Step], block: int, backend: str) -> int:
    """By how much a backend may lengthen blocks: JAX pads to powers of two, as `block` is one."""
    longer = any(step.block(block) > block for step in steps if step.copied is None)
    return 2 if backend == "jax" and longer else 1


def _step_bytes(step: Step, block: int) -> int:
    calls = step.program.calls
    held = [call.definition().temporaries(len(call.operands)) for call in calls]
    held += [_MEASURING] if step.observed else []
    elements = -(-step.block(block) // LEAF) * LEAF
    # A tensor of another shape is a statistic, which is held whole.
    alike = [entry for entry in step.entries if entry.numel == step.numel]
    whole = sum(e.numel for e in step.entries if e.numel != step.numel) * 2 * _WIDEST
    stored = sum(entry.dtype.bits // 8 for entry in alike)
    values = (len(alike) + len(calls)) * step.work.bits // 8
    spaces = [call.definition().workspace(dict(call.params), step.shape) for call in calls]
    streamed = elements * (stored + values + max(held, default=0) * _WIDEST)
    return streamed + whole + max(spaces, default=0)


def _watching(before: Mapping[tuple[Barrier, ...], Sequence[Step]], block: int) -> int:
    """Bytes one thread needs for blocks that global stages observe."""
    most = 0
    for wave, steps in before.items():
        for step in steps:
            operands = max(len(observation.results) for observation in step.observed)
            held = max(barrier.definition().temporaries(operands) for barrier in wave)
            elements = -(-step.block(block) // LEAF) * LEAF
            observed = elements * held * _WIDEST + len(step.observed) * _COUNTS
            most = max(most, _step_bytes(step, block) + observed)
    return most


def _largest_inputs(steps: Sequence[Step]) -> int:
    """The most a thread could hold: the inputs of the largest step that reads them repeatedly."""
    largest = 0
    sweeps: dict[tuple[object, ...], int] = {}  # most steps share a few programs
    for step in steps:
        if step.copied is None:
            same = (step.program.key, step.work, step.meetings)
            if same not in sweeps:
                sweeps[same] = schedule(step.program, step.work, step.meetings).sweeps
            largest = max(largest, step.nbytes_read if sweeps[same] > 1 else 0)
    return largest


def _too_small(limit: int, needed: int) -> MergecError:
    megabytes = -(-needed // (1 << 20))
    return fail(
        "E601",
        f"the plan needs at least {megabytes} MiB of memory and may use {limit >> 20} MiB",
        notes=("that is one thread with the smallest blocks; tensors are streamed already",),
        help=f"allow more, as in `--memory {megabytes}MiB`",
    )
