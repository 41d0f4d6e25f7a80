"""Time merges with mergec, with other tools and with bare system calls, in paired rounds.

    python -m benchmarks.run [--suite ours|peers]
    python -m benchmarks.run --ops ties3,linear2 --size small --rounds 3 --backend native,torch

What it needs is made once under build/bench. Each case that is finished is a line of the history
in benchmarks/results, from which the tables beside it are made. A benchmark that was stopped goes
on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.cases import Case
from benchmarks.choosing import chosen_cases, option_parser
from benchmarks.contestants import Place
from benchmarks.disk import family_folder, make_families, need, require_room
from benchmarks.machine import code_digest, commit, machine_facts, software_facts
from benchmarks.peers import require_peers
from benchmarks.race import Rules, race
from benchmarks.recipes import RECIPES
from benchmarks.records import Draft, Record, append
from benchmarks.report import HISTORY, RESULTS, latest_by_key, table, targets_table, write_reports
from benchmarks.targets import judge, load_targets
from benchmarks.traffic import traffic

_NOT_KEPT = ("toy", "tiny")  # these only show that the harness works


@dataclass(frozen=True, slots=True)
class _Bench:
    """The options, and the facts that all cases share."""

    options: argparse.Namespace
    machine: dict[str, str]
    software: dict[str, str]
    commit: str
    code: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 if every contestant finished every round, 1 if not, 2 if it refused."""
    options = option_parser().parse_args(arguments)
    cases = chosen_cases(options)
    if options.list:
        _print_cases(cases, options)
        return 0
    peers = sorted({peer for case in cases for peer in case.peers})
    try:
        require_peers(peers, options.peer_python)
        require_room(cases, options.data)
    except RuntimeError as refusal:
        print(refusal, file=sys.stderr)
        return 2
    make_families(cases, options.data)
    bench = _Bench(
        options=options,
        machine=machine_facts(options.data),
        software=software_facts(options.peer_python if peers else None),
        commit=commit(),
        code=code_digest(),
    )
    records = [_finished(bench, case) for case in cases]
    for size in dict.fromkeys(case.size for case in cases):
        history = _results(bench, size) / HISTORY
        for path in write_reports(history, size, history.parent):
            print(f"wrote {os.path.relpath(path)}")
    judgements = judge(load_targets(), latest_by_key(records))
    print(targets_table([one for one in judgements if one.verdict != "not measured"]))
    return 1 if any(record.failures for record in records) else 0


def _finished(bench: _Bench, case: Case) -> Record:
    """The record of a case, measured now or before."""
    options = bench.options
    family = family_folder(options.data, case.size)
    place = Place(options.data, family, options.peer_python, options.peer_dtype)
    least = traffic(RECIPES[case.recipe], family)
    commands = [one.command for one in place.contestants(case, least)]
    history = _results(bench, case.size) / HISTORY
    facts = (bench.code, commands, options.peer_dtype, bench.machine, str(history))
    identity = hashlib.sha256(repr((facts, bench.software)).encode()).hexdigest()
    draft = Draft(options.data / "cases" / f"{case.key}.json", identity)
    if options.fresh:
        draft.path.unlink(missing_ok=True)
    fresh = Record(
        key=case.key,
        recipe=case.recipe,
        size=case.size,
        cache=case.cache,
        when=datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ"),
        commit=bench.commit,
        machine=bench.machine,
        software=bench.software,
        read_mb=least.read / 1e6,
        written_mb=least.written / 1e6,
    )
    before = draft.finished(options.rounds)
    if before:
        print(f"{case.key} was measured already; `--fresh` measures it again", flush=True)
        return before
    record = race(case, place, least, Rules(options.rounds, options.limit), draft, fresh)
    if record.contestants:
        append(history, record)
        draft.save(record, kept=True)
    print(table(record), flush=True)
    return record


def _results(bench: _Bench, size: str) -> Path:
    if bench.options.results:
        return Path(bench.options.results)
    return Path(bench.options.data) / "results" if size in _NOT_KEPT else RESULTS


def _print_cases(cases: Sequence[Case], options: argparse.Namespace) -> None:
    for case in cases:
        names = [*(variant.name for variant in case.variants), *case.peers]
        print(f"{case.key}: {', '.join(names)}")
    needed = need(cases, options.data)
    sizes = f"{needed.models / 1e9:.1f} GB for models, {needed.outputs / 1e9:.1f} GB for outputs"
    print(f"{len(cases)} cases, {options.rounds} rounds each; {sizes} below {options.data}")


if __name__ == "__main__":
    sys.exit(main())
