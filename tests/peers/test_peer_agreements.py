"""Where a peer and mergec mean the same, they compute the same."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from mergec.verify.law_tensors import Floats
from tests.peers.both_sides import agree, ours
from tests.peers.case import Agreement, Draw, Sampled
from tests.peers.facade import called
from tests.peers.table import AGREEMENTS, SAMPLED

DRAWN: Mapping[Draw, Callable[[np.random.Generator, tuple[int, ...]], Floats]] = {
    "normal": lambda generator, shape: generator.normal(size=shape),
    "coarse": lambda generator, shape: generator.integers(-2, 3, size=shape) / 2,
}
TRIED = [
    pytest.param(row, draw, shape, id=f"{row.call.peer}-{row.call}-{row.ours}-{draw}-{shape}")
    for row in AGREEMENTS
    for draw in row.draws
    for shape in row.shapes
]


def drawn(row: Agreement, draw: Draw, shape: tuple[int, ...]) -> dict[str, Floats]:
    """Tensors for the operands, and a base of zeros where that is none of them."""
    generator = np.random.default_rng(0)
    tensors = {label: DRAWN[draw](generator, shape) for label in row.call.operands}
    return tensors if "base" in tensors or "base" not in row.ours else over(tensors)


def over(tensors: Mapping[str, Floats]) -> dict[str, Floats]:
    return {"base": np.zeros_like(next(iter(tensors.values()))), **tensors}


@pytest.mark.parametrize(("row", "draw", "shape"), TRIED)
def test_both_compute_the_same(row: Agreement, draw: Draw, shape: tuple[int, ...]) -> None:
    tensors = drawn(row, draw, shape)
    found, theirs = ours(row.ours, tensors), called(row.call, tensors)
    assert theirs.shape == shape
    assert agree(found, theirs)
    # Which entries are kept is no question of rounding.
    if row.operator in ("trim", "breadcrumbs"):
        assert np.array_equal(found == 0, theirs == 0)


@pytest.mark.parametrize("row", SAMPLED, ids=lambda row: f"{row.call.peer}-{row.call}")
def test_both_keep_as_much_and_rescale_alike(row: Sampled) -> None:
    rows, length = 300, 40
    a = np.arange(1.0, 1 + rows * length).reshape(rows, length)
    place = np.arange(length) / (length - 1)
    kept_as_often = np.broadcast_to(row.density + row.epsilon * (2 * place - 1), a.shape)
    for kept in (called(row.call, {"a": a}), ours(row.ours, over({"a": a}))):
        here = kept != 0
        for axis in (0, 1, None):
            expected = kept_as_often.sum(axis=axis)
            deviation = np.sqrt((kept_as_often * (1 - kept_as_often)).sum(axis=axis))
            # Six standard deviations: a false alarm once in 10⁶ generators, and these are fixed.
            assert np.all(np.abs(here.sum(axis=axis) - expected) < 6 * deviation)
        factors = {
            "none": 1.0,
            "density": 1 / row.density,
            "own": 1 / kept_as_often[here],
            "l1": a.sum() / a[here].sum(),
        }
        assert np.allclose(kept[here] / a[here], factors[row.factor], rtol=1e-5)
