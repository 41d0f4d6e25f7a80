"""The work of a run, spread over threads: every step to the places that its outputs have."""

from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import final

from mergec.backends import Backend
from mergec.catalog import TensorEntry
from mergec.diagnostics import fail
from mergec.execute.barriers import in_turn, settle
from mergec.execute.findings import Findings
from mergec.execute.inputs import open_input, pieces
from mergec.execute.ledger import Ledger
from mergec.execute.measures import Collector
from mergec.execute.numbers import Numbers
from mergec.execute.order import reading_order
from mergec.execute.sweep import (
    NOTHING_SETTLED,
    Emit,
    Notice,
    Observer,
    Settled,
    ignore,
    sweep_step,
)
from mergec.frozen import frozen
from mergec.plan import Budget, Plan, Row, Schedule, schedule
from mergec.plan.model import Barrier
from mergec.plan.steps import Output, Step, plan_steps
from mergec.shards import CheckpointWriter, SourceReader
from mergec.shards.waiting import wait_for

Progress = Callable[[int], None]
# How many bytes are told as progress at once; to tell costs as much as to write a small tensor.
_TOLD = 1 << 20


class _Stopped(Exception):
    """Raised in workers when the run is given up; never leaves `Work.run`."""


@frozen
class Work:
    """One run's shared things; `run` makes everything, and brings in what was measured.

    Every thread takes the next step in the order of the files, and reads, computes, hashes and
    writes it block by block. What overlaps this with the devices is that the system is asked to
    read ahead and to begin writing early: so there are no queues of blocks, nor memory in them.
    """

    plan: Plan
    backend: Backend
    budget: Budget
    readers: Mapping[str, SourceReader]
    writer: CheckpointWriter
    progress: Progress
    findings: Findings
    ledger: Ledger

    def run(self) -> None:
        """Return when all tensors are written and all readings are in, or raise the first error."""
        stop = Event()
        schedules = Schedules()
        progress = _Told(self.progress)

        def pause() -> None:
            if stop.is_set():
                raise _Stopped

        def compute(step: Step, settled: Settled, observers: Sequence[Observer]) -> None:
            compute_step(
                step, self.readers, self.backend, self.budget, _emit_nothing, pause, observers,
                settled, schedules, numbers=Numbers(self.plan.policy),
            )  # fmt: skip

        def emit(output: Output, offset: int, data: memoryview) -> None:
            folder = self.plan.exports[output.export].folder
            self.writer.write(output.row.tensor, offset, data, folder)
            progress.add(data.nbytes)

        def make(step: Step) -> None:
            self._require_equals(step, pause)
            collectors = [
                Collector.of(self.plan.measures[observation.reading.measure])
                for observation in step.observed
            ]
            compute_step(
                step, self.readers, self.backend, self.budget, emit, pause, collectors, settled,
                schedules, self.findings.doubts.of(step), self.findings.numbers,
            )  # fmt: skip
            for observation, collector in zip(step.observed, collectors, strict=True):
                self.findings.measurements.add(observation.number, collector.partial())
            self.ledger.done(step)

        with ThreadPoolExecutor(self.budget.threads, "mergec") as pool, _stopping(stop):

            def each(task: Callable[[Step], None], steps: Sequence[Step]) -> None:
                # Not a future for each step: it costs more than a small tensor does.
                left = iter(reading_order(steps, self.budget.threads))
                turn = Lock()

                def take_all() -> None:
                    while True:
                        with turn:
                            step = next(left, None)
                        if step is None:
                            return
                        pause()
                        task(step)

                futures = [pool.submit(take_all) for _ in range(self.budget.threads)]
                wait_for(futures)
                for future in futures:
                    if future.done():
                        future.result()

            left = self.ledger.left(plan_steps(self.plan), self.budget.threads)
            progress.add(self.ledger.bytes_taken_over)
            settled = settle(self.plan.barriers, each, compute) if left else NOTHING_SETTLED
            each(make, left)
        progress.tell()

    def _require_equals(self, step: Step, pause: Callable[[], None]) -> None:
        for output in step.outputs:
            for label, entry in output.row.equal:
                self._require_equal(output.row, label, entry, pause)

    def _require_equal(
        self, row: Row, label: str, entry: TensorEntry, pause: Callable[[], None]
    ) -> None:
        """A copied buffer must be the same in every source; E406 if it is not."""
        ours = pieces(self.readers[row.labels[0]], row.entries[0])
        theirs = pieces(self.readers[label], entry)
        for (_, left), (_, right) in zip(ours, theirs, strict=True):
            pause()
            if left != right:
                break
        else:
            return
        raise fail(
            "E406",
            f"the integer tensor `{row.tensor}` differs between `{row.labels[0]}` and `{label}`",
            row.place.sources.get(label) if row.place else None,
            notes=("integers cannot be averaged, and taking either one would be a guess",),
            help="make the two files agree, or leave one of these sources out",
        )


