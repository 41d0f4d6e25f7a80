"""Test what operators claim: each law interpreted on whole specs, with Hypothesis.

`check_law(OPERATORS["trim"], law, backend)` returns if no counterexample is found and raises
LawViolation with a simple one otherwise. Needs the extra `verify`.
"""

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.errors import Flaky, Unsatisfiable

from mergec.backends import Backend
from mergec.ops import Law, Operator
from mergec.verify.claims import CLAIMS
from mergec.verify.law_case import Case, Draws
from mergec.verify.law_violation import LawViolation
from mergec.verify.simplify import Recorder, simplified

__all__ = ["LawViolation", "check_law"]

# Refuting ends with the first counterexample, so that many examples cost nothing.
_TO_REFUTE = 500
# A backend that compiles is slow at first, and operators may refuse much of what is drawn.
_SUPPRESSED = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)


def check_law(
    operator: Operator,
    law: Law,
    backend: Backend,
    *,
    shrink: bool = True,
    examples: int | None = None,
    seed: int | None = None,
) -> None:
    """Search for a counterexample to `law` among specs that call `operator` on `backend`.

    Raises LawViolation with the simplest one found, or without `shrink` the first. A law that must
    not hold raises LawViolation if no counterexample is found. `examples` and `seed` are by default
    what Hypothesis is set to; claims that take long are tried on fewer examples. KeyError for a law
    that nobody interprets.
    """
    claim = CLAIMS[law.name]
    count = examples or settings().max_examples
    count = min(claim.examples or count, count) if law.holds else max(count, _TO_REFUTE)
    shrink = shrink and law.holds
    phases = [Phase.explicit, Phase.generate, *([Phase.shrink] if shrink else [])]

    def attempt(data: Draws) -> None:
        claim(Case(operator, law, backend, data))

    @settings(
        max_examples=count,
        phases=phases,
        report_multiple_bugs=False,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=_SUPPRESSED,
    )
    @given(data=st.data())
    def holds(data: st.DataObject) -> None:
        recorder = Recorder(data)
        try:
            attempt(recorder)
        except LawViolation as violation:
            violation.draws = tuple(recorder.choices)
            raise

    if seed is not None:
        holds = seeded(seed)(holds)
    try:
        _run(holds)
    except LawViolation as violation:
        if not law.holds and violation.error is None:
            return
        raise (simplified(violation, attempt) if shrink else violation) from None
    if not law.holds:
        raise LawViolation(
            f"{operator.name}: {law.name}({dict(law.params)}) was expected to be refuted, and none "
            f"of {count} examples does so"
        )


def _run(holds: Callable[[], None]) -> None:
    try:
        holds()
    except Unsatisfiable:
        raise LawViolation("no example could be drawn, for the operator refuses all") from None
    except Flaky as error:
        # The same choices gave another result the next time: a violation all the same.
        for inner in getattr(error, "exceptions", ()):
            if isinstance(inner, LawViolation):
                raise inner from None
        raise
