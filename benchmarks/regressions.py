"""What became slower or larger between two entries of the history, beyond the noise.

    python -m benchmarks.regressions [OLD NEW] [--history FILE]

OLD and NEW are commits, or the beginnings of them; without them the last two records of each case
are compared. Exit status 1 if anything is worse.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from benchmarks import summary
from benchmarks.peers import PEERS
from benchmarks.records import Record, load_history
from benchmarks.report import HISTORY, RESULTS
from benchmarks.summary import Spread

_MARGIN = 1.05
_MARGIN_OF_FEW = 1.25  # one or two runs say little about their spread
_ENOUGH = 3


@dataclass(frozen=True, slots=True)
class Change:
    """One measure of one contestant in two records."""

    key: str
    contestant: str
    measure: str
    old: Spread
    new: Spread

    @property
    def verdict(self) -> Literal["worse", "better", "same"]:
        """Worse or better only where no old run overlaps a new one, and by more than a margin."""
        few = min(self.old.count, self.new.count) < _ENOUGH
        margin = _MARGIN_OF_FEW if few else _MARGIN
        if _beyond(self.old, self.new, margin):
            return "worse"
        return "better" if _beyond(self.new, self.old, margin) else "same"


def changes(old: Record, new: Record) -> list[Change]:
    """Every measure of every contestant of ours that both records have."""
    found: list[Change] = []
    names = [name for name in new.contestants if name in old.contestants and name not in PEERS]
    for name, (measure, of) in product(names, _MEASURES.items()):
        before, after = of(old, name), of(new, name)
        if before and after:
            found.append(Change(new.key, name, measure, before, after))
    return found


def pairs(
    history: Sequence[Record], commits: tuple[str, str] | None
) -> list[tuple[Record, Record]]:
    """Records to compare, case by case: the latest of two commits, or the last two."""
    by_key: dict[str, list[Record]] = {}
    for record in history:
        by_key.setdefault(record.key, []).append(record)
    found: list[tuple[Record, Record]] = []
    for records in by_key.values():
        same = [record for record in records if record.machine == records[-1].machine]
        if commits is None:
            found += [(same[-2], same[-1])] if len(same) > 1 else []
            continue
        old, new = ([one for one in records if one.commit.startswith(name)] for name in commits)
        found += [(old[-1], new[-1])] if old and new and old[-1].machine == new[-1].machine else []
    return found


def table(found: Sequence[Change], *, everything: bool = False) -> str:
    """What changed as Markdown, the worst first; what is the same only on request."""
    lines = [
        "| case | contestant | measure | old | new | new / old | |",
        "| --- | --- | --- | --: | --: | --: | --- |",
    ]
    shown = [change for change in found if everything or change.verdict != "same"]
    for change in sorted(shown, key=lambda one: -one.new.middle / one.old.middle):
        old, new = change.old, change.new
        cells = (
            change.key,
            change.contestant,
            change.measure,
            f"{old.middle:.3g} ({old.smallest:.3g} to {old.largest:.3g})",
            f"{new.middle:.3g} ({new.smallest:.3g} to {new.largest:.3g})",
            f"{new.middle / old.middle:.2f}",
            change.verdict,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""]) if shown else ""


def _beyond(low: Spread, high: Spread, margin: float) -> bool:
    return high.smallest > low.largest and high.middle > margin * low.middle


_MEASURES: Mapping[str, Callable[[Record, str], Spread | None]] = MappingProxyType(
    {"x floor": summary.to_floor, "CPU s": summary.cpu, "peak MB": summary.peak}
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare; 1 if anything is worse."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.regressions", description="What became slower or larger."
    )
    parser.add_argument("commits", nargs="*", metavar="COMMIT", help="two of them: old, new")
    parser.add_argument("--history", type=Path, default=RESULTS / HISTORY)
    parser.add_argument("--all", action="store_true", help="show what did not change too")
    options = parser.parse_args(arguments)
    if len(options.commits) not in (0, 2):
        parser.error("name two commits, or none")
    old_new = (options.commits[0], options.commits[1]) if options.commits else None
    compared = pairs(load_history(options.history), old_new)
    found = [change for old, new in compared for change in changes(old, new)]
    worse = sum(change.verdict == "worse" for change in found)
    print(table(found, everything=options.all), end="")
    print(f"{len(compared)} cases compared, {len(found)} measures, {worse} worse")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
