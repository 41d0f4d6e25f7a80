"""From the runs of a record to medians and paired ratios."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from benchmarks.records import Record


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, smallest and largest of some values, and how many there are."""

    middle: float
    smallest: float
    largest: float
    count: int


def spread(values: Iterable[float]) -> Spread | None:
    """The spread of at least one value; None of none."""
    found = list(values)
    return Spread(median(found), min(found), max(found), len(found)) if found else None


def cpu(record: Record, name: str) -> Spread | None:
    """Seconds of processor time; None, as below, if that contestant took no part."""
    return spread(run.cpu_s for run in record.runs(name))


def peak(record: Record, name: str) -> Spread | None:
    """Largest resident set in units of 10^6 bytes."""
    return spread(run.peak_mb for run in record.runs(name))


def to_floor(record: Record, name: str) -> Spread | None:
    """Wall over that of the floor that ran just before."""
    return spread(run.wall_s / run.floor_s for run in record.runs(name) if run.floor_s)


def ratio(record: Record, name: str, other: str) -> Spread | None:
    """Wall of `name` over wall of `other`, taken inside each round that has both.

    Not the ratio of medians: on a machine whose speed drifts, both sides of a pair drift alike.
    """
    rounds = [one for one in record.rounds if name in one and other in one]
    return spread(one[name].wall_s / one[other].wall_s for one in rounds)
