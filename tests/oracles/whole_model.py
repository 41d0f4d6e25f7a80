"""Statistics over all tensors, the plain way: one long vector, sorted, and cut up again."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]
Model = Mapping[str, Floats]


def trimmed(
    delta: Model, density: Fraction, *, ties: str = "index", rescale: str = "none"
) -> dict[str, Floats]:
    """`trim(delta; density, scope=global)` in float64, for a dictionary in canonical order."""
    x = np.concatenate([values.ravel() for values in delta.values()] or [np.zeros(0)])
    y = np.zeros_like(x)
    if x.size:
        k = max(1, density.numerator * x.size // density.denominator)
        order = np.argsort(-np.abs(x), kind="stable")
        kept = order[:k]
        if ties == "all":
            kept = np.flatnonzero(np.abs(x) >= np.abs(x[order[k - 1]]))
        y[kept] = x[kept]
        y = y * _factor(x, y, density, rescale)
    return _cut(y, delta)


def ties(
    base: Model,
    deltas: Sequence[Model],
    densities: Sequence[Fraction],
    *,
    zero: str = "drop",
) -> dict[str, Floats]:
    """`ties(base, deltas; scope=global)` with all weights 1."""
    cut = [trimmed(x, density) for x, density in zip(deltas, densities, strict=True)]
    signs = {name: np.sign(sum(x[name] for x in cut)) for name in base}
    if zero == "majority":
        majority = 1.0 if sum(int(sign.sum()) for sign in signs.values()) > 0 else -1.0
        signs = {name: np.where(sign == 0, majority, sign) for name, sign in signs.items()}
    found: dict[str, Floats] = {}
    for name, sign in signs.items():
        agree = [(x[name] != 0) & (np.sign(x[name]) == sign) for x in cut]
        total = sum(np.where(a, x[name], 0.0) for a, x in zip(agree, cut, strict=True))
        count = sum(a.astype(np.float64) for a in agree)
        found[name] = base[name] + total / np.maximum(count, 1.0)
    return found


def _factor(x: Floats, y: Floats, density: Fraction, rescale: str) -> float:
    if rescale == "none":
        return 1.0
    if rescale == "inv":
        return 1 / float(density)
    order = {"l1": 1, "l2": 2}[rescale]
    kept = float(np.linalg.norm(y, order))
    return float(np.linalg.norm(x, order)) / kept if kept else 1.0


def _cut(x: Floats, like: Model) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    for name, values in like.items():
        found[name], x = x[: values.size].reshape(values.shape), x[values.size :]
    return found
