"""Every primitive of the array namespace, on every backend, held to the reference bit for bit.

The arrays are what careless code breaks on: both zeros, subnormals, near cancellations, overflow,
equal magnitudes, lengths around the sizes that are handled differently.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mergec.backends import Backend, get_backend
from mergec.catalog.dtypes import Dtype
from mergec.ops.namespace import Approximate, ArrayNamespace
from tests.ops.stage_runner import NUMPY_DTYPES, askable, installed_backends, other_backends

Array = NDArray[Any]
# Gets the namespace, two arrays of one length and the length of a row.
Primitive = Callable[[Any, Any, Any, int], Any]

REFERENCE = get_backend("reference")
SHAPES = ((0, 3), (1, 1), (5, 1), (1, 7), (4, 3), (13, 8), (7, 147), (2, 513))
LONG = 2 * 2**16 + 9001
NASTY = (
    *(0.0, -0.0, 1.0, -1.0, 0.1, -0.1, 0.2, -0.3, 3.0, -3.0, 1 / 3, 2.0**-126, 3 * 2.0**-149),
    *(2.0**-149, -(2.0**-140), 2.0**14, 2.0**24 + 2, -(2.0**60), 2.0**-60, 1 + 2.0**-23),
    *(-1 - 2.0**-23, 1 - 2.0**-24, 2.0**127, -(2.0**-24)),
)

EXACT: dict[str, Primitive] = {
    "add": lambda xp, x, y, row: x + y,
    "subtract": lambda xp, x, y, row: x - y,
    "multiply": lambda xp, x, y, row: x * y,
    "divide": lambda xp, x, y, row: x / xp.where((y == 0) | (xp.abs(y) > 2.0**60), 3.0, y),
    "add a number": lambda xp, x, y, row: 0.1 + x + 0.3,
    "subtract a number": lambda xp, x, y, row: 1.0 - x - 0.3,
    "multiply by a number": lambda xp, x, y, row: 0.3 * x * 1.7,
    "divide by a number": lambda xp, x, y, row: x / 3.0,
    "negate": lambda xp, x, y, row: -x,
    "compare": lambda xp, x, y, row: (x < y) | (x >= 0.1) & (y <= 1.0) ^ (x != y) & ~(x > y),
    "equal": lambda xp, x, y, row: x == y,
    "in place": lambda xp, x, y, row: _in_place(x, y),
    "where": lambda xp, x, y, row: xp.where(x > y, x, y),
    "where a number": lambda xp, x, y, row: xp.where(x > 0, -0.0, xp.where(y > 0, y, 0.3)),
    "abs": lambda xp, x, y, row: xp.abs(x),
    "sign": lambda xp, x, y, row: xp.sign(x, y),
    "widen": lambda xp, x, y, row: xp.widen(x),
    "narrow": lambda xp, x, y, row: xp.narrow(xp.widen(x) * 0.3, x),
    "sqrt": lambda xp, x, y, row: xp.sqrt(xp.abs(x)),
    "mask_as": lambda xp, x, y, row: xp.mask_as(x > y, x),
    "magnitude_bits": lambda xp, x, y, row: xp.magnitude_bits(x),
    "histogram": lambda xp, x, y, row: xp.histogram(x, 16, 0x3F80),
    "histogram of the top": lambda xp, x, y, row: xp.histogram(x, 48 if _wide(x) else 16, 0),
    "count": lambda xp, x, y, row: xp.count(x > y),
    "cumulative_count": lambda xp, x, y, row: xp.cumulative_count(x > y),
    "leaf_sums": lambda xp, x, y, row: [*map(float, xp.leaf_sums(xp.widen(x)))],
    "join": lambda xp, x, y, row: xp.join([x, y, x]),
    "reorder": lambda xp, x, y, row: xp.reorder(x, [*reversed(range(row))], 1),
    "by_units": lambda xp, x, y, row: xp.flat(xp.by_units(x, row, 1)),
    "row_sums": lambda xp, x, y, row: xp.row_sums(xp.widen(x), row),
    "column_sums": lambda xp, x, y, row: xp.column_sums(xp.widen(x), row),
    "row_max": lambda xp, x, y, row: xp.row_max(x, row),
    "row_ranks": lambda xp, x, y, row: xp.row_ranks(x, row),
    "spread": lambda xp, x, y, row: xp.spread(x, row),
    "tile": lambda xp, x, y, row: xp.tile(x, row),
    "floats": lambda xp, x, y, row: xp.floats([0.1, -0.0]),
    "integers": lambda xp, x, y, row: xp.integers([3, 2**40]),
    "host": lambda xp, x, y, row: xp.host(x),
    "low_rank": lambda xp, x, y, row: _low_rank(xp),
    "take": lambda xp, x, y, row: xp.take(xp.floats(NASTY), xp.integers([3, 0, 3, 21])),
    "iota": lambda xp, x, y, row: xp.iota(len(x)) * 1000003 + 7,
    "rotate_left": lambda xp, x, y, row: xp.rotate_left(xp.iota(len(x)) * 1000003, 13),
    "threefry": lambda xp, x, y, row: xp.join(
        [*xp.threefry((7, 2**32 - 1), xp.iota(len(x)), xp.iota(len(x)) * 1000003)]
    ),
    "interleave": lambda xp, x, y, row: xp.interleave(x, y),
    "slice": lambda xp, x, y, row: xp.interleave(x, y)[1 : 1 + len(x)],
    "matrix": lambda xp, x, y, row: xp.flat(xp.matrix(xp.widen(x), row).T),
    "flat": lambda xp, x, y, row: xp.flat(xp.matrix(xp.widen(x), row) * 3.0),
}
ROUNDED: dict[str, Primitive] = {
    "exp": lambda xp, x, y, row: xp.exp(xp.where(xp.abs(x) > 80.0, 1.0, x)),
    "log": lambda xp, x, y, row: xp.log(xp.where(x > 0, x, 2.0)),
    "tanh": lambda xp, x, y, row: xp.tanh(x),
}
# May be the operand itself, so a kernel does not write into what they give.
NOT_FRESH = {"by_units", "widen", "narrow", "matrix", "flat", "host", "iota", "floats", "integers"}


@pytest.mark.parametrize("backend", other_backends())
@pytest.mark.parametrize("name", EXACT)
def test_an_exact_primitive_has_the_bits_of_the_reference(backend: Backend, name: str) -> None:
    for dtype, x, y, row in cases(backend, name):
        expected = computed(REFERENCE, EXACT[name], dtype, x, y, row)
        found = computed(backend, EXACT[name], dtype, x, y, row)
        assert same(found, expected), (dtype, len(x), row, found, expected)


@pytest.mark.parametrize("backend", other_backends())
@pytest.mark.parametrize("name", ROUNDED)
def test_a_function_is_right_to_four_units_in_the_last_place(backend: Backend, name: str) -> None:
    for dtype, x, y, row in cases(backend, name):
        expected = computed(REFERENCE, ROUNDED[name], dtype, x, y, row)
        found = computed(backend, ROUNDED[name], dtype, x, y, row)
        assert (np.abs(found - expected) <= 4 * np.spacing(np.abs(expected))).all()


@pytest.mark.parametrize("backend", installed_backends())
@pytest.mark.parametrize("name", sorted({*EXACT} - NOT_FRESH))
def test_what_a_kernel_makes_is_its_own(backend: Backend, name: str) -> None:
    """It may be written into, and no operand changes."""
    for dtype, x, y, row in cases(backend, name):
        a, b = placed(backend, dtype, x), placed(backend, dtype, y)
        with backend.xp.untrapped():
            made = EXACT[name](backend.xp, a, b, row)
            if isinstance(made, (int, list)) or np.asarray(made).dtype == bool:
                return
            made += made
        assert bytes(backend.store(a, dtype)) + bytes(backend.store(b, dtype)) == (
            x.astype(NUMPY_DTYPES[dtype]).tobytes() + y.astype(NUMPY_DTYPES[dtype]).tobytes()
        )


@pytest.mark.parametrize("backend", installed_backends())
@pytest.mark.parametrize(("m", "n"), [(1, 1), (3, 5), (6, 2), (4, 4)])
def test_a_decomposition_multiplies_to_its_matrix(backend: Backend, m: int, n: int) -> None:
    values = np.random.default_rng(m * n).standard_normal((m, n))
    matrix = backend.xp.matrix(placed(backend, Dtype.F64, values.reshape(-1)), n)
    u, s, vt = backend.xp.svd(matrix)
    k = min(m, n)
    singular = np.asarray(s)
    assert np.all(singular[:-1] >= singular[1:])
    assert (tuple(u.shape), len(s), tuple(vt.shape)) == ((m, k), k, (k, n))
    scaled = backend.xp.matrix(
        backend.xp.flat(u) * backend.xp.tile(s, m) if m else backend.xp.flat(u), k
    )
    product = np.asarray(backend.xp.flat(scaled @ vt)).reshape(m, n)
    assert np.linalg.norm(product - values) <= 1e-14 * np.linalg.norm(values) * max(m, n)


@pytest.mark.parametrize("backend", installed_backends())
def test_nothing_is_decomposed_where_there_is_nan(backend: Backend) -> None:
    matrix = backend.xp.matrix(placed(backend, Dtype.F64, np.full(6, np.nan)), 3)
    for part in backend.xp.svd(matrix):
        assert np.isnan(np.asarray(part)).all()


@pytest.mark.parametrize("backend", installed_backends())
def test_a_system_is_solved(backend: Backend) -> None:
    rng = np.random.default_rng(3)
    factor, right = rng.standard_normal((5, 5)), rng.standard_normal((5, 2))
    gram = factor @ factor.T + np.eye(5)
    found = np.asarray(backend.xp.flat(solution(backend, gram, right))).reshape(5, 2)
    assert np.linalg.norm(gram @ found - right) <= 1e-13 * np.linalg.norm(right)


@pytest.mark.parametrize("backend", installed_backends())
@pytest.mark.parametrize("least", [0.0, -1.0, float("nan")])
def test_a_system_without_a_positive_definite_matrix_is_not(backend: Backend, least: float) -> None:
    found = solution(backend, np.diag([1.0, least, 2.0]), np.ones((3, 2)))
    assert np.isnan(np.asarray(found)).all()
    assert np.asarray(found).shape == (3, 2)


@pytest.mark.parametrize("backend", installed_backends())
def test_rows_are_added_by_the_definition(backend: Backend) -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((6, 11)) * 10.0 ** rng.integers(-9, 9, (6, 11))
    x = placed(backend, Dtype.F64, values.reshape(-1))
    assert backend.xp.host(backend.xp.row_sums(x, 11)) == halved(values).tolist()
    assert backend.xp.host(backend.xp.column_sums(x, 11)) == halved(values.T).tolist()


def test_every_primitive_is_here() -> None:
    declared = {*vars(ArrayNamespace), *vars(Approximate)}
    declared = {name for name in declared if not name.startswith("_")}
    tested = {*EXACT, *ROUNDED, "svd", "solve", "assign", "untrapped"}
    assert declared <= tested, declared - tested


def halved(rows: Array) -> Array:
    padded = np.zeros((len(rows), 1 << (rows.shape[1] - 1).bit_length()))
    padded[:, : rows.shape[1]] = rows
    while padded.shape[1] > 1:
        half = padded.shape[1] // 2
        padded = padded[:, :half] + padded[:, half:]
    return padded[:, 0]


def cases(backend: Backend, name: str) -> Iterator[tuple[Dtype, Array, Array, int]]:
    """Two arrays of one length, and of which length their rows are."""
    shapes = [*SHAPES, (1, LONG)] if name in ("leaf_sums", "count", "histogram") else SHAPES
    rng = np.random.default_rng(len(name))
    for rows, row in shapes:
        numbers = rng.choice(NASTY, (2, rows * row))
        numbers = np.where(rng.random(numbers.shape) < 0.3, rng.normal(size=numbers.shape), numbers)
        x, y = askable(backend, list(numbers.astype(np.float32).astype(np.float64)))
        yield Dtype.F32, x, y, row
        x, y = askable(backend, list(numbers))
        yield Dtype.F64, x, y, row


def computed(
    backend: Backend, primitive: Primitive, dtype: Dtype, x: Array, y: Array, row: int
) -> Array:
    with backend.xp.untrapped():
        found = primitive(backend.xp, placed(backend, dtype, x), placed(backend, dtype, y), row)
    return np.asarray(found)


def same(found: Array, expected: Array) -> bool:
    return bool(found.dtype == expected.dtype and found.tobytes() == expected.tobytes())


def placed(backend: Backend, dtype: Dtype, x: Array) -> Any:
    return backend.load(memoryview(x.astype(NUMPY_DTYPES[dtype]).tobytes()), dtype, dtype)


def solution(backend: Backend, matrix: Array, right: Array) -> Any:
    xp = backend.xp
    return xp.solve(
        *(xp.matrix(placed(backend, Dtype.F64, m.reshape(-1)), m.shape[1]) for m in (matrix, right))
    )


def _low_rank(xp: Any) -> Any:
    """Parts of a product that begin and end within rows, of factors that sums cannot hide."""
    b = xp.floats([0.1 * i - 1 / (i + 3) for i in range(21)])
    a = xp.floats([1 / (i + 1) - 0.07 * i for i in range(15)])
    cuts = ((0, 35), (4, 9), (33, 2))
    return xp.join(
        [
            xp.low_rank(b, a, 3, start, count, turned=turned)
            for turned in (False, True)
            for start, count in cuts
        ]
    )


def _in_place(x: Any, y: Any) -> Any:
    total = x + y
    total -= 0.3
    total *= y
    total /= 3.0
    total += total
    return total


def _wide(x: Any) -> bool:
    return str(x.dtype).endswith("64")
