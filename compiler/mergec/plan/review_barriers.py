"""Statistics over all tensors, for reviewers: of what they are, and what they cost."""

from collections import Counter
from collections.abc import Iterator

from mergec.ir import NodeKey
from mergec.plan.barriers import waves
from mergec.plan.model import Barrier, Plan
from mergec.plan.review_expression import name_of


def barrier_lines(plan: Plan) -> list[str]:
    """The section of what is read before anything is written; numbers say what comes after what."""
    lines: list[tuple[int, int, str]] = []
    for number, wave in enumerate(waves(plan.barriers), 1):
        for line in _of_wave(plan, wave):
            # Sets of tensors that are taken one after the other, such as layers, are told once.
            if lines and wave[0].held and lines[-1][1:] == (number - 1, line):
                lines[-1] = (lines[-1][0], number, line)
            else:
                lines.append((number, number, line))
    shown = [f"  {_numbers(first, last)}  {line}" for first, last, line in lines]
    return ["statistics over all tensors, before the first is written", *shown] if shown else []


def _numbers(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first}-{last}"


def _of_wave(plan: Plan, wave: tuple[Barrier, ...]) -> Iterator[str]:
    """One line for each operator."""
    parts: dict[tuple[NodeKey, str, int, int], int] = Counter()
    for barrier in wave:
        parts[barrier.node, barrier.stage, len(barrier.readings), barrier.passes] += 1
    for (node, stage, tensors, passes), count in parts.items():
        several = f"{count} × " if count > 1 else ""
        over = f"{tensors} tensor{'s' * (tensors != 1)}"
        often = f"{passes} pass{'es' * (passes != 1)}"
        held = max(barrier.held for barrier in wave)
        whole = f", {-(-held >> 20)} MiB held" if held else ""
        yield f"{name_of(plan, node)}: {several}{stage} over {over} in {often}{whole}"
