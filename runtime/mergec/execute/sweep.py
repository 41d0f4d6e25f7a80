"""Run a step: blocks in, statistics between the sweeps, blocks of every result out."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol, SupportsInt

from mergec.backends import Backend, Encoded
from mergec.catalog import Dtype
from mergec.diagnostics import Diagnostic, Span, fail
from mergec.execute.inputs import BlockInput
from mergec.execute.numbers import Numbers, StepNumbers, with_one_nan
from mergec.frozen import frozen
from mergec.ops import Cursor, Site
from mergec.ops.tree_sum import LEAF
from mergec.plan import Row, Schedule
from mergec.plan.steps import Output, Step

# What to do where a result is too large for its dtype.
_ROOM = {
    Dtype.BF16: "make the scales smaller",  # no float32 is larger
    Dtype.F16: "export a wider dtype, as in `export child { dtype = f32 }`",
    Dtype.F32: "export a wider dtype, as in `export child { dtype = f64 }`, or smaller scales",
}

# The settings of global stages: by the node as written, the number of the stage, and the tensor.
Settled = Mapping[tuple[str, int, str], Any]
NOTHING_SETTLED: Settled = MappingProxyType({})


class Observer(Protocol):
    """Takes the blocks of one reading."""

    def observe(self, xp: Any, blocks: Sequence[Any]) -> None:
        """One block of each operand, in work dtype; blocks come in order."""
        ...


# Gets the byte offset within the output's tensor and the bytes that belong there, in order.
Emit = Callable[[Output, int, memoryview], None]


@frozen
class Cut:
    """What the call number `call` left out of `tensor`: squares of its norm and of the whole's."""

    call: int
    tensor: str
    lost: float
    whole: float


Notice = Diagnostic | Cut
"""What a step tells of its data: a warning, or how much was left out of a tensor."""


def ignore(_: Notice) -> None:
    """Who computes to compare asks for no warnings."""


@frozen
class _Pass:
    """What one sweep over the blocks does.

    Which calls run, of which calls statistics are collected, what is written and what is measured.
    """

    first: bool
    inputs: tuple[int, ...]
    calls: tuple[int, ...]
    observed: tuple[int, ...]
    outputs: tuple[Output, ...]
    measured: tuple[int, ...]


def sweep_step(
    step: Step,
    plan: Schedule,
    backend: Backend,
    inputs: Sequence[BlockInput],
    block: int,
    emit: Emit,
    pause: Callable[[], None],
    collectors: Sequence[Observer] = (),
    settled: Settled = NOTHING_SETTLED,
    doubt: Callable[[Notice], None] = ignore,
    numbers: StepNumbers | None = None,
) -> None:
    """Compute a step by its schedule and emit its outputs' bytes; `pause` precedes every block.

    Each output is emitted in order, in the sweep in which it is done. Each of `collectors`, one for
    each observation of the step, sees its operands once. `block` is a multiple of 2¹⁶ elements;
    results do not depend on it, and it is what the stages need if they need more. `settled` has the
    settings of all global stages, `doubt` gets what stages warn of and leave out, and `numbers`
    counts, with a policy that may have repaired `inputs`. Raises E805 for NaN or infinity in a
    source, E806 for a result that the output dtype cannot hold, and what the stages raise.
    """
    program = step.program
    numbers = numbers or Numbers().of(step)
    settings = _prepare(step, settled)
    block = step.block(block)
    whole = _load_whole(step, backend, inputs, numbers)
    for sweep in range(plan.sweeps):
        this = _pass(step, plan, sweep)
        leaders = _leaders(step, this, settings)
        found: dict[int, Any] = dict.fromkeys(leaders.values())
        cursors = [Cursor() for _ in program.calls]
        for start in range(0, step.numel, block):
            pause()
            count = min(block, step.numel - start)
            read = _load(backend, step, inputs, this, start, count)
            looks = this.first and not numbers.propagates
            suspects = _suspects(backend, read) if looks else {}
            values = {**whole, **read}
            try:
                _apply(step, backend, this, values, settings, cursors, start, count)
                _observe(step, backend, this, values, settings, found, collectors)
                encoded = [
                    backend.encode(values[program.results[output.result]], output.row.dtype)
                    for output in this.outputs
                ]
            finally:
                # Before anything is made of them: whatever a stage says of NaN comes from these.
                _require_finite(step, backend, inputs, suspects)
            for output, result in zip(this.outputs, encoded, strict=True):
                block_of = values[program.results[output.result]]
                _emit(output, result, start, emit, numbers, backend, block_of)
            backend.finish()
        for number, cursor in enumerate(cursors):
            if cursor.cut is not None:
                doubt(Cut(number, step.sites[number], *cursor.cut))
        for number, leader in leaders.items():
            stage = program.calls[number].statistic()
            settings[number] = stage.combine(found[leader], settings[number])
            doubtful = stage.doubt(settings[number])
            if doubtful is not None:
                doubt(doubtful)
    for row, lost in numbers.end():
        raise _does_not_fit(row, lost, "all of its sources are finite")


def _prepare(step: Step, settled: Settled) -> list[Any]:
    dtypes = [entry.dtype for entry in step.entries]
    settings: list[Any] = []
    for call, site in zip(step.program.calls, step.sites, strict=True):
        if call.barrier is not None:
            settings.append(settled[*call.barrier, site])
            continue
        of = Site(site, step.shape, step.work, step.program.stored(call, dtypes))
        settings.append(call.definition().prepare(dict(call.params), of))
    return settings


