"""Statistics over all tensors, before anything else: pass after pass, until each is settled."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, final

from mergec.execute.sweep import Observer, Settled
from mergec.ops import GlobalStage, Seen, Site
from mergec.plan.barriers import waves
from mergec.plan.model import Barrier, Reading
from mergec.plan.program import BarrierKey
from mergec.plan.steps import Step, barrier_steps

# No stage needs nearly as many passes; one that is never settled would need no end of them.
_MOST_PASSES = 256

Each = Callable[[Callable[[Step], None], Sequence[Step]], None]
"""Calls a function for every step, in any order and from any thread; returns when all are done."""

Compute = Callable[[Step, Settled, Sequence[Observer]], None]
"""Computes a step with what is settled already; each observer sees the blocks of one reading."""


def settle(barriers: Sequence[Barrier], each: Each, compute: Compute) -> Settled:
    """The settings of the global stages of `barriers`, by barrier and tensor."""
    settled: dict[tuple[str, int, str], Any] = {}
    for wave in waves(barriers):
        for barrier, settings in zip(wave, _settings(wave, each, compute, settled), strict=True):
            for reading, setting in zip(barrier.readings, settings, strict=True):
                settled[*barrier.key, reading.tensor] = setting
    return settled


def _settings(
    wave: Sequence[Barrier], each: Each, compute: Compute, settled: Settled
) -> Sequence[list[Any]]:
    """The settings of each barrier's tensors, after as many passes as they need."""
    settings = {barrier.key: _prepared(barrier) for barrier in wave}
    left, steps = tuple(wave), barrier_steps(wave)
    for _ in range(_MOST_PASSES):
        still = tuple(barrier for barrier in left if not _is_settled(barrier, settings))
        if not still:
            return [settings[barrier.key] for barrier in wave]
        if still != left:
            left, steps = still, barrier_steps(still)
        watched = _Pass(left, settings, compute, settled)
        each(watched.take, steps)
        settings |= watched.combined()
    stages = ", ".join(barrier.stage for barrier in left)
    raise RuntimeError(f"the statistics of {stages} are never settled")


def in_turn(task: Callable[[Step], None], steps: Sequence[Step]) -> None:
    """Call `task` for every step in this thread."""
    for step in steps:
        task(step)


def _prepared(barrier: Barrier) -> list[Any]:
    stage = barrier.definition()
    return [
        stage.prepare(barrier.params_of(reading), _site(reading)) for reading in barrier.readings
    ]


def _site(reading: Reading) -> Site:
    entries = reading.entries
    stored = tuple(entries[i].dtype if i < len(entries) else None for i in reading.program.results)
    return Site(reading.tensor, reading.shape, reading.work, stored)


def _is_settled(barrier: Barrier, settings: Mapping[BarrierKey, Sequence[Any]]) -> bool:
    return all(map(barrier.definition().settled, settings[barrier.key]))


@final
class _Watcher:
    """Folds the blocks of one tensor."""

    def __init__(self, stage: GlobalStage, setting: Any) -> None:
        self._stage, self._setting = stage, setting
        self._acc: Any = None

    def observe(self, xp: Any, blocks: Sequence[Any]) -> None:
        """One block of each operand."""
        self._acc = self._stage.observe(xp, self._acc, blocks, self._setting)

    def seen(self) -> Seen:
        """What stays of the tensor."""
        return self._stage.seen(self._acc, self._setting)


@dataclass(slots=True)
class _Pass:
    """One pass of a wave: what was kept of each tensor and added up for each barrier."""

    wave: tuple[Barrier, ...]
    settings: dict[BarrierKey, list[Any]]
    compute: Compute
    settled: Settled
    kept: dict[int, Any] = field(default_factory=dict[int, Any])
    shared: dict[int, Any] = field(default_factory=dict[int, Any])
    lock: Any = field(default_factory=Lock)

    def take(self, step: Step) -> None:
        """Stream a step's tensors; from any thread."""
        watchers = [self._watcher(observation.number) for observation in step.observed]
        self.compute(step, self.settled, watchers)
        for observation, watcher in zip(step.observed, watchers, strict=True):
            seen = watcher.seen()
            which, _ = self._place(observation.number)
            with self.lock:
                self.kept[observation.number] = seen.own
                if seen.shared is not None:
                    before = self.shared.get(which)
                    # Whole numbers, so that the order in which tensors are done is none.
                    self.shared[which] = seen.shared if before is None else before + seen.shared

    def combined(self) -> dict[BarrierKey, list[Any]]:
        """The next settings, once all tensors were taken."""
        found: dict[BarrierKey, list[Any]] = {}
        first = 0
        for which, barrier in enumerate(self.wave):
            own = [self.kept[first + i] for i in range(len(barrier.readings))]
            first += len(barrier.readings)
            found[barrier.key] = barrier.definition().combine_all(
                own, self.shared.get(which), self.settings[barrier.key]
            )
        return found

    def _watcher(self, number: int) -> _Watcher:
        which, reading = self._place(number)
        barrier = self.wave[which]
        return _Watcher(barrier.definition(), self.settings[barrier.key][reading])

    def _place(self, number: int) -> tuple[int, int]:
        """The barrier of a reading, and the reading's number in it."""
        for which, barrier in enumerate(self.wave):
            if number < len(barrier.readings):
                return which, number
            number -= len(barrier.readings)
        raise IndexError(number)
