"""The mutation score of stages and operators, by mutmut. Also `python -m` of this file.

    python -m tests.mutation.run                    every mutant: hours on two cores
    python -m tests.mutation.run trim slerp         the mutants of these files of mergec/ops
    python -m tests.mutation.run --again            goes on, and retries what survived
    python -m tests.mutation.run --report --diffs   the score of the last run, and what survived it

It runs in a copy of the tree (`workspace.py`), with the settings in `pyproject.toml`. Survivors
that no test can tell from the code are explained in `survivors.md`.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.workspace import OPS, WORKSPACE, lay_out

GOAL = 0.9
# What mutmut records of a mutant is pytest's exit status, or a number of its own.
_UNCHECKED, _SURVIVED, _UNTESTED, _REFUSED = None, 0, 33, 37


@dataclass(frozen=True, slots=True)
class Score:
    """What became of one file's mutants; `survivors` are names, those without a test among them."""

    file: str
    by_tests: int
    by_types: int
    survivors: tuple[str, ...]
    unchecked: int

    @property
    def killed(self) -> int:
        """How many were noticed, by a test or by the type checker."""
        return self.by_tests + self.by_types

    @property
    def total(self) -> int:
        """How many were tried."""
        return self.killed + len(self.survivors)


def main(arguments: Sequence[str]) -> int:
    """Run and print the score; 0 if it reaches the goal."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.run")
    parser.add_argument("files", nargs="*", help="stems of files of mergec/ops; all by default")
    parser.add_argument("--again", action="store_true", help="keep results, retry survivors")
    parser.add_argument("--report", action="store_true", help="run nothing")
    parser.add_argument("--diffs", action="store_true", help="print the change of each survivor")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="mutants tried at a time")
    chosen = parser.parse_args(arguments)
    if not chosen.report:
        _run([f"mergec.ops.{stem}.*" for stem in chosen.files], chosen.jobs, again=chosen.again)
    found = [score for score in scores() if score.total]
    if not found:
        sys.exit("there is no run to report")
    print(*table(found), sep="\n")
    if chosen.diffs:
        print(*(_change(name) for score in found for name in score.survivors), sep="\n")
    return int(sum(s.killed for s in found) < GOAL * sum(s.total for s in found))


def scores() -> Iterator[Score]:
    """The last run's results, file by file."""
    for record in sorted((WORKSPACE / "mutants" / OPS).glob("*.py.meta")):
        results = json.loads(record.read_text(encoding="utf-8"))["exit_code_by_key"]
        survivors = [name for name, code in results.items() if code in (_SURVIVED, _UNTESTED)]
        unchecked = sum(code is _UNCHECKED for code in results.values())
        refused = sum(code == _REFUSED for code in results.values())
        noticed = len(results) - len(survivors) - unchecked - refused
        yield Score(record.stem, noticed, refused, tuple(survivors), unchecked)


def table(found: Sequence[Score]) -> Iterator[str]:
    """The scores as a table in Markdown, sums last."""
    yield "| file | killed by tests | by types | survived | killed | not tried |"
    yield "| --- | --: | --: | --: | --: | --: |"
    counts = [(s.by_tests, s.by_types, len(s.survivors), s.unchecked) for s in found]
    sums = [sum(column) for column in zip(*counts, strict=True)]
    files = [score.file for score in found]
    for file, row in zip((*files, "all"), (*counts, sums), strict=True):
        by_tests, by_types, survived, unchecked = row
        share = (by_tests + by_types) / max(1, by_tests + by_types + survived)
        yield f"| {file} | {by_tests} | {by_types} | {survived} | {share:.0%} | {unchecked} |"


def _run(patterns: list[str], jobs: int, *, again: bool) -> None:
    if not again:
        shutil.rmtree(WORKSPACE, ignore_errors=True)
    survivors = [name for score in scores() for name in score.survivors]
    lay_out()
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    tools = Path(sys.executable).parent
    environment["PATH"] = os.pathsep.join([str(tools), environment.get("PATH", "")])
    environment["MYPYPATH"] = "src"
    for chosen in [patterns] if patterns else [[], survivors] if survivors else [[]]:
        command = [str(tools / "mutmut"), "run", "--max-children", str(jobs), *chosen]
        subprocess.run(command, cwd=WORKSPACE, env=environment, check=True)


def _change(name: str) -> str:
    command = [str(Path(sys.executable).with_name("mutmut")), "show", name]
    shown = subprocess.run(command, cwd=WORKSPACE, capture_output=True, text=True, check=True)
    return shown.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
