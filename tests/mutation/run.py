"""The mutation score of stages and operators, by mutmut. Also `python -m` of this file.

    python -m tests.mutation.run                    every mutant: hours on two cores
    python -m tests.mutation.run trim slerp         the mutants of these files of mergec/ops
    python -m tests.mutation.run --again            goes on, and retries what survived
    python -m tests.mutation.run --again trim       the same, of this file alone
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
from fnmatch import fnmatch
from pathlib import Path

from tests.mutation.workspace import OPS, WORKSPACE, lay_out

GOAL = 0.9
# What mutmut records of a mutant is pytest's exit status, or a number of its own.
_UNCHECKED, _SURVIVED, _UNTESTED, _REFUSED = None, 0, 33, 37


@dataclass(frozen=True, slots=True)
class Score:
    """What became of one file's mutants; `survivors` are names, those without a test among them.

    Those that are `unchecked` were not tried yet.
    """

    file: str
    by_tests: int
    by_types: int
    survivors: tuple[str, ...]
    unchecked: tuple[str, ...]

    @property
    def tried(self) -> int:
        """How many the type checker let through, and tests were asked."""
        return self.by_tests + len(self.survivors)


def main(arguments: Sequence[str]) -> int:
    """Run and print the score; 0 if tests alone reach the goal."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.run")
    parser.add_argument(
        "files", nargs="*", help="stems of files of mergec/ops, or names of mutants; all by default"
    )
    parser.add_argument("--again", action="store_true", help="keep results, retry survivors")
    parser.add_argument("--report", action="store_true", help="run nothing")
    parser.add_argument("--diffs", action="store_true", help="print the change of each survivor")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="mutants tried at a time")
    chosen = parser.parse_args(arguments)
    if not chosen.report:
        patterns = [x if "." in x else f"mergec.ops.{x}.*" for x in chosen.files]
        _run(patterns, chosen.jobs, again=chosen.again)
    found = [score for score in scores() if score.tried or score.by_types or score.unchecked]
    if not any(score.tried for score in found):
        sys.exit("there is no run to report")
    print(*table(found), sep="\n")
    if chosen.diffs:
        print(*(_change(name) for score in found for name in score.survivors), sep="\n")
    return int(sum(s.by_tests for s in found) < GOAL * sum(s.tried for s in found))


def scores() -> Iterator[Score]:
    """The last run's results, file by file."""
    for record in sorted((WORKSPACE / "mutants" / OPS).glob("*.py.meta")):
        results = json.loads(record.read_text(encoding="utf-8"))["exit_code_by_key"]
        survivors = [name for name, code in results.items() if code in (_SURVIVED, _UNTESTED)]
        unchecked = [name for name, code in results.items() if code is _UNCHECKED]
        refused = sum(code == _REFUSED for code in results.values())
        noticed = len(results) - len(survivors) - len(unchecked) - refused
        yield Score(record.stem, noticed, refused, tuple(survivors), tuple(unchecked))


def table(found: Sequence[Score]) -> Iterator[str]:
    """The scores as a table in Markdown, sums last: what tests notice, alone and with the types."""
    yield "| file | noticed | survived | by tests | refused by types | with types | not tried |"
    yield "| --- | --: | --: | --: | --: | --: | --: |"
    counts = [(s.by_tests, len(s.survivors), s.by_types, len(s.unchecked)) for s in found]
    sums = [sum(column) for column in zip(*counts, strict=True)]
    files = [score.file for score in found]
    for file, row in zip((*files, "all"), (*counts, sums), strict=True):
        noticed, survived, refused, unchecked = row
        alone = noticed / max(1, noticed + survived)
        both = (noticed + refused) / max(1, noticed + refused + survived)
        yield (
            f"| {file} | {noticed} | {survived} | {alone:.0%} | {refused} | {both:.0%} "
            f"| {unchecked} |"
        )


def _run(patterns: list[str], jobs: int, *, again: bool) -> None:
    if not again:
        shutil.rmtree(WORKSPACE, ignore_errors=True)
    lay_out()
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    tools = Path(sys.executable).parent
    environment["PATH"] = os.pathsep.join([str(tools), environment.get("PATH", "")])
    environment["MYPYPATH"] = "src"
    for chosen in _choices(patterns, again=again):
        command = [str(tools / "mutmut"), "run", "--max-children", str(jobs), *chosen]
        subprocess.run(command, cwd=WORKSPACE, env=environment, check=True)


def _choices(patterns: list[str], *, again: bool) -> Iterator[list[str]]:
    """What mutmut is told to try, one run after the other; what is named is tried once more."""
    before = list(scores()) if again else []
    survivors = [name for score in before for name in score.survivors]
    if patterns and again:
        unchecked = [name for score in before for name in score.unchecked]
        wanted = [x for x in (*survivors, *unchecked) if any(fnmatch(x, p) for p in patterns)]
        yield from [wanted] if wanted else []
        return
    yield patterns
    yield from [survivors] if survivors else []


def _change(name: str) -> str:
    command = [str(Path(sys.executable).with_name("mutmut")), "show", name]
    shown = subprocess.run(command, cwd=WORKSPACE, capture_output=True, text=True, check=True)
    return shown.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
