"""Readers against random files: `python -m tests.fuzz.readers --seconds 60`.

Each target gets a process of its own, in which atheris changes files by what code they reach. What
is neither a value nor a diagnostic ends it, and so do ten seconds for one file and a gigabyte and a
half of memory. Without atheris, or with `--plain`, files are changed at random instead.
"""

import argparse
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

from tests.faults.tally import tally

ROOT = Path(__file__).parents[2]
NAMES = (
    *("header", "index", "config", "journal"),
    *("lock", "plan", "lineage", "small-files", "names", "resume"),
)
_INSTRUMENTED = ("mergec.catalog", "mergec.plan.lock_file", "mergec.shards", "mergec.api")
_SECONDS_A_FILE = 10
_MEMORY = 1500  # MiB
_LIMITS = (
    *(f"-timeout={_SECONDS_A_FILE}", f"-rss_limit_mb={_MEMORY}"),
    *("-max_len=16384", "-detect_leaks=0"),
)


def main() -> int:
    """Run all targets one after the other; 1 after printing what broke one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--target", choices=NAMES, action="append", help="these alone")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plain", action="store_true", help="do without atheris")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    plain = given.plain or find_spec("atheris") is None
    names: Sequence[str] = given.target or NAMES
    if given.inside:
        (_at_random if plain else _guided)(names[0], given.seconds, given.seed)
        return 0
    return max([_apart(name, given.seconds, given.seed, plain=plain) for name in names])


def _apart(name: str, seconds: int, seed: int, *, plain: bool) -> int:
    """One target in a process of its own."""
    command = [sys.executable, "-m", "tests.fuzz.readers", "--inside", "--target", name]
    command += [f"--seconds={seconds}", f"--seed={seed}", *(["--plain"] if plain else [])]
    done = subprocess.run(
        command, check=False, cwd=ROOT, capture_output=True, text=True, errors="replace"
    )
    found = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
    executions = int(found[1]) if found else 0
    outcome = "broken" if done.returncode else "sound"
    print(f"{name}: {executions:,} files in {seconds} s, {outcome}", flush=True)
    tally(f"fuzz {name}", executions=executions, violations=int(done.returncode != 0))
    if done.returncode:
        print(done.stderr[-6000:])
    return int(done.returncode != 0)


def _at_random(name: str, seconds: int, seed: int) -> None:
    from tests.fuzz.project_targets import open_target

    random, count, end = Random(seed), 0, time.monotonic() + seconds
    with open_target(name) as target:
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY << 20, _MEMORY << 20))
        while time.monotonic() < end:
            data = random.choice(target.seeds)
            for _ in range(random.choice((1, 1, 2, 5))):
                data = target.mutated(random, data)
            signal.alarm(_SECONDS_A_FILE)  # which ends the process
            try:
                target.check(data)
            except BaseException:
                print(f"{data!r}", file=sys.stderr)
                raise
            count += 1
    print(f"number_of_executed_units: {count}", file=sys.stderr)


def _guided(name: str, seconds: int, seed: int) -> None:
    fuzzer: Any = import_module("atheris")
    with fuzzer.instrument_imports(include=[*_INSTRUMENTED]):
        from tests.fuzz.project_targets import open_target

    folder = ROOT / "build" / "fuzz" / name  # what reached new code, for the next time
    folder.mkdir(parents=True, exist_ok=True)
    with open_target(name) as target:
        for number, data in enumerate(target.seeds):
            (folder / f"seed-{number}").write_bytes(data)

        def changed(data: bytes, longest: int, number: int) -> bytes:
            random = Random(number)
            if random.random() < 0.5:
                return bytes(fuzzer.Mutate(data, longest))
            return target.mutated(random, data)[:longest]

        limits = [*_LIMITS, f"-max_total_time={seconds}", f"-seed={seed}", "-print_final_stats=1"]
        artefacts = f"-artifact_prefix={folder.parent}/{name}-"
        fuzzer.Setup(
            [sys.argv[0], *limits, artefacts, str(folder)], target.check, custom_mutator=changed
        )
        fuzzer.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
