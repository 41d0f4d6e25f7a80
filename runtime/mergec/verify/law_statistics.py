"""Statistics for laws: the tensors that `fisher` and the like weigh others by."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from mergec.verify.law_case import Case, Sources
from mergec.verify.law_tensors import Floats, Shape

STATISTICS = {"sa": "a", "sb": "b", "sc": "c"}
"""The sources of statistics by their labels, and the operand whose statistic each holds."""


def with_statistics(case: Case, sources: Sources, labels: Sequence[str]) -> Sources:
    """The sources and, under `labels`, statistics of the kind that the operator takes.

    Dyadic and never zero: importances, or Gram matrices of a few more inputs than a layer has.
    """
    statistic = case.operator.statistic
    if statistic is None or not labels:
        return sources
    shape = next(iter(sources.tensors.values())).shape
    seeds = case.draw(st.lists(st.integers(0, 2**32 - 1), min_size=3, max_size=3))
    made = {
        label: _importance(shape, seed) if statistic.kind == "importance" else _gram(shape, seed)
        for label, seed in zip(STATISTICS, seeds, strict=True)
        if label in labels
    }
    return Sources(sources.dtype, {**sources.tensors, **made})


def _importance(shape: Shape, seed: int) -> Floats:
    """Numbers from 1/4 to 4."""
    return np.asarray(np.random.default_rng(seed).integers(1, 17, shape) / 4)


def _gram(shape: Shape, seed: int) -> Floats:
    """Of a layer with as many inputs as the last axis has elements."""
    n = shape[-1] if shape else 1
    inputs = np.random.default_rng(seed).integers(-2, 3, (n + 3, n)) / 2
    return inputs.T @ inputs
