"""What a verification comes to."""

from collections.abc import Iterable
from enum import StrEnum

from mergec.diagnostics import Diagnostic
from mergec.frozen import frozen


class State(StrEnum):
    """The three answers; `exit` is the process status of each."""

    VERIFIED = "verified"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"

    @property
    def exit(self) -> int:
        """0, 10 or 14."""
        return {State.VERIFIED: 0, State.FAILED: 10, State.INCONCLUSIVE: 14}[self]


def worst(states: Iterable[State]) -> State:
    """Failed if one is, else inconclusive if one is."""
    found = set(states)
    ranked = (State.FAILED, State.INCONCLUSIVE)
    return next((state for state in ranked if state in found), State.VERIFIED)


@frozen
class Verdict:
    """The answer, how many tensors were checked and recomputed, and what was found."""

    state: State
    checked: int
    replayed: int
    findings: tuple[Diagnostic, ...]
