"""The targets of targets.toml, and whether records meet them."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from benchmarks import summary
from benchmarks.peers import MERGEKIT
from benchmarks.records import Record
from benchmarks.summary import Spread

TARGETS = Path(__file__).with_name("targets.toml")

Verdict = Literal["met", "stretch met", "missed", "not measured"]


@dataclass(frozen=True, slots=True)
class Target:
    """A bound on a measure of one contestant, for several recipes.

    case: key of the case, with {recipe} in it. of: name of the contestant. at_most, at_least: the
    gate, one of the two. stretch: what one would like, in the same direction.
    """

    title: str
    recipes: Sequence[str]
    case: str
    of: str
    measure: str
    at_most: float | None = None
    at_least: float | None = None
    stretch: float | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A target for one recipe, the median found, and the verdict."""

    target: Target
    recipe: str
    value: float | None
    verdict: Verdict


def load_targets(path: Path = TARGETS) -> list[Target]:
    """The targets of a file; a measure that does not exist is a ValueError."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))["target"]
    targets = [Target(**table) for table in tables]
    for target in targets:
        if target.measure not in MEASURES:
            raise ValueError(f"{target.title}: `{target.measure}` is no measure")
        if (target.at_most is None) == (target.at_least is None):
            raise ValueError(f"{target.title}: one of at_most and at_least is needed")
    return targets


def judge(targets: Iterable[Target], records: Mapping[str, Record]) -> list[Judgement]:
    """Every target for every recipe of it; `records` are the latest ones by key of their case.

    A case with other tools and the one without serve alike; the later that tells is taken.
    """
    found: list[Judgement] = []
    for target in targets:
        for recipe in target.recipes:
            key = target.case.format(recipe=recipe)
            both = [records[name] for name in (key, f"{key}-peers") if name in records]
            both.sort(key=lambda record: record.when, reverse=True)
            medians = (MEASURES[target.measure](record, target.of) for record in both)
            value = next((median.middle for median in medians if median), None)
            found.append(Judgement(target, recipe, value, _verdict(target, value)))
    return found


def _verdict(target: Target, value: float | None) -> Verdict:
    if value is None:
        return "not measured"
    sign = 1 if target.at_most is not None else -1
    gate = target.at_most if target.at_most is not None else target.at_least
    assert gate is not None
    if target.stretch is not None and sign * value <= sign * target.stretch:
        return "stretch met"
    return "met" if sign * value <= sign * gate else "missed"


def _times_faster(record: Record, name: str) -> Spread | None:
    return summary.ratio(record, MERGEKIT, name)


def _to_single_stage(record: Record, name: str) -> Spread | None:
    return summary.ratio(record, name, f"{name} single stage")


def _times_less_memory(record: Record, name: str) -> Spread | None:
    rounds = [one for one in record.rounds if name in one and MERGEKIT in one]
    return summary.spread(one[MERGEKIT].peak_mb / one[name].peak_mb for one in rounds)


MEASURES: Mapping[str, Callable[[Record, str], Spread | None]] = MappingProxyType(
    {
        "to_floor": summary.to_floor,
        "cpu_s": summary.cpu,
        "peak_mb": summary.peak,
        "to_single_stage": _to_single_stage,
        "times_faster_than_mergekit": _times_faster,
        "times_less_memory_than_mergekit": _times_less_memory,
    }
)
