"""What a run costs, as a reviewer reads it: operations, and time where the machine is known."""

from mergec.plan.budget import Budget
from mergec.plan.costs import Costs
from mergec.plan.projection import NO_CALIBRATION, Rates, project


def estimate_lines(budget: Budget, rates: Rates | None) -> list[str]:
    """The lines of the estimate, with what each figure assumes."""
    work = arithmetic(budget.costs)
    if rates is None:
        return [f"estimate: {work}; {NO_CALIBRATION}"]
    parts = project(budget, rates)
    threads = "1 thread" if budget.threads == 1 else f"{budget.threads} threads"
    return [
        f"estimate: {work}; about {duration(parts.seconds)} with {threads}",
        f"  {duration(parts.start)} to start, {duration(parts.moving)} to read, hash and write, "
        f"{duration(parts.computing)} to compute,",
        f"  {duration(parts.syncing)} until the disk has it, "
        f"{duration(parts.reading_back)} to read it back",
        "  on this machine as it was calibrated, with the sources in its memory already",
    ]


def arithmetic(costs: Costs) -> str:
    """Operations in words; one is an element of an operand that a stage takes in or looks at."""
    if not costs.operations:
        return "no arithmetic"
    sweeps = "1 sweep" if costs.sweeps == 1 else f"up to {costs.sweeps} sweeps"
    return f"about {_counted(costs.operations)} element operations in {sweeps} over a tensor"


def duration(seconds: float) -> str:
    """A time for people.

    >>> duration(0.04), duration(12.34), duration(700)
    ('0.0 s', '12.3 s', '11.7 min')
    """
    return f"{seconds:.1f} s" if seconds < 600 else f"{seconds / 60:.1f} min"


def _counted(operations: int) -> str:
    """With three digits or so, and no comma.

    >>> _counted(999), _counted(31_000_000_000)
    ('999', '31.0 G')
    """
    if operations < 1000:
        return str(operations)
    value, prefixes = operations / 1000, "KMGTP"
    for prefix in prefixes[:-1]:
        if value < 1000:
            return f"{value:.1f} {prefix}"
        value /= 1000
    return f"{value:.1f} {prefixes[-1]}"
