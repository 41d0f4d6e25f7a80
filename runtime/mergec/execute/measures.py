"""What contracts need to know of a run: statistics collected on the way, and whether they hold."""

import math
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any, final

from mergec.diagnostics import Diagnostic, MergecError
from mergec.elaborate import Contract
from mergec.execute.wording import describe
from mergec.frozen import frozen
from mergec.ir import Fact, evaluate, facts
from mergec.ops.measures import MEASURES, Measure, Partial, Tally
from mergec.plan import Plan

Measured = Mapping[Fact, float | bool]


@frozen
class Collector:
    """Takes the blocks of one tensor into one measure."""

    measure: Measure
    tally: Tally

    @classmethod
    def of(cls, fact: Fact) -> "Collector":
        """A collector that has seen nothing yet."""
        measure = MEASURES[fact.kind]
        return cls(measure, measure.begin())

    def observe(self, xp: Any, blocks: Sequence[Any]) -> None:
        """One block of each operand, in work dtype; blocks come in order."""
        self.measure.observe(xp, self.tally, blocks)

    def partial(self) -> Partial:
        """What stays once the whole tensor was seen."""
        return self.measure.partial(self.tally)


@final
class Measurements:
    """The readings of a run as its threads bring them in."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._partials: dict[int, Partial] = {}
        self._lock = Lock()

    def add(self, number: int, partial: Partial) -> None:
        """Keep what a tensor gave to the reading with this number; from any thread."""
        with self._lock:
            self._partials[number] = partial

    def partial(self, number: int) -> Partial:
        """What was kept of the reading with this number."""
        return self._partials[number]

    def values(self) -> Measured:
        """Every measure of the plan, once all readings are in. The order they came in is none."""
        found: list[list[Partial]] = [[] for _ in self._plan.measures]
        for number, reading in enumerate(self._plan.readings):
            found[reading.measure].append(self._partials[number])
        pairs = zip(self._plan.measures, found, strict=True)
        return {fact: MEASURES[fact.kind].value(partials) for fact, partials in pairs}


def require_contracts(plan: Plan, measured: Measured) -> None:
    """E816 for every contract on statistics that does not hold, all at once."""
    broken = [_judge(plan, contract, measured) for contract in plan.contracts]
    found = [diagnostic for diagnostic in broken if diagnostic is not None]
    if found:
        raise MergecError(found)


def _judge(plan: Plan, contract: Contract, measured: Measured) -> Diagnostic | None:
    notes = [
        f"`{describe(plan, fact)}` is {_shown(measured[fact])}"
        for fact in facts(contract.condition)
    ]
    try:
        if evaluate(contract.condition, measured):
            return None
        message = f"`{contract.text}` does not hold"
    except ZeroDivisionError:
        message = f"`{contract.text}` divides by zero"
    except OverflowError:
        message = f"a number in `{contract.text}` exceeds float64"
    return Diagnostic(
        "E816",
        message,
        contract.span,
        notes=(*notes, f"required because: {contract.why}", "nothing was published"),
        help=("change the merge, or what the contract asks for",),
    )


def _shown(value: float | bool) -> str:
    """Every digit: `5` would be no reason why `x < 5` fails."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not math.isfinite(value):
        return "too large for float64"
    return repr(value)
