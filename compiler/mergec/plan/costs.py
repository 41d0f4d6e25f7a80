"""What a run costs whatever the machine: bytes that are moved, and operations on elements."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mergec.frozen import frozen
from mergec.plan.program import Schedule, schedule
from mergec.plan.steps import Step

MATRIX = 128
"""The shorter side of the matrices for which the costs of stages over whole tensors are told."""


@frozen
class Costs:
    """Bytes read and written, and operations by stage.

    One operation is one element of one operand that a stage takes in, or looks at for a statistic.
    `read` counts a tensor once for each time that it is read; `sweeps` are the most that a tensor
    takes. `efforts` are the operations as a clock sees them: what a stage over a whole matrix does
    for each element grows with the shorter side, and counts as for one of `MATRIX`. `programs` is
    the number of those that differ by more than numbers.
    """

    read: int
    written: int
    operations: int
    efforts: Mapping[str, float]
    sweeps: int
    programs: int


NO_COSTS = Costs(0, 0, 0, {}, 0, 0)


def count_costs(work: Iterable[tuple[int, Sequence[Step]]], cache: int, written: int) -> Costs:
    """The costs of steps, each group of which is done a number of times; linear in their number.

    A thread holds `cache` bytes of a tensor's inputs, and `written` bytes are written.
    """
    count = _Count(cache)
    for times, steps in work:
        count.add(steps, times)
    return Costs(
        count.read,
        written,
        sum(count.operations.values()),
        dict(count.efforts),
        count.sweeps,
        len(count.kinds),
    )


@dataclass(slots=True)
class _Count:
    cache: int
    read: int = 0
    operations: Counter[str] = field(default_factory=Counter[str])
    efforts: dict[str, float] = field(default_factory=dict[str, float])
    sweeps: int = 0
    kinds: set[object] = field(default_factory=set[object])

    def add(self, steps: Sequence[Step], times: int) -> None:
        """Steps that are done `times` times."""
        # A model has few kinds of steps, and thousands of steps.
        alike: dict[tuple[object, ...], list[Step]] = {}
        for step in steps:
            if step.copied is None:
                same = (step.program.key, step.work, step.meetings, step.shape)
                alike.setdefault(same, []).append(step)
            else:
                self.read += step.nbytes_read * times
        for group in alike.values():
            self._add(group, times)

    def _add(self, alike: Sequence[Step], times: int) -> None:
        step = alike[0]
        plan = schedule(step.program, step.work, step.meetings)
        self.sweeps = max(self.sweeps, plan.sweeps)
        for each in alike:
            again = plan.sweeps > 1 and each.nbytes_read > self.cache
            self.read += each.nbytes_read * times * (plan.sweeps if again else 1)
        calls = step.program.calls
        for number, (call, turns) in enumerate(zip(calls, _turns(plan), strict=True)):
            done = len(alike) * times * turns * step.numel * len(call.operands)
            self.operations[call.stage] += done
            effort = self.efforts.get(call.stage, 0.0) + done * _slowness(step, number)
            self.efforts[call.stage] = effort
        shape = tuple((call.stage, call.operands) for call in calls)
        self.kinds.add((shape, step.program.results, step.work))


def step_efforts(step: Step) -> Mapping[str, float]:
    """The efforts of one step by itself, by stage."""
    found: dict[str, float] = {}
    turns = _turns(schedule(step.program, step.work, step.meetings))
    for number, call in enumerate(step.program.calls):
        done = turns[number] * step.numel * len(call.operands)
        found[call.stage] = found.get(call.stage, 0.0) + done * _slowness(step, number)
    return found


def _turns(plan: Schedule) -> tuple[int, ...]:
    """How often each call computes a tensor or looks at it."""
    computed = Counter(number for sweep in plan.needed for number in sweep)
    looked = [
        max(0, min(ready, plan.sweeps) - first)
        for first, ready in zip(plan.first, plan.ready, strict=True)
    ]
    return tuple(computed[number] + times for number, times in enumerate(looked))


def _slowness(step: Step, number: int) -> float:
    """How much longer an element takes than in a matrix whose shorter side is `MATRIX`."""
    call = step.program.calls[number]
    grain = call.definition().grain(dict(call.params), step.shape)
    whole = len(step.shape) > 1 and grain >= step.numel
    return min(step.shape) / MATRIX if whole else 1.0