def _leaders(step: Step, this: _Pass, settings: Sequence[Any]) -> dict[int, int]:
    """For each observed call the first that collects what it needs, which may be itself.

    So trims of one delta to several densities count its magnitudes once.
    """
    leaders: dict[int, int] = {}
    first: dict[Hashable, int] = {}
    for number in this.observed:
        call = step.program.calls[number]
        shared = call.statistic().sharing(settings[number])
        key = number if shared is None else (call.stage, call.operands, shared)
        leaders[number] = first.setdefault(key, number)
    return leaders


def _pass(step: Step, plan: Schedule, sweep: int) -> _Pass:
    program = step.program
    observed = tuple(
        number
        for number in range(len(program.calls))
        if plan.first[number] <= sweep < plan.ready[number]
    )
    outputs = tuple(output for output in step.outputs if plan.done[output.result] == sweep)
    measured = tuple(number for number, met in enumerate(plan.met) if met == sweep)
    used = {
        i for number in (*plan.needed[sweep], *observed) for i in program.calls[number].operands
    }
    used |= {program.results[output.result] for output in outputs}
    used |= {program.results[i] for number in measured for i in step.observed[number].results}
    inputs = tuple(i for i in range(len(program.inputs)) if i in used)
    return _Pass(sweep == 0, inputs, plan.needed[sweep], observed, outputs, measured)


def _load_whole(
    step: Step, backend: Backend, inputs: Sequence[BlockInput], numbers: StepNumbers
) -> dict[int, Any]:
    """The tensors that stages need whole in every block, which have other shapes."""
    values: dict[int, Any] = {}
    for i in sorted(step.whole):
        raw = inputs[i].block(0, inputs[i].entry.numel)
        values[i] = backend.load(raw, inputs[i].entry.dtype, step.work)
        if not numbers.propagates and backend.count_non_finite(values[i]):
            raise _non_finite(step, backend, inputs[i], step.program.inputs[i])
    return values


def _load(
    backend: Backend, step: Step, inputs: Sequence[BlockInput], this: _Pass, start: int, count: int
) -> dict[int, Any]:
    """The decoded blocks this sweep needs, but for `step.whole`; in the first sweep all others."""
    values: dict[int, Any] = {}
    for i in range(len(inputs)) if this.first else this.inputs:
        if i not in step.whole:
            raw = inputs[i].block(start, count)
            values[i] = backend.borrow(raw, inputs[i].entry.dtype, step.work)
    return values


def _suspects(backend: Backend, blocks: Mapping[int, Any]) -> dict[int, SupportsInt]:
    counts = backend.notice_non_finite([*blocks.values()])
    return dict(zip(blocks, counts, strict=True))


def _apply(
    step: Step,
    backend: Backend,
    this: _Pass,
    values: dict[int, Any],
    settings: Sequence[Any],
    cursors: Sequence[Cursor],
    start: int,
    count: int,
) -> None:
    for number in this.calls:
        call = step.program.calls[number]
        cursors[number].start, cursors[number].count = start, count
        values[len(step.program.inputs) + number] = call.definition().apply(
            backend.xp, [values[i] for i in call.operands], settings[number], cursors[number]
        )


def _observe(
    step: Step,
    backend: Backend,
    this: _Pass,
    values: Mapping[int, Any],
    settings: Sequence[Any],
    found: dict[int, Any],
    collectors: Sequence[Observer],
) -> None:
    """Add the block to statistics in `found`, and to what `collectors` measure."""
    program = step.program
    for number, so_far in found.items():
        call = program.calls[number]
        operands = [values[i] for i in call.operands]
        found[number] = call.statistic().observe(backend.xp, so_far, operands, settings[number])
    for number in this.measured:
        operands = [values[program.results[i]] for i in step.observed[number].results]
        collectors[number].observe(backend.xp, operands)


def _require_finite(
    step: Step, backend: Backend, inputs: Sequence[BlockInput], suspects: Mapping[int, SupportsInt]
) -> None:
    for i, count in suspects.items():
        if int(count):
            raise _non_finite(step, backend, inputs[i], step.program.inputs[i])


def _emit(
    output: Output,
    result: Encoded,
    start: int,
    emit: Emit,
    numbers: StepNumbers,
    backend: Backend,
    block: Any,
) -> None:
    """NaN and infinities may be in it where they propagate and were there before the cast."""
    row, data = output.row, result.data
    if result.lost:
        lost = backend.count_overflow(block, row.dtype) if numbers.propagates else result.lost
        if lost:
            raise _does_not_fit(row, lost, f"found in the block from element {start}")
        data = with_one_nan(data, row.dtype)
    numbers.result(output, result.lost, result.underflow)
    emit(output, start * row.dtype.bits // 8, data)


def _does_not_fit(row: Row, lost: int, where: str) -> Exception:
    values = "value does" if lost == 1 else "values do"
    return fail(
        "E806",
        f"{lost} {values} not fit {row.dtype.word} in tensor `{row.tensor}`",
        row.place.result if row.place else None,
        notes=(where,),
        help=_ROOM.get(row.dtype, "make the scales smaller"),
    )


def _non_finite(step: Step, backend: Backend, source: BlockInput, label: str) -> Exception:
    """Count them all before complaining: one in a tensor is another story than every one."""
    total = 0
    for start in range(0, source.entry.numel, LEAF):
        raw = source.block(start, min(LEAF, source.entry.numel - start))
        total += backend.count_non_finite(backend.load(raw, source.entry.dtype, step.work))
    values = "value is" if total == 1 else "values are"
    return fail(
        "E805",
        f"{total} {values} NaN or infinite in tensor `{source.entry.name}` of `{label}`",
        _named(step, label),
        notes=("a merge would spread them over the whole child",),
        help="leave this source out, repair its weights, or set `nonfinite` in the export",
    )


def _named(step: Step, label: str) -> Span | None:
    """Where the spec names a source."""
    places = (place.sources.get(label) for place in step.places)
    return next((span for span in places if span is not None), None)
