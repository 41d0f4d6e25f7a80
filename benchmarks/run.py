"""Time merges with mergec, with mergekit and with bare system calls, in paired rounds.

    python -m benchmarks.run [--preset tiny|small|mid] [--ops linear,ties] [--runs 3]

What it needs (a model family, mergekit's environment) is made once under build/bench. The table
goes to standard output, and with every single run to benchmarks/results.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.contestants import FLOOR, PEER, Contestant, Entry, install_peer, process_environment
from benchmarks.machine import machine_facts
from benchmarks.measure import Measurement, measure
from benchmarks.recipes import RECIPES, Recipe
from benchmarks.report import Result, Round, table, write_report

_ROOT = Path(__file__).resolve().parent.parent
_WORK = _ROOT / "build" / "bench"
_FINE_TUNES = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 if every contestant finished every round, else 1."""
    options = _parser().parse_args(arguments)
    entry = Entry(
        work=_WORK,
        family=_made_family(options.preset),
        backends=options.backends.split(","),
        peer_python=None if options.no_peer else install_peer(_WORK / "mergekit-venv"),
        peer_dtype=options.peer_dtype,
    )
    facts = machine_facts(_WORK, entry.peer_python)
    facts |= {"mergekit computes in": options.peer_dtype} if entry.peer_python else {}
    results: list[Result] = []
    for name in options.ops.split(","):
        results.append(_race(entry, RECIPES[name], options.warmup, options.runs))
        print(table(results[-1]), flush=True)
    facts["load after"] = f"{os.getloadavg()[0]:.1f}"
    title = f"Benchmark, {options.preset} family, {datetime.now(UTC):%Y-%m-%d}"
    folder = options.out or _default_folder(options.preset)
    for path in write_report(folder, options.preset, title, facts, results):
        print(f"wrote {os.path.relpath(path)}")
    return 1 if any(result.failures for result in results) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--preset", choices=["tiny", "small", "mid"], default="mid")
    parser.add_argument("--ops", type=_known_ops, default=",".join(RECIPES))
    parser.add_argument("--runs", type=int, default=3, help="timed rounds")
    parser.add_argument("--warmup", type=int, default=0, help="untimed rounds before them")
    parser.add_argument("--backends", default="reference", help="e.g. reference,torch")
    parser.add_argument("--no-peer", action="store_true", help="leave mergekit out")
    parser.add_argument("--peer-dtype", choices=["bfloat16", "float32"], default="bfloat16")
    parser.add_argument("--out", type=Path, help="folder for the report")
    return parser


def _known_ops(text: str) -> str:
    unknown = sorted(set(text.split(",")) - RECIPES.keys())
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown} not among {', '.join(RECIPES)}")
    return text


def _default_folder(preset: str) -> Path:
    # a tiny run only shows that the harness works, so its report is not one to keep
    return _WORK / "results" if preset == "tiny" else _ROOT / "benchmarks" / "results"


def _made_family(preset: str) -> Path:
    """The cached family of that preset; its family.json, written last, says it is complete."""
    folder = _WORK / "families" / preset
    if not (folder / "family.json").exists():
        module = [sys.executable, "-m", "benchmarks.make_models", "--preset", preset]
        command = [*module, "--models", str(_FINE_TUNES), "--out", str(folder)]
        subprocess.run(command, cwd=_ROOT, check=True)
    return folder


def _race(entry: Entry, recipe: Recipe, warmup: int, runs: int) -> Result:
    """All rounds of one recipe; who fails once is out, and its last words are kept."""
    contestants = entry.contestants(recipe)
    failures: dict[str, str] = {}
    rounds: list[Round] = []
    _run_one(contestants[0])  # puts the inputs into the page cache
    for number in range(warmup + runs):
        measured: dict[str, Measurement] = {}
        for contestant in _order(contestants, number):
            if contestant.name in failures:
                continue
            measurement = _run_one(contestant)
            if measurement.returncode:
                why = _last_error(measurement.error)
                failures[contestant.name] = f"exit {measurement.returncode}: {why}"
            else:
                measured[contestant.name] = measurement
            if number < warmup + runs - 1:
                shutil.rmtree(contestant.output)
        if number >= warmup:
            rounds.append({c.name: measured[c.name] for c in contestants if c.name in measured})
    agreement = _compare_with_peer(contestants, failures)
    shutil.rmtree(entry.work / "out")
    return Result(
        recipe=recipe.name,
        title=recipe.title,
        input_bytes=entry.input_bytes(recipe),
        rounds=rounds,
        failures=failures,
        agreement=agreement,
    )


def _order(contestants: Sequence[Contestant], number: int) -> list[Contestant]:
    """The floor, then the others, beginning with another one each round."""
    floor, *others = contestants
    turn = number % len(others)
    return [floor, *others[turn:], *others[:turn]]


def _run_one(contestant: Contestant) -> Measurement:
    shutil.rmtree(contestant.output, ignore_errors=True)
    contestant.output.mkdir(parents=True)
    os.sync()  # else this run pays for the pages that the one before left to be written
    return measure(contestant.command, process_environment(), contestant.output)


def _compare_with_peer(
    contestants: Sequence[Contestant], failures: dict[str, str]
) -> dict[str, dict[str, float | str]]:
    """Compare what the last round left; each comparison is a process, see `measure`."""
    models = {c.name: c.model for c in contestants if c.name not in failures and c.name != FLOOR}
    peer = models.pop(PEER, None)
    if peer is None:
        return {}
    answers: dict[str, dict[str, float | str]] = {}
    for name, model in models.items():
        command = [sys.executable, "-m", "benchmarks.compare", str(model), str(peer)]
        done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
        failed: dict[str, float | str] = {"error": _last_error(done.stderr)}
        answers[name] = failed if done.returncode else json.loads(done.stdout)
    return answers


def _last_error(text: str) -> str:
    """The last line that speaks of an error (diagnostics go on with notes), else the last line."""
    lines = text.strip().splitlines() or ["nothing said"]
    return next((line for line in reversed(lines) if "rror" in line), lines[-1])[:200]


if __name__ == "__main__":
    sys.exit(main())
