"""The table at the end of `make faults`: `python -m tests.faults.faults_table FILE` of tallies.

The exit status is 1 if any suite has a violation, or nothing was counted.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

COLUMNS: Mapping[str, str] = {
    "points": "faults",
    "violations": "violations",
    "lost": "bytes lost",
    "resumed": "resumed",
    "equal": "same digests",
    "files": "malformed",
    "accepted": "taken wrongly",
    "executions": "fuzzed",
    "ratio": "time ratio",
}
"""The figures of `tally`, and what stands above them."""

Figures = dict[str, float]


def collected(lines: Sequence[str]) -> dict[str, Figures]:
    """The figures of each suite, in the order in which the suites came first."""
    suites: dict[str, Figures] = {}
    for line in lines:
        told = json.loads(line)
        figures = suites.setdefault(told.pop("suite"), {})
        for name, count in told.items():
            figures[name] = figures.get(name, 0) + count
    return suites


def violated(figures: Figures) -> bool:
    """Whether something happened that is promised not to."""
    wrong = sum(figures.get(name, 0) for name in ("violations", "lost", "accepted"))
    return wrong > 0 or figures.get("resumed", 0) != figures.get("equal", 0)


def rendered(suites: Mapping[str, Figures]) -> str:
    """A line for each suite and one for the sums; what a suite does not count is left empty."""
    shown = [name for name in COLUMNS if any(name in each for each in suites.values())]
    sums = {
        name: sum(each.get(name, 0) for each in suites.values())
        for name in shown
        if name != "ratio"
    }
    rows = [["", *(COLUMNS[name] for name in shown)]]
    rows += [
        [suite, *(_cell(figures, name) for name in shown)]
        for suite, figures in [*suites.items(), ("all", sums)]
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in rows
    )


def _cell(figures: Figures, name: str) -> str:
    if name not in figures:
        return ""
    return f"{figures[name]:.2f}" if name == "ratio" else f"{figures[name]:,.0f}"


if __name__ == "__main__":
    file = Path(sys.argv[1])
    found = collected(file.read_text("utf-8").splitlines() if file.exists() else [])
    print(rendered(found))
    sys.exit(1 if not found or any(map(violated, found.values())) else 0)
