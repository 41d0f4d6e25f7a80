"""A pytest plugin for the runs of mutants: one backend, nothing remembered, killers first.

A mutant is in code that all backends share; nor could the array libraries stay, for mutmut forks
and both have threads by then. What was cached before the fork was computed without the mutant.
Of the hundreds of tests that call a function, those that have noticed other changes of it go first.
"""

import os
import sys
from collections import Counter
from pathlib import Path

import pytest

# In the folder in which mutmut runs tests, one file for each function: names of tests.
_KILLERS = Path(".killers").absolute()
# Caches of what no operator has a part in: random tensors, and the tables of the parser.
_LASTING = {"tensors", "statistics", "load_parser"}
# So many of them are tried apart; the variable says that they were.
_MOST = 5
_KNOWN_FIRST = "MUTANT_KNOWN_FIRST"


def pytest_load_initial_conftests() -> None:
    """Hide the other backends, before anything could import them."""
    for name in ("llvmlite", "torch", "jax"):
        sys.modules[name] = None  # type: ignore[assignment]  # how Python says: not to be found


def pytest_sessionstart() -> None:
    """Forget the compiled specs of the run before."""
    for name, module in [*sys.modules.items()]:
        if name.startswith(("mergec.", "tests.")):
            for known, value in [*vars(module).items()]:
                clear = getattr(value, "cache_clear", None)
                if callable(clear) and known not in _LASTING:
                    clear()


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Try those that failed for other mutants of the function, before all are collected."""
    known = _killers()
    if known is None or not known.exists() or _KNOWN_FIRST in os.environ:
        return None
    times = Counter(known.read_text(encoding="utf-8").splitlines())
    chosen = set(config.invocation_params.args)
    first = [name for name, _ in times.most_common(_MOST) if name in chosen]
    others = [x for x in config.invocation_params.args if "::" not in x]
    os.environ[_KNOWN_FIRST] = "1"
    found = pytest.main([*others, *first]) if first else pytest.ExitCode.OK
    return int(found) if found == pytest.ExitCode.TESTS_FAILED else None


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember who noticed."""
    known = _killers()
    if known is not None and report.failed:
        known.parent.mkdir(exist_ok=True)
        with known.open("a", encoding="utf-8") as file:
            file.write(f"{report.nodeid}\n")


def _killers() -> Path | None:
    """The file of the function that is mutated in this process, if one is."""
    function, numbered, _ = os.environ.get("MUTANT_UNDER_TEST", "").rpartition("__mutmut_")
    return _KILLERS / function if numbered else None