def compute_step(
    step: Step,
    readers: Mapping[str, SourceReader],
    backend: Backend,
    budget: Budget,
    emit: Emit,
    pause: Callable[[], None] = lambda: None,
    collectors: Sequence[Observer] = (),
    settled: Settled = NOTHING_SETTLED,
    schedules: "Schedules | None" = None,
    doubt: Callable[[Notice], None] = ignore,
    numbers: Numbers | None = None,
) -> None:
    """Make one step and emit each output's bytes in order; `pause` comes before each piece.

    `settled` has the settings of the global stages, one of `collectors` sees each reading,
    `schedules` are kept from one step to the next, `doubt` gets what stages warn of, and `numbers`
    has the policy for NaN and infinities and counts them.
    """
    if step.copied is not None:
        (output,) = step.outputs
        for offset, data in pieces(readers[step.copied.labels[0]], step.copied.entries[0]):
            pause()
            emit(output, offset, data)
        return
    plan = (schedules or Schedules()).of(step)
    held = plan.sweeps > 1 and step.nbytes_read <= budget.cache
    inputs = [
        open_input(readers[label], entry, held=held)
        for label, entry in zip(step.program.inputs, step.entries, strict=True)
    ]
    counts = (numbers or Numbers()).of(step)
    given = counts.inputs(inputs, [readers[label] for label in step.program.inputs], step.whole)
    sweep_step(
        step, plan, backend, given, budget.block, emit, pause, collectors, settled, doubt, counts
    )


def settle_alone(
    barriers: Sequence[Barrier],
    readers: Mapping[str, SourceReader],
    backend: Backend,
    budget: Budget,
    numbers: Numbers | None = None,
) -> Settled:
    """The settings of the global stages of `barriers`, found in this thread."""

    def compute(step: Step, settled: Settled, observers: Sequence[Observer]) -> None:
        compute_step(
            step, readers, backend, budget, _emit_nothing, lambda: None, observers, settled,
            numbers=numbers,
        )  # fmt: skip

    return settle(barriers, in_turn, compute)


def _emit_nothing(_output: Output, _offset: int, _data: memoryview) -> None:
    raise AssertionError("a barrier writes nothing")


@final
class Schedules:
    """The schedules of programs: most tensors of a model share a few."""

    def __init__(self) -> None:
        self._known: dict[object, Schedule] = {}

    def of(self, step: Step) -> Schedule:
        """The schedule of a step; from any thread."""
        same = (step.program.key, step.work, step.meetings)
        found = self._known.get(same)
        if found is None:
            found = self._known[same] = schedule(step.program, step.work, step.meetings)
        return found


@dataclass(slots=True)
class _Told:
    """Collects small amounts of progress."""

    progress: Progress
    amount: int = 0
    lock: Lock = field(default_factory=Lock)

    def add(self, amount: int) -> None:
        """Some bytes were done; from any thread."""
        with self.lock:
            self.amount += amount
            if self.amount < _TOLD:
                return
            self.amount, amount = 0, self.amount
        self.progress(amount)

    def tell(self) -> None:
        """What is left, at the end."""
        if self.amount:
            self.progress(self.amount)


@contextmanager
def _stopping(stop: Event) -> Generator[None]:
    """Whatever ends the block early, an interrupt included, tells the workers to stop."""
    try:
        yield
    except BaseException:
        stop.set()
        raise
