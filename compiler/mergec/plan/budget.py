"""How a run fits its memory budget: block size, threads, and what may be held at once."""

import os
from collections.abc import Sequence

from mergec.diagnostics import MergecError, fail
from mergec.frozen import frozen
from mergec.ops import StatisticStage
from mergec.ops.tree_sum import LEAF
from mergec.plan.barriers import waves
from mergec.plan.costs import NO_COSTS, Costs, count_costs
from mergec.plan.model import Barrier, Plan
from mergec.plan.program import StageCall, schedule
from mergec.plan.steps import Step, barrier_steps, plan_steps

# By the numeric contract, blocks are multiples of a reduction leaf.
_BLOCKS = (2 * LEAF, LEAF)
# A compiled loop keeps no block of a temporary; so its blocks need not fit a cache, and the cost of
# saying what each is to compute counts for less.
_NATIVE_BLOCKS = (16 * LEAF, 8 * LEAF, 4 * LEAF, *_BLOCKS)
# What `torch` is called here where it computes on a device: its blocks are there.
_CUDA = "cuda"
# On a device a block should be worth its copy. To ask for a copy or a kernel takes ten microseconds
# or so, and a block asks for dozens; 8 MiB of bf16 take a bus of 25 to 50 GB/s twenty times ten.
# Beyond that the device's memory, of which a block takes some 100 bytes an element, bounds threads.
_CUDA_BLOCKS = (64 * LEAF, 32 * LEAF, *_NATIVE_BLOCKS)
_BLOCKS_OF = {"native": _NATIVE_BLOCKS, _CUDA: _CUDA_BLOCKS}
# What the process holds before the first block: interpreter and array library; for JAX with room
# for what it compiles, half a megabyte a program.
_RESIDENT = {
    "reference": 80 << 20,
    "native": 146 << 20,
    "torch": 360 << 20,
    "jax": 360 << 20,
    _CUDA: 640 << 20,  # torch and a context of CUDA; not measured on a device yet
}
# What it holds for each tensor of a source (its header) and of the output (its row of the plan, as
# data and as the text that is hashed, and its lineage), measured on twenty thousand. A tensor's
# part in a statistic is a row without a lineage.
_PER_SOURCE_TENSOR = 1 << 10
_PER_OUTPUT_TENSOR = 3 << 10
_PER_READING = 2 << 10
# What finding rows by token takes for each row of each parent: two tokenizers as data, with a merge
# for each token, and a view. What a byte of the child's tokenizer.json takes while it is read.
_PER_ROW = 480
_PER_TOKENIZER_BYTE = 7
# What a thread holds of a tensor that it copies, compares, hashes or reads back.
_COPYING = 2 << 20
# What a kernel of `native` leaves behind, and a sweep has one at least.
_PER_KERNEL = 1 << 20
# Most of a thread's share for the inputs of one tensor: reading them again costs next to nothing,
# for they come from the system's memory.
_MOST_HELD = 16 << 20
# What a run of `native` keeps to wherever it can, however much it may take: more gains nothing.
_ENOUGH = 250_000_000
# What is read ahead of each source in a store, and what the store's library holds itself.
STORE_WINDOWS = 48 << 20
_STORE_LIBRARY = 32 << 20
_WIDEST = 8  # bytes of a float64
# Float64 blocks that a measure holds: two operands, a product, and half of it again.
_MEASURING = 4
# Counts that a global stage holds of a tensor, and once more of all: one for each 16-bit digit.
_COUNTS = 8 << 16
# What `native` holds for each element of a block whose stages all fuse, besides results as they are
# stored: for each stage that has seen its tensor a mask, and a count where the last of a class
# lies. And once a thread: what sums are halved in.
_FUSED = 6
_SCRATCH = 4 << 20
# What is held for each element of an input that is looked into for NaN before it is computed with:
# what is repaired, the base decoded, and which elements are meant.
_REPAIRING = 24
DEFAULT_MEMORY = 1 << 30


@frozen
class Budget:
    """A run's dimensions. All but `threads` are bytes or, for `block`, elements.

    `cache` is what one thread may spend on holding a tensor's inputs so that they are read once;
    `peak` is the projected peak of the process; `limit` is what was asked for. `costs` are those of
    such a run.
    """

    block: int
    threads: int
    cache: int
    peak: int
    limit: int
    costs: Costs = NO_COSTS


