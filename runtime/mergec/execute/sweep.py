"""Run a sweep program on one tensor: blocks in, statistics between the sweeps, blocks out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mergec.backends import Backend
from mergec.catalog import Dtype
from mergec.diagnostics import fail
from mergec.execute.inputs import BlockInput
from mergec.ops import Cursor, Site
from mergec.ops.tree_sum import LEAF
from mergec.plan import Program, Row, Schedule, schedule

# What to do where a result is too large for its dtype.
_ROOM = {
    Dtype.BF16: "make the scales smaller",  # no float32 is larger
    Dtype.F16: "export a wider dtype, as in `export child { dtype = f32 }`",
    Dtype.F32: "export a wider dtype, as in `export child { dtype = f64 }`, or smaller scales",
}

# Gets the byte offset within the tensor and the bytes that belong there, in order.
Emit = Callable[[int, memoryview], None]


@dataclass(frozen=True, slots=True)
class _Pass:
    """What one sweep over the blocks does: which calls run, which statistics are collected."""

    first: bool
    last: bool
    inputs: tuple[int, ...]
    calls: tuple[int, ...]
    observed: tuple[int, ...]


def sweep_tensor(
    row: Row,
    program: Program,
    backend: Backend,
    inputs: Sequence[BlockInput],
    block: int,
    emit: Emit,
    pause: Callable[[], None],
) -> None:
    """Compute `row` and emit its bytes in order; `pause` is called before every block.

    `block` is a multiple of 2¹⁶ elements; the result does not depend on it. Raises E805 for NaN
    or infinity in a source, E806 for a result that the output dtype cannot hold, and what the
    stages raise.
    """
    plan = schedule(program, row.work)
    settings = _prepare(row, program)
    for sweep in range(plan.sweeps):
        step = _pass(program, plan, sweep)
        found: dict[int, Any] = dict.fromkeys(step.observed)
        cursors = [Cursor() for _ in program.calls]
        for start in range(0, inputs[0].entry.numel, block):
            pause()
            count = min(block, inputs[0].entry.numel - start)
            values = _load(row, backend, inputs, step, start, count)
            _apply(program, backend, step, values, settings, cursors, start)
            for number in step.observed:
                call = program.calls[number]
                operands = [values[i] for i in call.operands]
                found[number] = call.statistic().observe(
                    backend.xp, found[number], operands, settings[number]
                )
            if step.last:
                _emit(row, backend, values[program.result], start, emit)
        for number, statistic in found.items():
            stage = program.calls[number].statistic()
            settings[number] = stage.combine(statistic, settings[number])


def _prepare(row: Row, program: Program) -> list[Any]:
    dtypes = [entry.dtype for entry in row.entries]
    numel = row.entries[0].numel
    return [
        call.definition().prepare(
            dict(call.params), Site(row.tensor, numel, row.work, program.stored(call, dtypes))
        )
        for call in program.calls
    ]


def _pass(program: Program, plan: Schedule, sweep: int) -> _Pass:
    observed = tuple(
        number
        for number in range(len(program.calls))
        if plan.first[number] <= sweep < plan.ready[number]
    )
    last = sweep == plan.sweeps - 1
    used = {
        i for number in (*plan.needed[sweep], *observed) for i in program.calls[number].operands
    }
    used |= {program.result} if last else set()
    inputs = tuple(i for i in range(len(program.inputs)) if i in used)
    return _Pass(sweep == 0, last, inputs, plan.needed[sweep], observed)


def _load(
    row: Row, backend: Backend, inputs: Sequence[BlockInput], step: _Pass, start: int, count: int
) -> dict[int, Any]:
    """The decoded blocks this sweep needs; in the first sweep all are looked at for NaN and Inf."""
    values: dict[int, Any] = {}
    for i in range(len(inputs)) if step.first else step.inputs:
        raw = inputs[i].block(start, count)
        values[i] = backend.load(raw, inputs[i].entry.dtype, row.work)
        if step.first and backend.count_non_finite(values[i]):
            raise _non_finite(row, backend, inputs[i], row.labels[i])
    return values


def _apply(
    program: Program,
    backend: Backend,
    step: _Pass,
    values: dict[int, Any],
    settings: Sequence[Any],
    cursors: Sequence[Cursor],
    start: int,
) -> None:
    for number in step.calls:
        call = program.calls[number]
        cursors[number].start = start
        values[len(program.inputs) + number] = call.definition().apply(
            backend.xp, [values[i] for i in call.operands], settings[number], cursors[number]
        )


def _emit(row: Row, backend: Backend, result: Any, start: int, emit: Emit) -> None:
    lost = backend.count_non_finite(result) + backend.count_overflow(result, row.dtype)
    if lost:
        values = "value does" if lost == 1 else "values do"
        raise fail(
            "E806",
            f"{lost} {values} not fit {row.dtype.word} in tensor `{row.tensor}`",
            row.place.result if row.place else None,
            notes=(f"found in the block from element {start}",),
            help=_ROOM.get(row.dtype, "make the scales smaller"),
        )
    emit(start * row.dtype.bits // 8, backend.store(result, row.dtype))


def _non_finite(row: Row, backend: Backend, source: BlockInput, label: str) -> Exception:
    """Count them all before complaining: one in a tensor is another story than every one."""
    total = 0
    for start in range(0, source.entry.numel, LEAF):
        raw = source.block(start, min(LEAF, source.entry.numel - start))
        total += backend.count_non_finite(backend.load(raw, source.entry.dtype, row.work))
    values = "value is" if total == 1 else "values are"
    return fail(
        "E805",
        f"{total} {values} NaN or infinite in tensor `{source.entry.name}` of `{label}`",
        row.place.sources[label] if row.place else None,
        notes=("a merge would spread them over the whole child",),
        help="leave this source out, or repair its weights",
    )
