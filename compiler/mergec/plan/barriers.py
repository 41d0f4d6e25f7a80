"""The order of barriers: which come before which, and which some programs need at all."""

from collections.abc import Iterable, Sequence

from mergec.plan.model import Barrier
from mergec.plan.program import BarrierKey, Program


def waves(barriers: Sequence[Barrier]) -> tuple[tuple[Barrier, ...], ...]:
    """Groups of barriers; each needs none of the others but those of earlier groups.

    One that holds tensors whole is a group of its own, so that no two are held at once.
    """
    left, done = [*barriers], set[BarrierKey]()
    known = {barrier.key for barrier in barriers}
    found: list[tuple[Barrier, ...]] = []
    while left:
        wave = tuple(barrier for barrier in left if barrier.needs & known <= done)
        if not wave:
            raise ValueError("barriers wait for each other")
        streamed = tuple(barrier for barrier in wave if not barrier.held)
        found += [streamed] if streamed else []
        found += [(barrier,) for barrier in wave if barrier.held]
        done |= {barrier.key for barrier in wave}
        left = [barrier for barrier in left if barrier.key not in done]
    return tuple(found)


def needed(barriers: Sequence[Barrier], programs: Iterable[Program]) -> tuple[Barrier, ...]:
    """The barriers that must precede the programs, in an order in which they can be passed."""
    wanted = {key for program in programs for key in program.barriers}
    kept: list[Barrier] = []
    for barrier in (barrier for wave in reversed(waves(barriers)) for barrier in reversed(wave)):
        if barrier.key in wanted:
            kept.append(barrier)
            wanted |= barrier.needs
    return tuple(reversed(kept))
