"""How a run fits its memory budget: block size, threads, and what may be held at once."""

import os
from dataclasses import dataclass

from mergec.diagnostics import MergecError, fail
from mergec.ops.tree_sum import LEAF
from mergec.plan.model import Plan

# By the numeric contract, blocks are multiples of a reduction leaf.
_BLOCKS = (2 * LEAF, LEAF)
# What the process holds before the first block: interpreter and array library.
_RESIDENT = {"reference": 80 << 20, "torch": 360 << 20}
# What it holds for each tensor of a source (its header) and of the output (its row of the plan, as
# data and as the text that is hashed, and its lineage), measured on twenty thousand.
_PER_SOURCE_TENSOR = 1 << 10
_PER_OUTPUT_TENSOR = 3 << 10
_COPY_BUFFER = 8 << 20
_WIDEST = 8  # bytes of a float64
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
    for count in range(threads, 0, -1):
        for block in _BLOCKS:
            streaming = max(_streaming(plan, block), 2 * _COPY_BUFFER)
            spare = limit - resident - count * streaming
            if spare >= 0:
                cache = min(spare // count, _largest_inputs(plan))
                return Budget(block, count, cache, resident + count * (streaming + cache), limit)
    raise _too_small(limit, resident + max(_streaming(plan, _BLOCKS[-1]), 2 * _COPY_BUFFER))


def default_threads() -> int:
    """As many threads as this process may use cores."""
    return len(os.sched_getaffinity(0))


def _bookkeeping(plan: Plan) -> int:
    """Bytes of headers, plan and lineage, whatever the sizes of the tensors."""
    headers = sum(len(source.checkpoint.tensors) for source in plan.sources)
    return headers * _PER_SOURCE_TENSOR + len(plan.rows) * _PER_OUTPUT_TENSOR


def _streaming(plan: Plan, block: int) -> int:
    """Bytes one thread needs for blocks of `block` elements, whatever the tensors' sizes."""
    worst = 0
    calls = plan.program.calls
    values = len(plan.program.inputs) + len(calls)
    held = [call.definition().temporaries(len(call.operands)) for call in calls]
    temporaries = max(held, default=0) * _WIDEST
    for row in plan.rows:
        if row.action == "copy":
            continue
        elements = min(block, -(-max(row.entries[0].numel, 1) // LEAF) * LEAF)
        stored = sum(entry.dtype.bits // 8 for entry in row.entries)
        work = row.work.bits // 8
        worst = max(worst, elements * (stored + values * work + temporaries))
    return worst


def _largest_inputs(plan: Plan) -> int:
    """The most a thread could hold: the inputs of the largest tensor that is read repeatedly."""
    return max((row.nbytes_read for row in plan.rows if row.sweeps > 1), default=0)


def _too_small(limit: int, needed: int) -> MergecError:
    megabytes = -(-needed // (1 << 20))
    return fail(
        "E601",
        f"the plan needs at least {megabytes} MiB of memory and may use {limit >> 20} MiB",
        notes=("that is one thread with the smallest blocks; tensors are streamed already",),
        help=f"allow more, as in `--memory {megabytes}MiB`",
    )
