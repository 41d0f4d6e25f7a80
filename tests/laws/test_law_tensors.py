"""What laws are tried on: every shape and relation that is promised does occur."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from mergec.backends import get_backend
from mergec.catalog import Dtype
from mergec.ops import OPERATORS, Law
from mergec.verify.law_case import FLOATS, Case
from mergec.verify.law_tensors import (
    KINDS,
    Floats,
    Shape,
    adversarial,
    arrays,
    directional,
    related,
    rounded,
    shapes,
)

REFERENCE = get_backend("reference")
LEAST_NORMAL = {Dtype.BF16: 2.0**-126, Dtype.F16: 2.0**-14, Dtype.F32: 2.0**-126}
Drawn = list[Floats]
PAIRS: dict[str, Callable[[Drawn], object]] = {
    "equal": lambda x: np.any(x[0]) and np.array_equal(x[0], x[1]),
    "opposite": lambda x: np.any(x[0]) and np.array_equal(x[0], -x[1]),
    "parallel": lambda x: np.any(x[0]) and np.array_equal(2 * x[0], x[1]),
    "opposite, and shorter": lambda x: np.any(x[0]) and np.array_equal(-0.5 * x[0], x[1]),
    "orthogonal": lambda x: np.any(x[0]) and np.any(x[1]) and np.vdot(x[0], x[1]) == 0,
    "all zero": lambda x: np.any(x[0]) and x[1].size and not np.any(x[1]),
}
QUICK = settings(max_examples=2000, database=None)


@pytest.mark.parametrize(
    "shape", [(), (0,), (1,), (1, 1), (1, 7), (7, 1), (3, 3), (1, 0), (0, 1), (2, 3, 1, 2)]
)
def test_shapes_of_every_kind_are_drawn(shape: Shape) -> None:
    assert find(shapes(), lambda found: found == shape, settings=QUICK) == shape


@given(least=st.integers(0, 20), data=st.data())
def test_shapes_have_as_many_elements_as_are_asked_for(least: int, data: st.DataObject) -> None:
    assert np.prod(data.draw(shapes(least)), dtype=int) >= least


@pytest.mark.parametrize("kind", [related, directional])
@pytest.mark.parametrize("pair", PAIRS)
def test_directions_of_every_kind_are_drawn(pair: str, kind: Callable[..., float]) -> None:
    drawn = arrays(kind, Dtype.F64, 2, least=2)
    assert PAIRS[pair](find(drawn, lambda x: bool(PAIRS[pair](x)), settings=QUICK))


def test_directions_that_nearly_agree_are_drawn() -> None:
    def nearly(x: Drawn) -> bool:
        return bool(0 < np.max(np.abs(x[0] + x[1])) < 1e-5 < np.max(np.abs(x[0])))

    find(arrays(directional, Dtype.F64, 2, least=2), nearly, settings=QUICK)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", FLOATS)
@settings(max_examples=10)
@given(data=st.data())
def test_every_dtype_holds_what_is_drawn_for_it(
    dtype: Dtype, kind: str, data: st.DataObject
) -> None:
    for x in data.draw(arrays(KINDS[kind], dtype, 2, shape=shapes())):
        assert rounded(x, dtype).tobytes() == x.tobytes()
        assert np.all(np.isfinite(x))


@pytest.mark.parametrize("dtype", LEAST_NORMAL)
@given(data=st.data())
def test_no_subnormals_where_they_are_flushed(dtype: Dtype, data: st.DataObject) -> None:
    for x in data.draw(arrays(adversarial, dtype, 2, subnormals=False)):
        assert np.all((x == 0) | (np.abs(x) >= LEAST_NORMAL[dtype]))


@settings(max_examples=20)
@given(data=st.data())
def test_it_is_the_task_vectors_that_are_related(data: st.DataObject) -> None:
    """Also over a base that is not zero, where rounding would part them again."""
    case = Case(OPERATORS["ties"], Law("odd"), REFERENCE, data)
    sources = case.sources(["a", "b", "base"], related)
    deltas = [sources.tensors[label] - sources.tensors["base"] for label in "ab"]
    assert all(np.all(x * 64 == np.round(x * 64)) for x in deltas)
