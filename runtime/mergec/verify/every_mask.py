"""The results of an operator that keeps entries at random, under every mask it might draw.

The stages' own code runs, with given masks in the place of drawn ones; so what is proved of the
weighted results is proved of the code, and needs no statistics.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any

import numpy as np

from mergec.backends import Backend
from mergec.catalog import Dtype
from mergec.frozen import frozen
from mergec.ops import Cursor, MaskStage, Site, StatisticStage, statistics_passes
from mergec.plan.program import StageCall
from mergec.plan.steps import Step, row_step
from mergec.verify.evaluate import Tensors, bound_rows

_MOST = 12


@frozen
class Outcome:
    """What comes out with this probability."""

    probability: Fraction
    values: tuple[Fraction, ...]


def outcomes(text: str, sources: Mapping[str, Tensors], backend: Backend) -> list[Outcome]:
    """All that the spec `text` can make of its one small tensor, in exact numbers.

    As many masks are gone through as there are of all its random stages together: at most 2^12.
    """
    (row,) = bound_rows(text, sources)
    step = row_step(row)
    drawing = [call for call in step.program.calls if isinstance(call.definition(), MaskStage)]
    bits = step.numel * len(drawing)
    if bits > _MOST:
        raise ValueError(f"2^{bits} masks are too many to go through")
    data = [
        sources[label][entry.name].data
        for label, entry in zip(row.labels, row.entries, strict=True)
    ]
    return [
        _outcome(step, data, backend, _by_call(kept, step.numel))
        for kept in product((True, False), repeat=bits)
    ]


def _by_call(kept: tuple[bool, ...], numel: int) -> Iterator[tuple[bool, ...]]:
    """The masks of the random stages, one after the other."""
    return (kept[i : i + numel] for i in range(0, len(kept), numel or 1))


def _outcome(
    step: Step, data: Sequence[bytes], backend: Backend, masks: Iterator[tuple[bool, ...]]
) -> Outcome:
    program = step.program
    dtypes = [entry.dtype for entry in step.entries]
    values = [
        backend.load(memoryview(raw), dtype, step.work)
        for raw, dtype in zip(data, dtypes, strict=True)
    ]
    probability = Fraction(1)
    for call, name in zip(program.calls, step.sites, strict=True):
        site = Site(name, step.shape, step.work, program.stored(call, dtypes))
        operands = [values[i] for i in call.operands]
        setting = call.definition().prepare(dict(call.params), site)
        stage = call.definition()
        if isinstance(stage, MaskStage):
            mask = next(masks, ())
            setting = stage.with_mask(setting, mask)
            held = [float(x) for x in _numbers(operands[0], backend)]
            chances = stage.keep_probabilities(dict(call.params), step.shape, held)
            probability *= prod(
                (p if kept else 1 - p for p, kept in zip(chances, mask, strict=True)),
                start=Fraction(1),
            )
        values.append(_applied(call, operands, setting, site, backend))
    result = values[program.results[0]]
    return Outcome(probability, tuple(_numbers(result, backend)))


def _applied(
    call: StageCall, operands: Sequence[Any], setting: Any, site: Site, backend: Backend
) -> Any:
    """As the executor would, in one block."""
    stage = call.definition()
    for _ in range(statistics_passes(stage, dict(call.params), site.work)):
        assert isinstance(stage, StatisticStage)
        seen = stage.observe(backend.xp, None, operands, setting)
        setting = stage.combine(seen, setting)
    return stage.apply(backend.xp, operands, setting, Cursor())


def _numbers(block: Any, backend: Backend) -> list[Fraction]:
    return [Fraction(x) for x in np.frombuffer(backend.store(block, Dtype.F64)).tolist()]
