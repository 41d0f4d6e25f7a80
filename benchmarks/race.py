"""The rounds of one case: each contestant in turn, the floor just before it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.cases import Case
from benchmarks.contestants import Contestant, Place, process_environment
from benchmarks.measure import Measurement, measure
from benchmarks.peers import PEERS
from benchmarks.recipes import RECIPES
from benchmarks.records import Draft, Record, Run, run_of
from benchmarks.traffic import Traffic, settle

_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Rules:
    """How often each contestant runs, and how many seconds it may take."""

    rounds: int
    limit_s: float


def race(
    case: Case, place: Place, traffic: Traffic, rules: Rules, draft: Draft, fresh: Record
) -> Record:
    """All rounds of one case; who fails once is out, and its last words are kept.

    The record is saved after every run. What a stopped benchmark had of this case is kept, if
    nothing has changed since then.
    """
    record = draft.resume(fresh)
    contestants = place.contestants(case, traffic)
    floor = place.floor(traffic)
    for number in range(rules.rounds):
        measured = dict(record.rounds[number]) if number < len(record.rounds) else {}
        for contestant in _turn(contestants, number):
            if contestant.name in measured or contestant.name in record.failures:
                continue
            before = _run_one(floor, case, traffic, rules) if contestant.paired else None
            if before:
                _require_success(before)
                shutil.rmtree(floor.output)
            own = _run_one(contestant, case, traffic, rules)
            if own.returncode:
                why = {contestant.name: f"exit {own.returncode}: {_last_error(own.error)}"}
                record = replace(record, failures={**record.failures, **why})
            else:
                measured[contestant.name] = run_of(own, before)
            if not _compared(contestant, contestants, number, rules):
                shutil.rmtree(contestant.output)
            record = replace(record, rounds=_with_round(record, number, measured, contestants))
            record = replace(record, load=f"{os.getloadavg()[0]:.1f}")
            draft.save(record)
    agreement = {} if RECIPES[case.recipe].drawn else _agreement(contestants)
    record = replace(record, agreement={**record.agreement, **agreement})
    draft.save(record)
    shutil.rmtree(place.work / "out", ignore_errors=True)
    return record


def _turn(contestants: Sequence[Contestant], number: int) -> list[Contestant]:
    """Another one begins each round."""
    turn = number % len(contestants)
    return [*contestants[turn:], *contestants[:turn]]


def _with_round(
    record: Record, number: int, measured: Mapping[str, Run], contestants: Sequence[Contestant]
) -> list[Mapping[str, Run]]:
    """The rounds with this one in its place, its contestants in the order of the table."""
    ordered = {one.name: measured[one.name] for one in contestants if one.name in measured}
    return [*record.rounds[:number], ordered, *record.rounds[number + 1 :]]


def _run_one(contestant: Contestant, case: Case, traffic: Traffic, rules: Rules) -> Measurement:
    shutil.rmtree(contestant.output, ignore_errors=True)
    contestant.output.mkdir(parents=True)
    settle(traffic, case.cache)
    limit = rules.limit_s
    return measure(contestant.command, process_environment(), contestant.output, limit)


def _require_success(floor: Measurement) -> None:
    if floor.returncode:
        raise RuntimeError(f"the floor failed: {_last_error(floor.error)}")


def _compared(
    contestant: Contestant, contestants: Sequence[Contestant], number: int, rules: Rules
) -> bool:
    """Whether this result is kept to be compared: the last of the other tools and of the first."""
    peers = [one for one in contestants if one.name in PEERS]
    return number == rules.rounds - 1 and bool(peers) and contestant in (contestants[0], *peers)


def _agreement(contestants: Sequence[Contestant]) -> dict[str, dict[str, float | str]]:
    """Compare what the last round left; each comparison is a process, see `measure`."""
    ours, *others = contestants
    answers: dict[str, dict[str, float | str]] = {}
    for other in others:
        if other.name not in PEERS or not (ours.model.exists() and other.model.exists()):
            continue
        command = [sys.executable, "-m", "benchmarks.compare", str(ours.model), str(other.model)]
        done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
        answers[other.name] = {"error": _last_error(done.stderr)}
        with suppress(json.JSONDecodeError):
            answers[other.name] = json.loads(done.stdout)
    return answers


def _last_error(text: str) -> str:
    """The last line that speaks of an error (diagnostics go on with notes), else the last line."""
    lines = text.strip().splitlines() or ["nothing said"]
    return next((line for line in reversed(lines) if "rror" in line), lines[-1])[:200]
