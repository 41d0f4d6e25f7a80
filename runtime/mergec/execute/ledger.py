"""Which steps of a run are done: those that the run before claimed, and those of this one."""

from collections.abc import Mapping, Sequence
from typing import Any, cast, final

from mergec.diagnostics import Diagnostic
from mergec.execute.findings import Findings
from mergec.execute.numbers import Counts, TensorNumbers
from mergec.ops.measures import Partial
from mergec.plan import Plan
from mergec.plan.steps import Output, Step
from mergec.shards import CheckpointWriter
from mergec.shards.recovery import claimed_tensors


@final
class Ledger:
    """Reads and writes the claims of a writer, in terms of steps.

    A step is claimed with what it gave to the measures, in exact form, and with its counts of
    numbers. One whose numbers are doubtful, or of which something was left out, is not claimed, so
    that the next run can say so too. The settings of statistics over all tensors are in no claim: a
    run that goes on finds them again.
    """

    def __init__(
        self,
        plan: Plan,
        writer: CheckpointWriter,
        findings: Findings,
    ) -> None:
        self._folders = [export.folder for export in plan.exports]
        self._writer = writer
        self._findings = findings
        self.taken_over = 0
        """How many tensors the run before had finished."""
        self.lost = 0
        """How many more it claimed, of which the disk has other bytes."""
        self.bytes_taken_over = 0

    def left(self, steps: Sequence[Step], threads: int) -> list[Step]:
        """The steps that are to be done; what is on the disk of the others is taken over."""
        if not self._writer.lines:
            return [*steps]
        unchanged = self._writer.unchanged(threads)
        self.lost = len(claimed_tensors(self._writer.lines)) - len(unchanged)
        readings, counts = _readings(self._writer.lines), _counts(self._writer.lines)
        left: list[Step] = []
        for step in steps:
            tensors = [self._key(output) for output in step.outputs]
            numbers = [observation.number for observation in step.observed]
            if not (unchanged.keys() >= {*tensors} and readings.keys() >= {*numbers}):
                left.append(step)
                continue
            self._writer.take_over({key: unchanged[key] for key in tensors})
            self.taken_over += len(tensors)
            self.bytes_taken_over += sum(output.row.nbytes for output in step.outputs)
            for number in numbers:
                self._findings.measurements.add(number, readings[number])
            for output, key in zip(step.outputs, tensors, strict=True):
                if key in counts:
                    self._findings.numbers.tell(
                        output, TensorNumbers.of(output, step.numel, *counts[key])
                    )
        return left

    def done(self, step: Step) -> None:
        """A step is finished and its readings are in; from any thread."""
        if self._findings.doubts.about(step):
            return
        numbers = [observation.number for observation in step.observed]
        partials = map(self._findings.measurements.partial, numbers)
        readings = [[n, *_told(partial)] for n, partial in zip(numbers, partials, strict=True)]
        keys = [self._key(output) for output in step.outputs]
        told = zip(keys, map(self._findings.numbers.about, step.outputs), strict=True)
        counts = [
            [*key, [*found.sources], found.not_finite, found.underflow]
            for key, found in told
            if found is not None
        ]
        beside = {"readings": readings, "counts": counts}
        self._writer.claim(keys, {name: value for name, value in beside.items() if value})

    def _key(self, output: Output) -> tuple[str, str]:
        return self._folders[output.export], output.row.tensor

    def warnings(self) -> Sequence[Diagnostic]:
        """W851 if something of the run before was lost."""
        if not self.lost:
            return ()
        what = "1 tensor" if self.lost == 1 else f"{self.lost:,} tensors"
        return (
            Diagnostic(
                "W851",
                f"{what} of the run before had other bytes than it wrote, and were computed again",
                None,
                help=("check the disk, unless the power failed",),
            ),
        )


def _told(partial: Partial) -> tuple[list[str], list[int]]:
    """Every bit of a partial: JSON has no word for infinity, and its readers round."""
    sums, counts = partial
    return [float(number).hex() for number in sums], [int(count) for count in counts]


def _readings(lines: Sequence[Mapping[str, Any]]) -> dict[int, Partial]:
    """The partials that are claimed, by the number of the reading; the last of each."""
    found: dict[int, Partial] = {}
    for line in lines:
        told: object = line.get("readings")
        for each in cast("list[object]", told) if isinstance(told, list) else ():
            if not isinstance(each, list):
                continue
            number, *rest = cast("list[object]", each) or [None]
            if isinstance(number, int):
                try:
                    found[number] = _partial(*rest)
                except (TypeError, ValueError, OverflowError):
                    found.pop(number, None)
    return found


def _counts(lines: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Counts]:
    """The counts that are claimed, by folder and tensor."""
    found: dict[tuple[str, str], Counts] = {}
    for line in lines:
        told: object = line.get("counts")
        for each in cast("list[list[Any]]", told) if isinstance(told, list) else ():
            match each:
                case [str(folder), str(tensor), sources, int(not_finite), int(underflow)]:
                    by_source = tuple((str(label), int(count)) for label, count in sources)
                    found[folder, tensor] = (by_source, not_finite, underflow)
                case _:
                    continue
    return found


def _partial(sums: object = None, counts: object = None, *_: object) -> Partial:
    """TypeError, ValueError or OverflowError for what is none."""
    if not (isinstance(sums, list) and isinstance(counts, list)):
        raise TypeError("sums and counts are lists")
    numbers = tuple(float.fromhex(number) for number in cast("list[str]", sums))
    if not all(type(count) is int for count in cast("list[object]", counts)):
        raise TypeError("a count is a whole number")
    return numbers, tuple(cast("list[int]", counts))
