"""The work of a run, spread over threads: every step to the places that its outputs have."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event

from mergec.backends import Backend
from mergec.catalog import TensorEntry
from mergec.diagnostics import fail
from mergec.execute.barriers import in_turn, settle
from mergec.execute.inputs import TensorInput
from mergec.execute.measures import Collector, Measurements
from mergec.execute.sweep import NOTHING_SETTLED, Emit, Observer, Settled, sweep_step
from mergec.plan import Budget, Plan, Row, schedule
from mergec.plan.model import Barrier
from mergec.plan.steps import Output, Step, plan_steps
from mergec.shards import CheckpointWriter, SourceReader

Progress = Callable[[int], None]
# Bytes that are copied or compared at a time.
_STEP = 4 << 20


class _Stopped(Exception):
    """Raised in workers when the run is given up; never leaves `Work.run`."""


@dataclass(frozen=True, slots=True)
class Work:
    """One run's shared things; `run` makes everything, and brings in what was measured."""

    plan: Plan
    backend: Backend
    budget: Budget
    readers: Mapping[str, SourceReader]
    writer: CheckpointWriter
    measurements: Measurements
    progress: Progress

    def run(self) -> None:
        """Return when all tensors are written and all readings are in, or raise the first error."""
        stop = Event()

        def pause() -> None:
            if stop.is_set():
                raise _Stopped

        def compute(step: Step, settled: Settled, observers: Sequence[Observer]) -> None:
            compute_step(
                step, self.readers, self.backend, self.budget, _emit_nothing, pause, observers,
                settled,
            )  # fmt: skip

        with ThreadPoolExecutor(self.budget.threads, "mergec") as pool, _stopping(stop):

            def each(task: Callable[[Step], None], steps: Sequence[Step]) -> None:
                # Largest first, so that no thread is left alone with the largest at the end.
                largest_first = sorted(steps, key=lambda step: -step.nbytes_read)
                futures = [pool.submit(task, step) for step in largest_first]
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
                for future in done:
                    if (error := future.exception()) is not None:
                        raise error

            settled = settle(self.plan.barriers, each, compute)
            each(lambda step: self._step(step, settled, pause), plan_steps(self.plan))

    def _step(self, step: Step, settled: Settled, pause: Callable[[], None]) -> None:
        def emit(output: Output, offset: int, data: memoryview) -> None:
            folder = self.plan.exports[output.export].folder
            self.writer.write(output.row.tensor, offset, data, folder)
            self.progress(data.nbytes)

        pause()
        for output in step.outputs:
            for label, entry in output.row.equal:
                self._require_equal(output.row, label, entry, pause)
        collectors = [
            Collector.of(self.plan.measures[observation.reading.measure])
            for observation in step.observed
        ]
        compute_step(
            step, self.readers, self.backend, self.budget, emit, pause, collectors, settled
        )
        for observation, collector in zip(step.observed, collectors, strict=True):
            self.measurements.add(observation.number, collector.partial())

    def _require_equal(
        self, row: Row, label: str, entry: TensorEntry, pause: Callable[[], None]
    ) -> None:
        """A copied buffer must be the same in every source; E406 if it is not."""
        ours = _pieces(self.readers[row.labels[0]], row.entries[0])
        theirs = _pieces(self.readers[label], entry)
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
) -> None:
    """Make one step and emit each output's bytes in order; `pause` comes before each piece.

    `settled` has the settings of the global stages, one of `collectors` sees each reading.
    """
    if step.copied is not None:
        (output,) = step.outputs
        for offset, data in _pieces(readers[step.copied.labels[0]], step.copied.entries[0]):
            pause()
            emit(output, offset, data)
        return
    plan = schedule(step.program, step.work, step.meetings)
    held = plan.sweeps > 1 and step.nbytes_read <= budget.cache
    inputs = [
        TensorInput(readers[label], entry, held=held)
        for label, entry in zip(step.program.inputs, step.entries, strict=True)
    ]
    sweep_step(step, plan, backend, inputs, budget.block, emit, pause, collectors, settled)


def settle_alone(
    barriers: Sequence[Barrier],
    readers: Mapping[str, SourceReader],
    backend: Backend,
    budget: Budget,
) -> Settled:
    """The settings of the global stages of `barriers`, found in this thread."""

    def compute(step: Step, settled: Settled, observers: Sequence[Observer]) -> None:
        compute_step(
            step, readers, backend, budget, _emit_nothing, lambda: None, observers, settled
        )

    return settle(barriers, in_turn, compute)


def _emit_nothing(_output: Output, _offset: int, _data: memoryview) -> None:
    raise AssertionError("a barrier writes nothing")


def _pieces(reader: SourceReader, entry: TensorEntry) -> Iterator[tuple[int, memoryview]]:
    """A tensor's stored bytes, piece by piece, with their offsets; each valid until the next."""
    buffer = memoryview(bytearray(min(_STEP, entry.nbytes)))
    for offset in range(0, entry.nbytes, _STEP):
        piece = buffer[: min(_STEP, entry.nbytes - offset)]
        reader.read_into(entry, offset, piece)
        yield offset, piece


@contextmanager
def _stopping(stop: Event) -> Generator[None]:
    """Whatever ends the block early, an interrupt included, tells the workers to stop."""
    try:
        yield
    except BaseException:
        stop.set()
        raise
