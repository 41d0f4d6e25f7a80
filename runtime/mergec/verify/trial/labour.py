"""How laws are tried for a spec: in how many processes, and what is known of them already."""

from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING

from mergec.frozen import frozen

if TYPE_CHECKING:  # it needs Hypothesis
    from mergec.verify.law_runs import LawResult


@frozen
class Labour:
    """How laws are tried: in `jobs` processes, each of which runs `start` first.

    `known` are results from before by operator, law and backend, so that of many specs none tries
    a law again. They hold for one effort and one seed.
    """

    jobs: int = 1
    start: Callable[[], None] | None = None
    known: "dict[tuple[str, str, str], LawResult]" = field(
        default_factory=dict[tuple[str, str, str], "LawResult"]
    )
