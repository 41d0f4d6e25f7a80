"""Masks drawn at random, in a child of one fine-tune at weight 1: statistics of them."""

from collections.abc import Mapping

import numpy as np

from mergec.verify.law_tensors import Floats


def unlike_draws(
    child: Mapping[str, Floats],
    base: Mapping[str, Floats],
    tuned: Mapping[str, Floats],
    density: float,
) -> float:
    """How far a child is from what a mask with one factor for each tensor makes, relatively.

    That factor restores the sum of magnitudes. As many entries must be kept as the density says,
    to six standard deviations over all tensors, which is asserted.
    """
    kept = total = 0
    far = 0.0
    for name, value in child.items():
        delta = tuned[name] - base[name]
        found = value - base[name]
        mask = np.abs(found) > 0.1 * np.abs(delta)
        kept, total = kept + int(np.count_nonzero(mask)), total + mask.size
        expected = base[name] + np.where(mask, delta, 0) * (
            np.abs(delta).sum() / max(np.abs(delta[mask]).sum(), 1e-30)
        )
        far = max(far, float(np.abs(value - expected).max() / np.abs(expected).max()))
    assert abs(kept / total - density) < 6 * np.sqrt(density * (1 - density) / total)
    return far
