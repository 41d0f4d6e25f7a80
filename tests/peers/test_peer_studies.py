"""The differences that no single result shows."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import product
from math import prod

import numpy as np
import pytest
from numpy.typing import NDArray

from mergec.backends import get_backend
from mergec.diagnostics import MergecError
from mergec.verify.evaluate import evaluate
from mergec.verify.every_mask import outcomes
from mergec.verify.law_tensors import Floats, loaded, stored
from tests.peers.both_sides import DTYPES, ours
from tests.peers.case import mergekit, sd_mecha
from tests.peers.facade import called
from tests.peers.table import STUDIES

REFERENCE = get_backend("reference")
F32 = DTYPES["float32"]
HALF = [Fraction(1, 2)] * 4
RANKED = [Fraction(1, 4), Fraction(1, 2), Fraction(3, 4)]


def over_zero(a: Floats) -> dict[str, Floats]:
    return {"base": np.zeros_like(a), "a": a}


def their_mean(a: list[float], probabilities: list[Fraction]) -> Floats:
    """Of what mergekit makes of all masks that can be drawn."""
    mean = np.zeros(len(a))
    call = mergekit("sparsify.rescaled_masked_tensor", "a mask", norm="l1")
    for mask in product((0, 1), repeat=len(a)):
        chances = [q if kept else 1 - q for q, kept in zip(probabilities, mask, strict=True)]
        tensors = {"a": np.array(a), "mask": np.array(mask, dtype=float)}
        mean += float(prod(chances)) * called(call, tensors)
    return mean


def our_mean(a: list[float], call: str) -> Floats:
    tensors = {label: {"w": stored(x, F32)} for label, x in over_zero(np.array(a)).items()}
    head = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in tensors)
    found = outcomes(f"{head}result = {call}\nexport delta result\n", tensors, REFERENCE)
    weighted = [float(o.probability) * np.array(o.values, float) for o in found]
    return np.asarray(np.sum(weighted, axis=0))


def mean_of_dare() -> None:
    a = [1.0, 2.0, 3.0, 4.0]
    theirs = their_mean(a, HALF)
    assert np.allclose(theirs, [1.4487, 2.1508, 2.6793, 3.0962], rtol=0, atol=1e-4)
    assert np.allclose(our_mean(a, "dare(a - base; density=0.5)"), a)
    same = STUDIES["mean_of_dare"].switch
    assert np.allclose(our_mean(a, same), theirs, rtol=1e-5)


def mean_of_della() -> None:
    a = [1.0, 2.0, 3.0]
    theirs = their_mean(a, RANKED)
    assert np.allclose(theirs, [0.4844, 1.55, 3.4031], rtol=0, atol=1e-4)
    assert np.allclose(our_mean(a, "della(a - base; density=0.5, epsilon=0.25)"), a)
    same = STUDIES["mean_of_della"].switch
    assert np.allclose(our_mean(a, same), theirs, rtol=1e-5)


def which_equals_survive() -> None:
    a = np.tile([1.0, -1.0, 2.0, -2.0], 250)
    theirs = called(mergekit("sparsify.magnitude", "a", density=0.3), {"a": a})
    found = ours("trim(a - base; density=0.3)", over_zero(a))
    assert np.array_equal(np.sort(np.abs(theirs)), np.sort(np.abs(found)))
    assert np.flatnonzero(found).tolist() == [n for n in range(600) if n % 4 > 1]


def quantiles_of_a_sample() -> None:
    generator = np.random.default_rng(0)
    tensors = {label: generator.normal(size=(1100, 1000)) for label in "ab"}
    call = mergekit("arcee_fusion", "a b", base="a")
    first, second = (called(call, tensors, seed=seed) for seed in (0, 1))
    assert np.any(first != second)
    found = ours("arcee_fusion(a, b)", tensors)
    for theirs in (first, second):
        # A threshold found in a sample is wrong for few entries.
        assert 0 < np.mean(~np.isclose(found, theirs, rtol=1e-5)) < 0.01


def opposite_directions() -> None:
    generator = np.random.default_rng(0)
    middles: list[float] = []
    for _ in range(100):
        v = generator.normal(size=8).astype(np.float32).astype(np.float64)
        tensors = {"a": v, "b": -2 * v}
        middles.append(float(np.median(called(mergekit("nuslerp", "a b", weight=1), tensors) / v)))
        with pytest.raises(MergecError) as raised:
            ours("nuslerp(a, b)", tensors)
        assert raised.value.diagnostics[0].code == "E808"
    assert min(middles) < -1000
    assert max(middles) == pytest.approx(-0.5)


def ends_of_the_arc() -> None:
    generator = np.random.default_rng(1)
    a, b = (generator.normal(size=(2000, 5)).astype(np.float32) for _ in "ab")
    tensors = {"a": a.astype(np.float64), "b": b.astype(np.float64)}
    call = mergekit("nuslerp", "a b", weight=[1, 0], nuslerp_flatten=False)
    theirs = called(call, tensors)
    assert np.any(theirs != tensors["a"])
    assert np.allclose(theirs, tensors["a"], rtol=1e-6)
    found = ours("nuslerp(a, b; weights=[1, 0], axis=in)", tensors)
    assert np.array_equal(found, tensors["a"])


def axis_of_della() -> None:
    # Magnitudes fall along the second axis and rise along the last.
    blocks, middle, last = 100, 20, 30
    a = 1e4 * np.arange(1.0, last + 1) - np.arange(float(middle))[:, None]
    a = a + np.zeros((blocks, 1, 1))
    call = mergekit("sparsify.della_magprune", "a", density=0.5, epsilon=0.25)
    theirs = called(call, {"a": a}) != 0
    found = ours("della(a - base; density=0.5, epsilon=0.25, rescale=none)", over_zero(a)) != 0
    along_middle = np.linspace(0.75, 0.25, middle)
    along_last = np.linspace(0.25, 0.75, last)
    assert share_is(theirs.mean(axis=(0, 2)), along_middle, blocks * last)
    assert share_is(theirs.mean(axis=(0, 1)), np.full(last, 0.5), blocks * middle)
    assert share_is(found.mean(axis=(0, 1)), along_last, blocks * middle)
    assert share_is(found.mean(axis=(0, 2)), np.full(middle, 0.5), blocks * last)


def same_mask_for_all() -> None:
    a = np.ones(64)
    call = sd_mecha("dropout", "a", probability=0.5, seed=0)
    assert np.array_equal(called(call, {"a": a}), called(call, {"a": a}))
    one = {name: stored(a, F32) for name in ("v", "w")}
    none = {name: stored(0 * a, F32) for name in ("v", "w")}
    text = (
        'a = model("./a", id="a")\nbase = model("./base", id="base")\n'
        'export delta dare(a - base; density=0.5) as "result"\n'
    )
    made = evaluate(text, {"a": one, "base": none}, REFERENCE)
    assert not np.array_equal(loaded(made["v"]), loaded(made["w"]))


def overlap_of_dropout() -> None:
    v = np.arange(1.0, 20_001.0)
    theirs = called(sd_mecha("dropout", "a b", probability=0.5, seed=0), {"a": v, "b": v})
    assert set(np.unique(theirs / v)) == {0.0, 2.0}
    assert share_is(share(theirs != 0), np.array([0.75]), v.size)
    dropped = "dare(a - base; density=0.5), dare(b - base; density=0.5)"
    found = ours(f"linear({dropped})", {**over_zero(v), "b": v})
    assert set(np.unique(found / v)) == {0.0, 1.0, 2.0}
    assert share_is(share(found == v), np.array([0.5]), v.size)
    assert share_is(share(found == 2 * v), np.array([0.25]), v.size)


def ranks_of_the_tensor() -> None:
    rows, length = 300, 40
    a = np.arange(1.0, 1 + rows * length).reshape(rows, length)
    settings = {"k": 1.0, "apply_stock": True, "seed": 0}
    call = sd_mecha("ties_sum_with_dropout", "a", probability=0.5, della_eps=0.5, **settings)
    theirs = called(call, {"a": a})
    assert np.allclose(theirs[theirs != 0] / a[theirs != 0], 2)
    tenths = (theirs != 0).reshape(10, -1).mean(axis=1)
    assert share_is(tenths, 0.25 + 0.5 * (np.arange(10) + 0.5) / 10, rows * length // 10)
    assert share_is((theirs != 0).mean(axis=0), np.full(length, 0.5), rows)
    found = ours("della(a - base; density=0.5, epsilon=0.25)", over_zero(a))
    by_rank = np.linspace(0.25, 0.75, length)
    assert share_is((found != 0).mean(axis=0), by_rank, rows)
    assert np.allclose((found * by_rank / a)[found != 0], 1)


def share(which: NDArray[np.bool_]) -> Floats:
    return np.array([np.count_nonzero(which) / which.size])


def share_is(found: Floats, expected: Floats, n: int) -> bool:
    """Whether shares of n draws are as expected, to six standard deviations."""
    return bool(np.all(np.abs(found - expected) < 6 * np.sqrt(expected * (1 - expected) / n)))


SHOWN: Mapping[str, Callable[[], None]] = {
    study.__name__: study
    for study in (
        mean_of_dare,
        mean_of_della,
        which_equals_survive,
        quantiles_of_a_sample,
        opposite_directions,
        ends_of_the_arc,
        axis_of_della,
        same_mask_for_all,
        overlap_of_dropout,
        ranks_of_the_tensor,
    )
}


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_shows_what_it_says(name: str) -> None:
    SHOWN[name]()
