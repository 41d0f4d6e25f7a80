"""model_stock where its ratio leaves the interval from 0 to 1, by rows and by tensors.

For two task vectors by inner products, t is 4xy / (x + y)²: negative where they are opposed, 0
where they are orthogonal, 1 where they are equal. Of five of which only two are nonzero and these
opposed, the cosine estimator makes 5/3.
"""

from collections.abc import Callable

import numpy as np
import pytest

from mergec.backends import Backend, get_backend
from mergec.diagnostics import MergecError
from mergec.ir import Value
from mergec.ops.shrunk_mean import STAGE as TENSOR
from mergec.ops.shrunk_rows import STAGE as ROWS
from mergec.verify.law_tensors import Floats
from tests.ops.stage_runner import run_stage

Scope = Callable[..., Floats]

REFERENCE: Backend = get_backend("reference")
FAR = (np.array([1.0, 2, 2]), np.array([-2.0, -4, -4]), np.zeros(3), np.zeros(3), np.zeros(3))


def by_tensors(estimator: str, guard: str, *deltas: Floats) -> Floats:
    params: dict[str, Value] = {"estimator": estimator, "guard": guard}
    rows = zip(*(np.atleast_2d(delta) for delta in deltas), strict=True)
    return np.array([run_stage(TENSOR, REFERENCE, row, params) for row in rows])


def by_rows(estimator: str, guard: str, *deltas: Floats) -> Floats:
    params: dict[str, Value] = {"estimator": estimator, "guard": guard}
    flat = [delta.ravel() for delta in deltas]
    shape = deltas[0].shape if deltas[0].ndim > 1 else (1, len(deltas[0]))
    return run_stage(ROWS, REFERENCE, flat, params, shape=shape).reshape(shape)


scopes = pytest.mark.parametrize("scope", [by_rows, by_tensors])


@scopes
@pytest.mark.parametrize("guard", ["none", "clip", "error"])
def test_the_ends_of_the_interval_belong_to_it(guard: str, scope: Scope) -> None:
    x = np.array([[1.0, 2], [3, 0]])
    y = np.array([[1.0, 2], [0, 5]])
    assert scope("gram", guard, x, y).tolist() == [[1, 2], [0, 0]]


@scopes
@pytest.mark.parametrize(
    ("guard", "expected"), [("none", [-1 / 3, -2 / 3, -2 / 3]), ("clip", [-0.2, -0.4, -0.4])]
)
def test_more_than_one_is_used_or_clipped(guard: str, expected: list[float], scope: Scope) -> None:
    np.testing.assert_allclose(scope("cosine", guard, *FAR), [expected], rtol=1e-14)


@scopes
def test_less_than_zero_is_used_or_clipped(scope: Scope) -> None:
    x, y = np.array([2.0, 1]), np.array([-1.0, 1])
    np.testing.assert_allclose(scope("gram", "none", x, y), [[-0.4, -0.8]], rtol=1e-14)
    assert scope("gram", "clip", x, y).tolist() == [[0, 0]]


@scopes
@pytest.mark.parametrize("rows", [FAR, (np.array([2.0, 1]), np.array([-1.0, 1]))])
def test_both_are_refused_where_errors_are_asked_for(
    rows: tuple[Floats, ...], scope: Scope
) -> None:
    with pytest.raises(MergecError) as caught:
        scope("cosine", "error", *rows)
    assert [found.code for found in caught.value.diagnostics] == ["E817"]


@pytest.mark.parametrize("estimator", ["cosine", "gram"])
def test_rows_are_tensors_of_their_own_without_a_guard(estimator: str) -> None:
    deltas = np.random.default_rng(3).standard_normal((3, 8, 5))
    deltas[1, 2] = 0.0
    deltas[1, 5], deltas[2, 5] = deltas[0, 5], 3 * deltas[0, 5]
    params: dict[str, Value] = {"estimator": estimator, "guard": "none"}
    rows = [run_stage(TENSOR, REFERENCE, [*deltas[:, i]], params) for i in range(8)]
    np.testing.assert_allclose(by_rows(estimator, "none", *deltas), rows, rtol=1e-12, atol=1e-15)


def test_rounding_makes_no_cosine_larger_than_one() -> None:
    x = np.random.default_rng(4).standard_normal((200, 3))
    found = by_rows("cosine", "error", x, 3 * x, 7 * x)
    np.testing.assert_allclose(found, 11 / 3 * x, rtol=1e-12)
