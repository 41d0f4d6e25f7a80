"""Tables of what the history has.

    python -m benchmarks.report mid [--history FILE] [--out FOLDER]

writes mid.md and mid-peers.md: of every case of that size the latest record of the machine that
measured last, and the targets beside it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks import summary
from benchmarks.contestants import FLOOR
from benchmarks.peers import MERGEKIT
from benchmarks.recipes import RECIPES
from benchmarks.records import Record, load_history
from benchmarks.summary import Spread
from benchmarks.targets import Judgement, judge, load_targets

RESULTS = Path(__file__).with_name("results")
HISTORY = "history.jsonl"

_NOTES = """\
How to read this: every run is a fresh process. `floor` reads the same bytes and writes as many with
plain system calls on one thread; it runs just before each of the others, and ratios are medians of
ratios to that run (with the smallest and largest where there are several rounds). `fast` neither
forces its output to disk nor reads it back, as the floor and other tools do not; `default` does
both; `synced` and `checked` do one of them. mergec takes a SHA-256 of its output in all of these.
Of the times the median is shown and the least; of memory the largest. `peak` is the largest
resident set, in which mapped input files count; `held` is the anonymous part of it, sampled at
50 Hz. MB are 10^6 bytes.
"""


def table(record: Record) -> str:
    """One case as a Markdown section."""
    title = RECIPES[record.recipe].title
    beside = MERGEKIT in record.contestants
    heads = ["", "runs", "wall s", "min s", "CPU s", "peak MB", "held MB", "x floor"]
    heads += ["times as fast as mergekit"] if beside else []
    lines = [
        f"## {title}, {record.cache} cache ({record.read_mb:.0f} MB read, "
        f"{record.written_mb:.0f} MB written)",
        "",
        f"`{record.key}` at {record.commit}, {record.when}, load {record.load}",
        "",
        _cells(heads),
        _cells(["---", *["--:"] * (len(heads) - 1)]),
        *_floor_row(record, len(heads)),
        *(_row(record, name, beside=beside) for name in record.contestants),
        "",
        *(f"- {name} failed: {why}" for name, why in record.failures.items()),
        *_costs(record),
        *(f"- values of {name}: {_agree(found)}" for name, found in record.agreement.items()),
    ]
    return "\n".join(lines).rstrip() + "\n"


def targets_table(judgements: Sequence[Judgement]) -> str:
    """Targets and whether they are met, as a Markdown section."""
    lines = ["## Targets", "", _cells(["target", "merge", "found", "gate", "stretch", "verdict"])]
    lines.append(_cells(["---", "---", "--:", "--:", "--:", "---"]))
    for one in judgements:
        target = one.target
        upper = target.at_most is not None
        sign, gate = ("≤", target.at_most) if upper else ("≥", target.at_least)
        found = "-" if one.value is None else _number(one.value)
        stretch = "-" if target.stretch is None else f"{sign} {target.stretch:g}"
        lines.append(
            _cells([target.title, one.recipe, found, f"{sign} {gate:g}", stretch, one.verdict])
        )
    return "\n".join([*lines, ""])


def markdown(title: str, records: Sequence[Record], judgements: Sequence[Judgement]) -> str:
    """A whole report as it is kept under version control; there is at least one record."""
    latest = max(records, key=lambda record: record.when)
    facts = {**latest.machine, **latest.software}
    machine = "\n".join(
        [_cells(["fact", "value"]), _cells(["---", "---"]), *map(_cells, facts.items())]
    )
    parts = [
        f"# {title}\n",
        f"{machine}\n",
        *map(table, records),
        targets_table(judgements),
        _NOTES,
    ]
    return "\n".join(parts)


def latest_by_key(history: Iterable[Record]) -> dict[str, Record]:
    """The last record of each case, of those that share the machine of the very last."""
    records = list(history)
    return {record.key: record for record in records if record.machine == records[-1].machine}


def write_reports(history: Path, size: str, out: Path) -> list[Path]:
    """Write SIZE.md and SIZE-peers.md as far as there are records for them."""
    latest = latest_by_key(record for record in load_history(history) if record.size == size)
    order = list(RECIPES)
    records = sorted(
        latest.values(), key=lambda one: (order.index(one.recipe), one.cache != "warm")
    )
    targets = [target for target in load_targets() if f"-{size}-" in target.case]
    judgements = judge(targets, latest)
    written: list[Path] = []
    for stem, others in ((size, False), (f"{size}-peers", True)):
        chosen = [record for record in records if record.key.endswith("-peers") == others]
        if chosen:
            out.mkdir(parents=True, exist_ok=True)
            path = out / f"{stem}.md"
            title = f"Benchmark, {size} models" + (", beside other tools" if others else "")
            path.write_text(markdown(title, chosen, judgements), encoding="utf-8")
            written.append(path)
    return written


def _floor_row(record: Record, width: int) -> list[str]:
    walls = summary.spread(
        run.floor_s for one in record.rounds for run in one.values() if run.floor_s
    )
    if walls is None:
        return []
    cells = [FLOOR, str(walls.count), f"{walls.middle:.2f}", f"{walls.smallest:.2f}"]
    return [_cells([*cells, *["-"] * (width - len(cells))])]


def _row(record: Record, name: str, *, beside: bool) -> str:
    runs = record.runs(name)
    cells = [
        name,
        str(len(runs)),
        f"{median(run.wall_s for run in runs):.2f}",
        f"{min(run.wall_s for run in runs):.2f}",
        f"{median(run.cpu_s for run in runs):.2f}",
        f"{max(run.peak_mb for run in runs):.0f}",
        f"{max(run.held_mb for run in runs):.0f}",
        _spread(summary.to_floor(record, name)),
    ]
    return _cells([*cells, *([_spread(summary.ratio(record, MERGEKIT, name))] if beside else [])])


def _costs(record: Record) -> list[str]:
    """What safety costs: each mode over `fast`, in the same rounds."""
    lines: list[str] = []
    for name in record.contestants:
        backend, _, mode = name.partition(" ")
        for asked, does in _COSTS:
            cost = summary.ratio(record, name, f"{backend} fast") if mode == asked else None
            if cost:
                lines.append(f"- {backend}, {does}: {_spread(cost)} times `fast`")
    return lines


_COSTS = (
    ("hashed", "hashing the output"),
    ("checked", "hashing it and reading it back"),
    ("synced", "forcing it to disk"),
    ("default", "all of these"),
    ("fast single stage", "the first stage alone"),
)


def _spread(found: Spread | None) -> str:
    if found is None:
        return "-"
    if found.count == 1:
        return _number(found.middle)
    ends = f"{_number(found.smallest)} to {_number(found.largest)}"
    return f"{_number(found.middle)} ({ends})"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _cells(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _agree(agreement: Mapping[str, float | str]) -> str:
    if "error" in agreement:
        return f"not comparable, {agreement['error']}"
    share, difference = float(agreement["equal_share"]), float(agreement["max_difference"])
    return f"{share:.4%} of {agreement['elements']} equal ours, largest difference {difference:.3g}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the reports of the sizes named."""
    parser = argparse.ArgumentParser(prog="benchmarks.report", description="Tables of the history.")
    parser.add_argument("size", nargs="+")
    parser.add_argument("--history", type=Path, default=RESULTS / HISTORY)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    for size in options.size:
        for path in write_reports(options.history, size, options.out):
            print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
