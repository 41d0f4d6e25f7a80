"""How long a run takes, from its costs and from what `mergec calibrate` measured."""

from collections.abc import Collection, Mapping

from mergec.frozen import frozen
from mergec.plan.budget import Budget, default_threads

NO_CALIBRATION = "no calibration: run `mergec calibrate`"


@frozen
class Rates:
    """What one thread of a machine does with one backend.

    `read`, `write` and `digest` are bytes a second: from and into the system's memory, and through
    SHA-256. `sync` is bytes a second that reach the device. `start` and `program` are the seconds
    before the first block and for each new program, `stages` the seconds for each operation of a
    stage (`mergec.plan.costs`).
    """

    read: float
    write: float
    digest: float
    sync: float
    start: float
    program: float
    stages: Mapping[str, float]


@frozen
class Projection:
    """Seconds of wall clock for each part of a run, which follow each other in this order.

    `moving` is reading, hashing and writing, `computing` the rest of what threads do for each
    block. `syncing` is waiting for the device, and `reading_back` what comes after that.
    """

    start: float
    moving: float
    computing: float
    syncing: float
    reading_back: float

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.start + self.moving + self.computing + self.syncing + self.reading_back


def project(
    budget: Budget, rates: Rates, left_out: Collection[str] = (), shares: int = 1
) -> Projection:
    """How long a run takes whose inputs are in the system's memory already.

    `left_out` is among `digests`, `read_back` and `sync`, which a run can be told not to do. One
    of so many `shares` of the weights is read back.
    """
    costs = budget.costs
    # A stage that was not measured, as one of a plugin, is taken for an average one.
    typical = sum(rates.stages.values()) / max(1, len(rates.stages))
    computing = sum(
        effort * rates.stages.get(stage, typical) for stage, effort in costs.efforts.items()
    )
    hashing = 0.0 if "digests" in left_out else 1 / rates.digest
    moving = costs.read / rates.read + costs.written * (1 / rates.write + hashing)
    at_once = min(budget.threads, default_threads())
    again = 0.0 if "read_back" in left_out else costs.written * (1 / rates.read + hashing) / shares
    return Projection(
        rates.start + rates.program * costs.programs,
        moving / at_once,
        computing / at_once,
        0.0 if "sync" in left_out else costs.written / rates.sync,
        again / at_once,
    )


def assumes(budget: Budget, rates: Rates | None) -> str:
    """What the projected time of a run rests on, and what it is made of."""
    if rates is None:
        return NO_CALIBRATION
    parts = project(budget, rates)
    threads = "1 thread" if budget.threads == 1 else f"{budget.threads} threads"
    return (
        f"{threads}, inputs in the system's memory, this machine as it was calibrated: "
        f"{parts.start:.1f} s to start, {parts.moving:.1f} s to read, hash and write, "
        f"{parts.computing:.1f} s to compute, {parts.syncing:.1f} s until the disk has it, "
        f"{parts.reading_back:.1f} s to read it back"
    )
