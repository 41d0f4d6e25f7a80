"""Walk a plan: every tensor to its planned place, then publish, or leave nothing behind."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from mergec.backends import Backend, self_test
from mergec.catalog import TensorEntry
from mergec.diagnostics import fail
from mergec.execute.inputs import TensorInput
from mergec.execute.lineage import Origin, companion_files
from mergec.execute.sweep import sweep_tensor
from mergec.plan import Budget, Plan, Row
from mergec.plan.program import recoding
from mergec.shards import CheckpointWriter, SourceReader

Progress = Callable[[int], None]
# Bytes that are copied or compared at a time.
_STEP = 4 << 20


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did. Times are seconds of wall clock; `peak_memory` is the process's, in bytes."""

    target: Path
    tensors: int
    bytes_read: int
    bytes_written: int
    seconds: float
    peak_memory: int


class _Stopped(Exception):
    """Raised in workers when the run is given up; never leaves `run_plan`."""


def run_plan(
    plan: Plan,
    target: Path,
    backend: Backend,
    budget: Budget,
    origin: Origin,
    progress: Progress = lambda _: None,
    *,
    read_back: bool = True,
) -> RunReport:
    """Execute `plan` into the new folder `target`; `progress` gets bytes written, as they are.

    With `read_back`, the weights are read from the disk again and compared with what was computed
    before anything is published. All or nothing: on any error, and on KeyboardInterrupt, what was
    made is removed and `target` does not exist. Raises E605, E602, E801-E809, E812, E813, E815 and
    E406.
    """
    started = time.monotonic()
    self_test(backend)
    roots = [_root(source.checkpoint.root, source.decl.ref) for source in plan.sources]
    with ExitStack() as stack:
        readers = {
            label: stack.enter_context(SourceReader(checkpoint))
            for label, checkpoint in plan.checkpoints.items()
        }
        writer = stack.enter_context(
            CheckpointWriter.create(target, plan.layouts, roots, other_bytes=_companions(plan))
        )
        work = _Work(plan, backend, budget, readers, writer, progress)
        work.run()
        writer.finish_all()
        if read_back:
            writer.read_back()
        for reader in readers.values():
            reader.unchanged()
        for name, data in companion_files(plan, writer.digests(), origin):
            writer.add_file(name, data)
        writer.publish()
    return RunReport(
        target,
        len(plan.rows),
        plan.bytes_read,
        plan.bytes_written,
        time.monotonic() - started,
        peak_memory(),
    )


def peak_memory() -> int:
    """The largest resident size of this process so far, in bytes."""
    # Not getrusage: its figure is inherited from the process that started this one.
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM:"))


def _companions(plan: Plan) -> int:
    """About how many bytes stand beside the weights; lineage has a line of digest a tensor."""
    copied = sum(small.size for small in plan.files) + len(plan.config or b"")
    return copied + sum(100 + len(row.tensor) for row in plan.rows) + (64 << 10)


def _root(root: Path, ref: str) -> Path:
    """What the output must not touch: a source's folder, or its file where it is a file alone."""
    name = Path(ref).name
    return root if root.name == name else root / name


@dataclass(frozen=True, slots=True)
class _Work:
    """One run's shared things; `run` spreads the rows over threads."""

    plan: Plan
    backend: Backend
    budget: Budget
    readers: Mapping[str, SourceReader]
    writer: CheckpointWriter
    progress: Progress

    def run(self) -> None:
        # Largest first, so that no thread is left alone with the largest at the end.
        rows = sorted(self.plan.rows, key=lambda row: -row.nbytes_read)
        stop = Event()
        with ThreadPoolExecutor(self.budget.threads, "mergec") as pool, _stopping(stop):
            futures = [pool.submit(self._row, row, stop) for row in rows]
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                if (error := future.exception()) is not None:
                    raise error

    def _row(self, row: Row, stop: Event) -> None:
        def pause() -> None:
            if stop.is_set():
                raise _Stopped

        def emit(offset: int, data: memoryview) -> None:
            self.writer.write(row.tensor, offset, data)
            self.progress(data.nbytes)

        pause()
        for label, entry in row.equal:
            self._require_equal(row, label, entry, pause)
        compute_row(self.plan, row, self.readers, self.backend, self.budget, emit, pause)

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
            row.place.sources[label] if row.place else None,
            notes=("integers cannot be averaged, and taking either one would be a guess",),
            help="make the two files agree, or leave one of these sources out",
        )


def compute_row(
    plan: Plan,
    row: Row,
    readers: Mapping[str, SourceReader],
    backend: Backend,
    budget: Budget,
    emit: Callable[[int, memoryview], None],
    pause: Callable[[], None] = lambda: None,
) -> None:
    """Make one row and emit its bytes in order of their offset; `pause` comes before each piece."""
    if row.action == "copy":
        for offset, data in _pieces(readers[row.labels[0]], row.entries[0]):
            pause()
            emit(offset, data)
        return
    held = row.sweeps > 1 and row.nbytes_read <= budget.cache
    inputs = [
        TensorInput(readers[label], entry, held=held)
        for label, entry in zip(row.labels, row.entries, strict=True)
    ]
    program = plan.program if row.action == "merge" else recoding(row.labels[0])
    sweep_tensor(row, program, backend, inputs, budget.block, emit, pause)


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
