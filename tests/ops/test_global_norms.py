"""A trim over all tensors that restores a norm: one factor, from all tensors, for all of them."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mergec.backends import get_backend
from mergec.catalog import Dtype
from mergec.diagnostics import MergecError
from mergec.ir import Value
from mergec.ops.global_trim import STAGE
from mergec.verify.evaluate import evaluate
from mergec.verify.law_tensors import stored
from tests.ops.test_global_stages import run

Floats = NDArray[Any]
REFERENCE = get_backend("reference")
ORDERS = {"l1": 1, "l2": 2}


def trimming(rescale: str, *, ties: str = "index", density: Fraction) -> dict[str, Value]:
    return {"density": density, "ties": ties, "rescale": rescale}


def trimmed(
    tensors: Sequence[Floats], params: dict[str, Value], *, block: int = 13
) -> tuple[list[Floats], int]:
    found, passes = run(STAGE, REFERENCE, tensors, params, block=block)
    return [np.array(x) for x in found], passes


def model(seed: int) -> list[Floats]:
    """Tensors of unlike sizes and magnitudes, one of them empty, with many equals."""
    random = np.random.default_rng(seed)
    sizes = (40, 1, 0, 23, 90)
    return [
        np.round(random.standard_normal(size) * 4) / 4 * 2.0**power
        for power, size in enumerate(sizes)
    ]


@pytest.mark.parametrize("block", [13, 1000])
@pytest.mark.parametrize("ties", ["index", "all"])
@pytest.mark.parametrize("rescale", ORDERS)
def test_the_norm_of_all_tensors_is_restored(rescale: str, ties: str, block: int) -> None:
    for seed in range(2):
        tensors = model(seed)
        density = Fraction(3 + seed, 10)
        found, passes = trimmed(tensors, trimming(rescale, ties=ties, density=density), block=block)
        plain, _ = trimmed(tensors, trimming("none", ties=ties, density=density), block=block)
        order = ORDERS[rescale]
        length = np.linalg.norm(np.concatenate(tensors), order)
        kept = np.linalg.norm(np.concatenate(plain), order)
        assert passes == STAGE.passes(trimming(rescale, density=density)) == 5
        for x, y in zip(found, plain, strict=True):
            np.testing.assert_allclose(x, y * (length / kept), rtol=1e-14, atol=0)
        assert np.linalg.norm(np.concatenate(found), order) == pytest.approx(length, rel=1e-14)


@pytest.mark.parametrize("rescale", ["none", "inv", *ORDERS])
def test_at_density_one_nothing_is_looked_at(rescale: str) -> None:
    params = trimming(rescale, density=Fraction(1))
    tensors = model(9)
    found, passes = trimmed(tensors, params)
    assert passes == STAGE.passes(params) == 0
    assert [x.tolist() for x in found] == [x.tolist() for x in tensors]


@pytest.mark.parametrize("rescale", ORDERS)
def test_zeros_have_no_norm_to_restore(rescale: str) -> None:
    found, _ = trimmed([np.zeros(5), -np.zeros(3)], trimming(rescale, density=Fraction(1, 2)))
    assert [x.tolist() for x in found] == [[0.0] * 5, [0.0] * 3]


def test_without_a_norm_there_are_four_passes() -> None:
    for rescale in ("none", "inv"):
        params = trimming(rescale, density=Fraction(1, 3))
        assert STAGE.passes(params) == trimmed(model(2), params)[1] == 4


@pytest.mark.parametrize("largest", [0, 1])
def test_a_norm_beyond_float64_is_refused(largest: int) -> None:
    tensors = [np.array([1.0, 2.0, 3.0]), np.array([1e10, 5.0])]
    tensors[largest] = tensors[largest] * 1e200
    with pytest.raises(MergecError) as caught:
        trimmed(tensors, trimming("l2", density=Fraction(1, 2)))
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("E806", "the norm of all tensors exceeds float64")


@pytest.mark.parametrize(
    "expression", ["emr(base, a; task=1)", "trim(a - base; density=1/2, scope=global, rescale=l1)"]
)
def test_each_norm_fits_and_all_together_do_not(expression: str) -> None:
    large = stored(np.array([0.9 * 2.0**1023]), Dtype.F64)
    zero = stored(np.zeros(1), Dtype.F64)
    text = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in ("base", "a"))
    kind = "" if "(base" in expression else "delta "
    text += f"child = {expression}\nexport {kind}child\n"
    held = {"base": dict.fromkeys("uvw", zero), "a": dict.fromkeys("uvw", large)}
    with pytest.raises(MergecError) as caught:
        evaluate(text, held, REFERENCE)
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("E806", "the norm of all tensors exceeds float64")


@pytest.mark.parametrize("members", [3, 20])
def test_equals_of_any_last_digit_go_to_the_first_tensors(members: int) -> None:
    equal = np.full(members, 1 + 3 * 2.0**-52)
    found, _ = trimmed([equal, 2 * equal, equal], trimming("none", density=Fraction(2, 3)))
    assert [np.count_nonzero(x) for x in found] == [members, members, 0]


def test_a_tensor_without_equals_takes_no_share_of_them() -> None:
    above = 1 + np.arange(1, 21) * 2.0**-52  # too many last digits to keep
    found, passes = trimmed([above, np.ones(4)], trimming("none", density=Fraction(22, 24)))
    assert passes == 5
    assert [np.count_nonzero(x) for x in found] == [20, 2]
