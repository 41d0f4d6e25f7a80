"""What was measured for a case, and the files that keep it.

`history.jsonl` has one line for each case that was finished; tables and comparisons are made from
it. A case under way is a file of its own, so that a benchmark that was stopped goes on from there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measure import Measurement

_MB = 10**6


@dataclass(frozen=True, slots=True)
class Run:
    """What one contestant took once; memory and output in units of 10^6 bytes.

    peak_mb: largest resident set, mapped files included. held_mb: the anonymous part of it.
    floor_s: wall of the floor just before; None for a command that has none.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float
    held_mb: float
    output_mb: float
    floor_s: float | None = None


Round = Mapping[str, Run]
"""One run of each contestant, taken one after another."""


@dataclass(frozen=True, slots=True)
class Record:
    """Everything measured for one case.

    key: name of the case. machine: what two records must share to be compared. software: versions.
    failures: contestant and its last error. agreement: contestant and how its tensors compare with
    those of mergec, as `benchmarks.compare` printed it, or why that was not possible.
    """

    key: str
    recipe: str
    size: str
    cache: str
    when: str
    commit: str
    machine: Mapping[str, str]
    software: Mapping[str, str]
    read_mb: float
    written_mb: float
    load: str = ""
    rounds: Sequence[Round] = ()
    failures: Mapping[str, str] = field(default_factory=dict[str, str])
    agreement: Mapping[str, Mapping[str, float | str]] = field(
        default_factory=dict[str, Mapping[str, float | str]]
    )

    @property
    def contestants(self) -> tuple[str, ...]:
        """Names of all that finished a round, in the order of the first one."""
        return tuple(dict.fromkeys(name for one in self.rounds for name in one))

    def runs(self, name: str) -> list[Run]:
        """The runs of one contestant; empty if it took no part."""
        return [one[name] for one in self.rounds if name in one]


def run_of(measured: Measurement, floor: Measurement | None) -> Run:
    """A measurement and that of the floor before it, rounded to what can be known."""
    return Run(
        wall_s=round(measured.wall_s, 4),
        cpu_s=round(measured.cpu_s, 4),
        peak_mb=round(measured.peak_bytes / _MB, 2),
        held_mb=round(measured.anon_bytes / _MB, 2),
        output_mb=round(measured.output_bytes / _MB, 3),
        floor_s=None if floor is None else round(floor.wall_s, 4),
    )


def append(history: Path, record: Record) -> None:
    """Add a line to the history. Its medians are for readers; nothing here reads them again."""
    history.parent.mkdir(parents=True, exist_ok=True)
    content = {**asdict(record), "medians": {n: _medians(record, n) for n in record.contestants}}
    with history.open("a", encoding="utf-8") as file:
        file.write(json.dumps(content, separators=(",", ":")) + "\n")


def load_history(history: Path) -> list[Record]:
    """All records, the oldest first; none if there is no such file."""
    if not history.exists():
        return []
    return [_record(json.loads(line)) for line in history.read_text(encoding="utf-8").splitlines()]


@dataclass(frozen=True, slots=True)
class Draft:
    """The file of a case under way.

    identity: whatever decides the figures, such as a digest of the code and the commands; a file
    with another one is not continued.
    """

    path: Path
    identity: str

    def finished(self, rounds: int) -> Record | None:
        """The record, if it has that many rounds, nobody failed, and it is in the history."""
        content = self._content()
        if not content or not content["kept"]:
            return None
        record = _record(content["record"])
        return None if record.failures or len(record.rounds) < rounds else record

    def resume(self, fresh: Record) -> Record:
        """`fresh` with the rounds that the file already has; who failed may try again."""
        content = self._content()
        return replace(fresh, rounds=_record(content["record"]).rounds) if content else fresh

    def save(self, record: Record, *, kept: bool = False) -> None:
        """Write what there is so far; a stop in between leaves the file as it was.

        kept: the record is in the history.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        content = {"identity": self.identity, "kept": kept, "record": asdict(record)}
        part.write_text(json.dumps(content), encoding="utf-8")
        part.replace(self.path)

    def _content(self) -> dict[str, Any]:
        if not self.path.exists():
            return {}
        content: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        return content if content["identity"] == self.identity else {}


def _medians(record: Record, name: str) -> dict[str, float]:
    runs = record.runs(name)
    found = {
        "wall_s": median(run.wall_s for run in runs),
        "cpu_s": median(run.cpu_s for run in runs),
        "peak_mb": median(run.peak_mb for run in runs),
    }
    ratios = [run.wall_s / run.floor_s for run in runs if run.floor_s]
    return found | ({"to_floor": round(median(ratios), 4)} if ratios else {})


def _record(content: dict[str, Any]) -> Record:
    content.pop("medians", None)
    rounds = [{name: Run(**run) for name, run in one.items()} for one in content.pop("rounds")]
    return Record(**content, rounds=rounds)
