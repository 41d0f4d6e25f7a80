"""`slerp` and `karcher` against `scipy.spatial.geometric_slerp`, which knows unit vectors only."""

import numpy as np
import pytest
from scipy.spatial import geometric_slerp

from mergec.verify.law_tensors import Floats
from tests.differential.in_memory import merged

AT = (0.0, 0.125, 0.5, 0.8, 1.0)


def unit(seed: int, n: int) -> Floats:
    x = np.random.default_rng(seed).normal(size=n)
    return x / np.linalg.norm(x)


@pytest.mark.parametrize("t", AT)
@pytest.mark.parametrize("n", [2, 3, 200])
@pytest.mark.parametrize("norm", ["raw", "polar"])
def test_unit_vectors_agree(t: float, n: int, norm: str) -> None:
    a, b = unit(1, n), unit(2, n)
    found = merged(f"slerp(a, b; t={t}, norm={norm})", {"a": a, "b": b}, delta=False)
    assert np.allclose(found, geometric_slerp(a, b, t), rtol=0, atol=1e-14)


@pytest.mark.parametrize("gap", [1e-7, 1e-3, 3.0, 3.14])
def test_small_and_nearly_opposite_angles_agree(gap: float) -> None:
    a, b = np.array([1.0, 0.0]), np.array([np.cos(gap), np.sin(gap)])
    found = merged("slerp(a, b; t=0.25)", {"a": a, "b": b}, delta=False)
    # Near π a unit in the last place of the operands turns the plane by as much as it is close.
    assert np.allclose(found, geometric_slerp(a, b, 0.25), rtol=0, atol=1e-11)


def test_polar_interpolates_norms_where_raw_interpolates_tensors() -> None:
    a, b = 3 * unit(3, 50), 7 * unit(4, 50)
    polar = merged("slerp(a, b; t=0.25, norm=polar)", {"a": a, "b": b}, delta=False)
    raw = merged("slerp(a, b; t=0.25)", {"a": a, "b": b}, delta=False)
    direction = geometric_slerp(a / 3, b / 7, 0.25)
    assert np.allclose(polar, (0.75 * 3 + 0.25 * 7) * direction, rtol=1e-13)
    assert not np.allclose(raw / np.linalg.norm(raw), direction, rtol=1e-3)
