"""Operators with statistics of a whole model, the plain way: each task as one long vector."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.oracles.whole_model import trimmed

Floats = NDArray[Any]
Model = Mapping[str, Floats]


def stitched(deltas: Sequence[Model], densities: Sequence[Fraction]) -> dict[str, Floats]:
    """`stitch(deltas; density=densities)`."""
    cut = [trimmed(x, density) for x, density in zip(deltas, densities, strict=True)]
    found: dict[str, Floats] = {}
    for name in deltas[0]:
        count = sum((x[name] != 0).astype(np.float64) for x in cut)
        found[name] = np.asarray(sum(x[name] for x in cut) / np.maximum(count, 1.0))
    return found


def own_share(deltas: Sequence[Model], task: int) -> dict[str, Floats]:
    """`emr(deltas; task=task)`."""
    own, shares, sizes = deltas[task - 1], dict[str, Floats](), [0.0, 0.0]
    for name, x in own.items():
        every = np.stack([each[name] for each in deltas])
        elected = np.where(every.sum(axis=0) > 0, 1.0, -1.0)
        unified = elected * np.max(np.where(every * elected > 0, np.abs(every), 0.0), axis=0)
        shares[name] = np.where(x * elected > 0, unified, 0.0)
        if x.size:
            sizes[0] += float(np.abs(x).mean())
            sizes[1] += float(np.abs(shares[name]).mean())
    factor = sizes[0] / sizes[1] if sizes[1] else 0.0
    return {name: share * factor for name, share in shares.items()}


def scores(deltas: Floats, ratio: Fraction, clip: Fraction = Fraction(0)) -> tuple[Floats, Floats]:
    """The scores of n task vectors, n × N, and their clamped values."""
    count, size = deltas.shape
    magnitudes = np.sort(np.abs(deltas), axis=1)
    outside = clip.numerator * size // clip.denominator
    low, high = magnitudes[:, [outside]], magnitudes[:, [size - 1 - outside]]
    clamped = np.clip(np.abs(deltas), low, high)
    found = np.ones_like(deltas)
    for i in np.flatnonzero(low != high):
        place = (clamped[i] - low[i]) / (high[i] - low[i])
        level = np.exp(count * place**2) * np.tanh(deltas[i] * deltas.sum(axis=0))
        below = (1 - ratio).numerator * size // (1 - ratio).denominator
        threshold, most = np.sort(level)[below], level.max()
        if threshold == most:
            found[i] = level == most
        else:
            found[i] = (np.maximum(level, threshold) - threshold) / (most - threshold)
    return found, np.sign(deltas) * clamped


def balanced(
    deltas: Sequence[Model], ratio: Fraction, clip: Fraction = Fraction(0)
) -> dict[str, Floats]:
    """`pcb(deltas; ratio, clip)`."""
    every = np.stack([np.concatenate([x.ravel() for x in each.values()]) for each in deltas])
    weights, values = scores(every, ratio, clip)
    parts = weights.sum(axis=0)
    mean = (weights * values).sum(axis=0) / np.where(parts == 0, 1.0, parts)
    found: dict[str, Floats] = {}
    for name, like in deltas[0].items():
        found[name], mean = mean[: like.size].reshape(like.shape), mean[like.size :]
    return found
