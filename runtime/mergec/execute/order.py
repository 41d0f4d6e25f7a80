"""The order in which a run takes its steps: as the sources lie on the disk, balanced at the end."""

from collections.abc import Sequence
from itertools import accumulate

from mergec.plan.steps import Step

# How much of the largest step's work each thread must find in the part that is sorted by size.
_MARGIN = 2


def reading_order(steps: Sequence[Step], threads: int) -> list[Step]:
    """In file order, and the last part largest first, so that no thread ends long after the others.

    The last part begins where a step would be more than the other threads find after it. That is
    everything, for a few steps or many threads.
    """
    ordered = sorted(steps, key=_place)
    sizes = [step.nbytes_read for step in ordered]
    begin = _last_part(sizes, threads)
    return ordered[:begin] + sorted(ordered[begin:], key=lambda step: -step.nbytes_read)


def _place(step: Step) -> tuple[str, str, int]:
    """Where the first of the tensors stands that a step reads; others mostly stand likewise."""
    if not step.entries:
        return ("", "", 0)
    entry = step.entries[0]
    return (step.program.inputs[0], entry.file, entry.start)


def _last_part(sizes: Sequence[int], threads: int) -> int:
    left = sum(sizes)
    begin = len(sizes)
    for number, (size, done) in enumerate(zip(sizes, accumulate(sizes), strict=True)):
        if size * (threads - 1) > left - done:
            begin = number
            break
    held = sum(sizes[begin:])
    largest = max(sizes[begin:], default=0)
    while begin > 0 and held < _MARGIN * threads * largest:
        begin -= 1
        held += sizes[begin]
        largest = max(largest, sizes[begin])
    return begin
