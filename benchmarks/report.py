"""From measurements to medians, paired ratios and a table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks.contestants import FLOOR, PEER
from benchmarks.measure import Measurement

Round = Mapping[str, Measurement]
"""One measurement of each contestant, taken one after another."""

_MB = 10**6

_NOTES = """\
How to read this: every run is a fresh process; the inputs are in the page cache. `floor` reads
all inputs and writes the output with plain system calls on one thread. Ratios are medians of
ratios within one round (with the smallest and largest where there are several rounds). `peak` is
the largest resident set, in which mapped input files count; `held` is the largest anonymous part
of it, sampled at 50 Hz. mergec hashes its output, forces it to disk (fsync) and reads
it back before it publishes it; mergekit and the floor do neither, so the comparison favours them
there.
"""


@dataclass(frozen=True, slots=True)
class Ratio:
    """Median, smallest and largest of the ratios of wall times, one for each shared round."""

    middle: float
    smallest: float
    largest: float


@dataclass(frozen=True, slots=True)
class Summary:
    """One contestant's medians over the rounds; the two memory figures are maxima."""

    name: str
    runs: int
    wall_s: float
    wall_min_s: float
    cpu_s: float
    peak_bytes: int
    anon_bytes: int
    output_bytes: int
    to_floor: Ratio | None
    to_peer: Ratio | None


@dataclass(frozen=True, slots=True)
class Result:
    """Everything measured for one recipe.

    failures: contestant and the last line it wrote. agreement: contestant and how its tensors
    compare with mergekit's, as `benchmarks.compare` printed it, or why that was not possible.
    """

    recipe: str
    title: str
    input_bytes: int
    rounds: Sequence[Round]
    failures: Mapping[str, str]
    agreement: Mapping[str, Mapping[str, float | str]]


def summarise(rounds: Sequence[Round], name: str) -> Summary:
    """Medians of one contestant and its ratios to the floor and to mergekit.

    Only rounds in which the contestant finished count; there must be at least one.
    """
    own = [measured[name] for measured in rounds if name in measured]
    return Summary(
        name=name,
        runs=len(own),
        wall_s=median(run.wall_s for run in own),
        wall_min_s=min(run.wall_s for run in own),
        cpu_s=median(run.cpu_s for run in own),
        peak_bytes=max(run.peak_bytes for run in own),
        anon_bytes=max(run.anon_bytes for run in own),
        output_bytes=max(run.output_bytes for run in own),
        to_floor=paired_ratio(rounds, name, FLOOR),
        to_peer=paired_ratio(rounds, name, PEER),
    )


def paired_ratio(rounds: Sequence[Round], name: str, other: str) -> Ratio | None:
    """Wall of `name` over wall of `other`, taken inside each round that has both; or None.

    Not the ratio of medians: on a machine whose speed drifts, both sides of a pair drift alike.
    """
    pairs = [(r[name], r[other]) for r in rounds if name in r and other in r]
    ratios = [one.wall_s / two.wall_s for one, two in pairs]
    return Ratio(median(ratios), min(ratios), max(ratios)) if ratios else None


def table(result: Result) -> str:
    """One recipe's results as a Markdown section."""
    lines = [
        f"## {result.title} ({result.input_bytes / _MB:.0f} MB read)",
        "",
        "| tool | runs | wall s | min s | CPU s | peak MB | held MB | out MB "
        "| x floor | x mergekit |",
        "| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |",
    ]
    names = dict.fromkeys(name for measured in result.rounds for name in measured)
    lines += [_row(summarise(result.rounds, name)) for name in names]
    lines.append("")
    lines += [f"- {name} failed: {why}" for name, why in result.failures.items()]
    lines += [f"- {name} beside mergekit: {_agree(a)}" for name, a in result.agreement.items()]
    return "\n".join(lines).rstrip() + "\n"


def markdown(title: str, facts: Mapping[str, str], results: Sequence[Result]) -> str:
    """The whole report as it is kept under version control."""
    machine = ["| fact | value |", "| --- | --- |", *(f"| {k} | {v} |" for k, v in facts.items())]
    sections = [f"# {title}\n", "\n".join(machine) + "\n", *map(table, results), _NOTES]
    return "\n".join(sections)


def write_report(
    folder: Path, stem: str, title: str, facts: Mapping[str, str], results: Sequence[Result]
) -> list[Path]:
    """Write STEM.md and STEM.json, the latter with every single run; return both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    text, data = folder / f"{stem}.md", folder / f"{stem}.json"
    text.write_text(markdown(title, facts, results), encoding="utf-8")
    record = {"title": title, "machine": facts, "results": [asdict(one) for one in results]}
    data.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return [text, data]


def _row(summary: Summary) -> str:
    cells = (
        summary.name,
        str(summary.runs),
        f"{summary.wall_s:.2f}",
        f"{summary.wall_min_s:.2f}",
        f"{summary.cpu_s:.2f}",
        f"{summary.peak_bytes / _MB:.0f}",
        f"{summary.anon_bytes / _MB:.0f}",
        f"{summary.output_bytes / _MB:.0f}",
        _ratio(summary.to_floor, summary.runs),
        _ratio(summary.to_peer, summary.runs),
    )
    return f"| {' | '.join(cells)} |"


def _ratio(ratio: Ratio | None, runs: int) -> str:
    if ratio is None:
        return "-"
    if runs == 1:
        return f"{ratio.middle:.3g}"
    return f"{ratio.middle:.3g} ({ratio.smallest:.3g} to {ratio.largest:.3g})"


def _agree(agreement: Mapping[str, float | str]) -> str:
    if "error" in agreement:
        return f"not comparable, {agreement['error']}"
    share, difference = float(agreement["equal_share"]), float(agreement["max_difference"])
    return (
        f"{share:.4%} of {agreement['elements']} values equal, largest difference {difference:.3g}"
    )
