"""Operators on matrices and with statistics against numpy, scipy and exact fractions."""

from fractions import Fraction
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from mergec.catalog import Dtype
from mergec.verify.law_tensors import Floats, rounded
from tests.differential.in_memory import merged, over_zero

linalg: Any = import_module("scipy.linalg")  # which has no types

SHAPES = [(5, 5), (9, 4), (4, 9)]


def some(seed: int, shape: tuple[int, ...]) -> Floats:
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_iso_c_is_the_orthogonal_factor_at_the_mean_singular_value(shape: tuple[int, int]) -> None:
    a, b = some(1, shape), some(2, shape)
    found = merged("iso_c(a - base, b - base)", over_zero(a=a, b=b))
    level = np.linalg.svd(a + b, compute_uv=False).mean()
    factor, _ = linalg.polar(a + b)
    assert np.allclose(found, level * factor, rtol=0, atol=1e-13)
    if shape[0] == shape[1]:
        turn, _ = linalg.orthogonal_procrustes(np.eye(shape[0]), a + b)
        assert np.allclose(found, level * turn, rtol=0, atol=1e-13)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_tsvm_is_made_of_polar_factors(shape: tuple[int, int], count: int) -> None:
    deltas = {label: some(seed, shape) for seed, label in enumerate("abc"[:count])}
    listed = ", ".join(f"{label} - base" for label in deltas)
    found = merged(f"tsvm({listed})", over_zero(**deltas))
    most = min(shape) // count
    parts = [np.linalg.svd(delta, full_matrices=False) for delta in deltas.values()]
    left, _ = linalg.polar(np.hstack([u[:, :most] for u, _, _ in parts]))
    right, _ = linalg.polar(np.vstack([vt[:most] for _, _, vt in parts]).T)
    values = np.concatenate([s[:most] for _, s, _ in parts])
    assert np.allclose(found, (left * values) @ right.T, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 4), (1, 6), (5, 1)])
def test_regmean_is_the_least_squares_solution(shape: tuple[int, int]) -> None:
    layers = [some(seed, shape) for seed in (1, 2, 3)]
    inputs = [some(seed, (40, shape[1])) for seed in (4, 5, 6)]
    grams = {f"g{k}": x.T @ x for k, x in zip("abc", inputs, strict=True)}
    text = "regmean(a, b, c; grams=[ga, gb, gc], alpha=1, ridge=0)"
    found = merged(text, {**dict(zip("abc", layers, strict=True)), **grams}, delta=False)
    outputs = [x @ layer.T for x, layer in zip(inputs, layers, strict=True)]
    expected, *_ = np.linalg.lstsq(np.vstack(inputs), np.vstack(outputs), rcond=None)
    assert np.allclose(found, expected.T, rtol=0, atol=1e-12)


def test_regmean_of_diagonals_weighs_columns_as_fisher_does() -> None:
    a, b = some(1, (3, 4)), some(2, (3, 4))
    grams = [x.T @ x for x in (some(3, (9, 4)), some(4, (9, 4)))]
    tensors = {"a": a, "b": b, "ga": grams[0], "gb": grams[1]}
    columns = [np.tile(np.diag(gram), (3, 1)) for gram in grams]
    found = merged("regmean(a, b; grams=[ga, gb], alpha=0, ridge=0)", tensors, delta=False)
    alike = {"a": a, "b": b, "fa": columns[0], "fb": columns[1]}
    weighed = merged("fisher(a, b; fishers=[fa, fb], floor=0)", alike, delta=False)
    assert np.allclose(found, weighed, rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", [Dtype.BF16, Dtype.F32])
@pytest.mark.parametrize("weights", [(1, 1, 1), (3, 1, 2)])
def test_fisher_is_the_exact_quotient_rounded(dtype: Dtype, weights: tuple[int, ...]) -> None:
    values = [rounded(some(seed, (50,)), dtype) for seed in (1, 2, 3)]
    information = [rounded(some(seed, (50,)) ** 2, dtype) for seed in (4, 5, 6)]
    tensors = dict(zip("abc", values, strict=True))
    tensors |= dict(zip(("fa", "fb", "fc"), information, strict=True))
    text = f"fisher(a, b, c; fishers=[fa, fb, fc], floor=0, weights={list(weights)})"
    found = merged(text, tensors, dtype=dtype, delta=False)
    exact = [
        float(
            sum(
                w * Fraction(f[i]) * Fraction(x[i])
                for w, f, x in zip(weights, information, values, strict=True)
            )
            / sum(w * Fraction(f[i]) for w, f in zip(weights, information, strict=True))
        )
        for i in range(50)
    ]
    assert found.tobytes() == rounded(exact, dtype).tobytes()
