"""A pytest plugin for the runs of mutants: one backend, and nothing remembered.

A mutant is in code that all backends share; nor could the array libraries stay, for mutmut forks
and both have threads by then. What was cached before the fork was computed without the mutant.
"""

import sys


def pytest_load_initial_conftests() -> None:
    """Hide the other backends, before anything could import them."""
    for name in ("torch", "jax"):
        sys.modules[name] = None  # type: ignore[assignment]  # how Python says: not to be found


def pytest_sessionstart() -> None:
    """Forget the compiled specs of the run before."""
    for name, module in [*sys.modules.items()]:
        if name.startswith(("mergec.", "tests.")):
            for value in [*vars(module).values()]:
                clear = getattr(value, "cache_clear", None)
                if callable(clear):
                    clear()
