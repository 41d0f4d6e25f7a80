"""Searching for counterexamples to the laws of operators."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mergec.verify.law_runs import LawResult


def try_laws(
    operators: Iterable[str] = (),
    laws: Iterable[str] = (),
    backends: Iterable[str] = (),
    *,
    effort: str = "fast",
    seed: int = 0,
    jobs: int = 1,
) -> "list[LawResult]":
    """One result for each law of each operator on each backend; `broken` is None where it holds.

    By default all laws of all operators on all backends that are installed. `laws` are names or
    labels, as `mergec laws --list` prints them; `effort` is `fast`, `ci` or `thorough`. Needs the
    extra `verify`. Raises E902 for a name that is not there, E603 for a backend that is not.
    """
    from mergec.backends import installed_backends
    from mergec.verify.law_runs import run_laws, select_laws

    chosen = tuple(backends) or installed_backends()
    return run_laws(select_laws(operators, laws), chosen, effort=effort, seed=seed, jobs=jobs)