def fit_budget(plan: Plan, limit: int, threads: int, backend: str, device: str = "cpu") -> Budget:
    """The largest dimensions that stay below `limit` bytes; E601 if the smallest do not.

    With `native`, threads use smaller blocks rather than more than 250 MB in all. For `torch` on a
    `device` it is the host's memory that is bounded.
    """
    backend = _CUDA if backend == "torch" and device != "cpu" else backend
    resident = _RESIDENT[backend] + _bookkeeping(plan) + _held(plan) + _stores(plan)
    before = [(wave, barrier_steps(wave)) for wave in waves(plan.barriers)]
    after = plan_steps(plan)
    steps = (*after, *(step for _, group in before for step in group))
    watched = [(wave, _kinds(group)) for wave, group in before]
    kinds = _kinds(steps)
    resident += _kernels(kinds) * _PER_KERNEL if backend == "native" else 0
    needs = {
        block: max(
            _streaming(kinds, block, backend) * _padding(kinds, block, backend),
            _watching(watched, block, backend),
            _COPYING,
        )
        + (_repairing(kinds, block) if plan.policy.word != "error" else 0)
        for block in _BLOCKS_OF.get(backend, _BLOCKS)
    }
    enough = [(min(limit, _ENOUGH), threads)] if backend == "native" else []
    for bound, count in (*enough, *((limit, count) for count in range(threads, 0, -1))):
        for block, streaming in needs.items():
            spare = bound - resident - count * streaming
            if spare >= 0:
                cache = min(spare // count, _largest_inputs(steps), _MOST_HELD)
                # Barriers that need fewer passes than others of their wave count as these.
                work = [(max(b.passes for b in wave), group) for wave, group in before]
                costs = count_costs([*work, (1, after)], cache, plan.bytes_written)
                peak = resident + count * (streaming + cache)
                return Budget(block, count, cache, peak, limit, costs)
    raise _too_small(limit, resident + needs[_BLOCKS[-1]])


def default_threads() -> int:
    """As many threads as this process may use cores."""
    return len(os.sched_getaffinity(0))


def _stores(plan: Plan) -> int:
    """Bytes of what is read ahead from stores, if any source is in one."""
    count = sum(source.checkpoint.stored is not None for source in plan.sources)
    return count * STORE_WINDOWS + (_STORE_LIBRARY if count else 0)


def _bookkeeping(plan: Plan) -> int:
    """Bytes of headers, plan and lineage, whatever the sizes of the tensors."""
    headers = sum(len(source.checkpoint.tensors) for source in plan.sources)
    rows = len(plan.rows) * _PER_OUTPUT_TENSOR + len(plan.readings) * _PER_READING
    kept = sum(_kept(barrier) for barrier in plan.barriers)
    chosen = [it.vocabulary for it in plan.exports if it.vocabulary is not None]
    found = sum(vocabulary.rows * len(vocabulary.counts) for vocabulary in chosen) * _PER_ROW
    copied = {
        file.digest: file.size
        for export in plan.exports
        for file in export.files
        if file.name == "tokenizer.json" and export.vocabulary is None
    }
    read = sum(copied.values()) * _PER_TOKENIZER_BYTE
    return headers * _PER_SOURCE_TENSOR + rows + kept + found + read


def _kept(barrier: Barrier) -> int:
    """Bytes of what a barrier's tensors leave behind."""
    stage, readings = barrier.definition(), barrier.readings
    each = sum(_PER_READING + stage.kept_bytes(barrier.params_of(reading)) for reading in readings)
    return each + (0 if barrier.held else _COUNTS)


def _held(plan: Plan) -> int:
    """Bytes of the tensors that are held whole at one time, if a barrier needs that."""
    return max((barrier.held for barrier in plan.barriers), default=0)


def _kinds(steps: Sequence[Step]) -> tuple[Step, ...]:
    """One step of each kind, copies aside; a model has few kinds, and thousands of steps."""
    kinds: dict[tuple[object, ...], Step] = {}
    for step in steps:
        if step.copied is None:
            read = tuple([(entry.dtype, entry.shape) for entry in step.entries])
            watched = tuple([len(observation.results) for observation in step.observed])
            kinds.setdefault((step.program.key, step.work, step.shape, read, watched), step)
    return tuple(kinds.values())


def _kernels(kinds: Sequence[Step]) -> int:
    """About how many kernels are compiled: one a sweep for programs alike but for numbers."""
    found: dict[tuple[object, ...], int] = {}
    for step in kinds:
        calls = tuple([(call.stage, call.operands) for call in step.program.calls])
        read = tuple([entry.dtype for entry in step.entries])
        kind = (calls, step.program.results, step.work, read)
        if kind not in found:
            found[kind] = schedule(step.program, step.work, step.meetings).sweeps
    return sum(found.values())


def _streaming(kinds: Sequence[Step], block: int, backend: str) -> int:
    """Bytes one thread needs for blocks of `block` elements, whatever the tensors' sizes."""
    return max((_step_bytes(step, block, backend) for step in kinds), default=0)


def _repairing(kinds: Sequence[Step], block: int) -> int:
    """Bytes one thread needs more where NaN and infinities are not refused but dealt with."""
    elements = (
        sum(
            entry.numel if i in step.whole else step.block(block)
            for i, entry in enumerate(step.entries)
        )
        for step in kinds
    )
    return max(elements, default=0) * _REPAIRING


def _padding(kinds: Sequence[Step], block: int, backend: str) -> int:
    """By how much a backend may lengthen blocks: JAX pads to powers of two, as `block` is one."""
    return 2 if backend == "jax" and any(step.block(block) > block for step in kinds) else 1


def _step_bytes(step: Step, block: int, backend: str) -> int:
    calls = step.program.calls
    stages = [call.definition() for call in calls]
    held = [
        stage.temporaries(len(call.operands)) for stage, call in zip(stages, calls, strict=True)
    ]
    held += [_MEASURING] if step.observed else []
    elements = -(-step.block(block) // LEAF) * LEAF
    # A tensor of another shape is a statistic or a factor, which is held whole.
    apart = step.whole
    alike = [entry for i, entry in enumerate(step.entries) if i not in apart]
    whole = sum(step.entries[i].numel for i in apart) * 2 * _WIDEST
    stored = sum(entry.dtype.bits // 8 for entry in alike)
    values = (len(alike) + len(calls)) * step.work.bits // 8
    spaces = [
        stage.workspace(dict(call.params), step.shape)
        for stage, call in zip(stages, calls, strict=True)
    ]
    made = sum(output.row.dtype.bits // 8 for output in step.outputs)
    if backend == _CUDA:
        # Read, copied to pinned memory of which there are two, and back from there.
        each = stored + 2 * max((entry.dtype.bits // 8 for entry in alike), default=0) + made
        return elements * each + whole
    each = stored + values + max(held, default=0) * _WIDEST
    if backend == "native" and all(_fuses(call, step.shape) for call in calls):
        each = stored + made
        each += _FUSED * sum(isinstance(stage, StatisticStage) for stage in stages)
        return elements * each + _SCRATCH + whole + max(spaces, default=0)
    return elements * each + whole + max(spaces, default=0)


def _fuses(call: StageCall, shape: tuple[int, ...]) -> bool:
    """Whether `native` needs no block for what the stage computes on the way."""
    stage = call.definition()
    return (
        not (stage.approximate or stage.takes_whole) and stage.grain(dict(call.params), shape) == 1
    )


def _watching(
    watched: Sequence[tuple[Sequence[Barrier], Sequence[Step]]], block: int, backend: str
) -> int:
    """Bytes one thread needs for blocks that global stages observe, from the kinds of each wave."""
    most = 0
    for wave, kinds in watched:
        for step in kinds:
            operands = max(len(observation.results) for observation in step.observed)
            held = max(barrier.definition().temporaries(operands) for barrier in wave)
            elements = -(-step.block(block) // LEAF) * LEAF
            here = 0 if backend == _CUDA else elements * held * _WIDEST
            observed = here + len(step.observed) * _COUNTS
            most = max(most, _step_bytes(step, block, backend) + observed)
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
