"""The start-up self-test: known inputs, known bits.

A build that contracts multiply and add, flushes subnormals or rounds casts otherwise would still
produce plausible checkpoints. It takes a few milliseconds to notice, with JAX half a second for
what it compiles.
"""

import struct
from collections.abc import Callable

from mergec.backends.backend import Backend
from mergec.catalog.dtypes import Dtype
from mergec.diagnostics import fail
from mergec.ops.namespace import Array
from mergec.ops.threefry import encrypt
from mergec.ops.tree_sum import combine_leaves


def self_test(backend: Backend) -> None:
    """Compute a vector of known results. Raises E605 on the first mismatch, naming it."""
    with backend.xp.untrapped():
        for claim, (compute, expected) in _CLAIMS.items():
            if compute is _keep_subnormals and not backend.subnormals:
                continue  # it says so itself, and what depends on it is documented
            found = compute(backend)
            if found != expected:
                raise fail(
                    "E605",
                    f"backend `{backend.name}` does not {claim} as the numeric contract asks",
                    notes=[f"expected bits {expected}, found {found}"],
                    help="run with another build of the library, or with `--backend reference`",
                )


def _multiply_add(backend: Backend) -> str:
    # (1 + 2^-12)^2 - (1 + 2^-11) is 0 when the product is rounded first and 2^-24 when fused.
    narrow = _load(backend, Dtype.F32, 1 + 2.0**-12, 1 + 2.0**-11)
    wide = _load(backend, Dtype.F64, 1 + 2.0**-27, 1 + 2.0**-26)
    return _bits(backend, Dtype.F32, narrow[:1] * (1 + 2.0**-12) - narrow[1:]) + _bits(
        backend, Dtype.F64, wide[:1] * (1 + 2.0**-27) - wide[1:]
    )


def _divide(backend: Backend) -> str:
    narrow = _load(backend, Dtype.F32, 1.0, 3.0, 5.0)
    wide = _load(backend, Dtype.F64, 1.0, 3.0)
    return _bits(backend, Dtype.F32, narrow / 3.0) + _bits(backend, Dtype.F64, wide[:1] / wide[1:])


def _keep_subnormals(backend: Backend) -> str:
    narrow, wide = _load(backend, Dtype.F32, 2.0**-126), _load(backend, Dtype.F64, 2.0**-1022)
    found = _bits(backend, Dtype.F32, narrow * 0.5) + _bits(backend, Dtype.F64, wide * 0.5)
    compares = backend.xp.count(narrow * 0.5 > 0) + backend.xp.count(wide * 0.5 > 0)
    return f"{found}{_bits(backend, Dtype.BF16, narrow * 0.5)} {compares}"


def _round_casts(backend: Backend) -> str:
    # The first value rounds up to f16 directly, and to 1 by way of f32.
    x = _load(backend, Dtype.F64, 1 + 2.0**-11 + 2.0**-40, 1 + 2.0**-8, 1 + 3 * 2.0**-8)
    return "".join(_bits(backend, dtype, x) for dtype in (Dtype.F32, Dtype.BF16, Dtype.F16))


def _reduce(backend: Backend) -> str:
    # 2 by halvings; 1 from left to right, 0 by neighbours.
    x = _load(backend, Dtype.F64, 1e16, 1.0, -1e16, 1.0)
    return str(combine_leaves(backend.xp.leaf_sums(x)))


def _take_roots(backend: Backend) -> str:
    numbers = (2.0, 3.0, 5.0, 7.0)
    narrow, wide = _load(backend, Dtype.F32, *numbers), _load(backend, Dtype.F64, *numbers)
    return _bits(backend, Dtype.F32, backend.xp.sqrt(narrow)) + _bits(
        backend, Dtype.F64, backend.xp.sqrt(wide)
    )


def _convert(backend: Backend) -> str:
    # A tie to even either way, an overflow, and a number that float32 holds.
    wide = _load(backend, Dtype.F64, 1 + 2.0**-24, 1 + 3 * 2.0**-24, 1e300, 0.5)
    narrow = backend.xp.narrow(wide, _load(backend, Dtype.F32, 0.0))
    # There and back in one expression is not nothing, which a compiler might think.
    there_and_back = _bits(backend, Dtype.F64, backend.xp.widen(narrow))
    return f"{_bits(backend, Dtype.F32, narrow)}{there_and_back}" + _bits(
        backend, Dtype.F64, backend.xp.widen(narrow[2:] - 0.25)
    )


def _count(backend: Backend) -> str:
    # Three are lost as f16, and two too small for it: one is a subnormal number there, one zero.
    # Two magnitudes are 0x00000000, one is 0x3f800000, two 0x3f800001.
    numbers = (65519.0, 65520.0, 1e300, float("nan"), 0.0, 2.0**-14, 2.0**-15, 1e-300)
    wide = _load(backend, Dtype.F64, *numbers)
    x = _load(backend, Dtype.F32, 0.0, -0.0, 1.0, 1 + 2.0**-23, -1 - 2.0**-23)
    top, last = backend.xp.histogram(x, 16, 0), backend.xp.histogram(x, 0, 0x3F80)
    digits = [int(top[0]), int(top[0x3F80]), int(last[0]), int(last[1])]
    encoded = backend.encode(wide, Dtype.F16)
    return f"{encoded.lost} {encoded.underflow} {digits}"


def _reduce_rows(backend: Backend) -> str:
    # In a row of three the ends meet first, and the second meets a +0.
    rows = (1e16, 1.0, -1e16), (1.0, -0.0, -0.0), (-1e16, -0.0, -0.0), (-0.0, -0.0, -0.0)
    x = _load(backend, Dtype.F64, *(number for row in rows for number in row))
    sums, columns = backend.xp.row_sums(x, 3), backend.xp.column_sums(x, 3)
    largest = backend.xp.row_max(_load(backend, Dtype.F64, -0.0, 0.0, 0.0, -0.0, -3.0, -2.0), 2)
    return " ".join(str(backend.xp.host(found)) for found in (sums, columns, largest))


def _rank_rows(backend: Backend) -> str:
    x = _load(backend, Dtype.F32, 1.0, -1.0, -0.0, 1.0, 0.0, -3.0, 2.0, 2.0, -2.0, -2.0)
    return str(backend.xp.host(backend.xp.row_ranks(x, 5)))


def _rearrange(backend: Backend) -> str:
    values = backend.xp.floats([0.5, -0.0, 3.0])
    places = backend.xp.integers([2, 0, 0, 1])
    return " ".join(
        str(backend.xp.host(found))
        for found in (
            backend.xp.spread(values, 2),
            backend.xp.tile(values, 2),
            backend.xp.take(values, places),
        )
    )


def _draw(backend: Backend) -> str:
    zero = backend.xp.iota(1)
    return " ".join(
        f"{int(word[0]) % 2**32:08x}" for word in encrypt(backend.xp, (0, 0), zero, zero)
    )


_CLAIMS: dict[str, tuple[Callable[[Backend], str], str]] = {
    "multiply and add": (_multiply_add, "00000000" + "0000000000000000"),
    "divide": (_divide, "abaaaa3e" + "0000803f" + "5555d53f" + "555555555555d53f"),
    "keep subnormals": (_keep_subnormals, "00004000" + "0000000000000800" + "4000" + " 2"),
    "round casts": (_round_casts, "0010803f0080803f0080813f803f803f823f003c043c0c3c"),
    "reduce": (_reduce, "2.0"),
    "take square roots": (
        _take_roots,
        "f304b53fd7b3dd3fbd1b0f40fd532940"
        "cd3b7f669ea0f63faa4c58e87ab6fb3fa8f4979b77e30140eaf8d2a97f2a0540",
    ),
    "convert": (
        _convert,
        "0000803f0200803f0000807f0000003f"
        "000000000000f03f000000400000f03f000000000000f07f000000000000e03f"
        "000000000000f07f000000000000d03f",
    ),
    "count": (_count, "3 2 [2, 3, 1, 2]"),
    "reduce rows": (
        _reduce_rows,
        "[1.0, 1.0, -1e+16, 0.0] [1.0, 1.0, -1e+16] [0.0, 0.0, -2.0]",
    ),
    "rank rows": (_rank_rows, "[2, 3, 0, 4, 1, 4, 0, 1, 2, 3]"),
    "rearrange": (
        _rearrange,
        "[0.5, 0.5, -0.0, -0.0, 3.0, 3.0] [0.5, -0.0, 3.0, 0.5, -0.0, 3.0] [3.0, 0.5, 0.5, -0.0]",
    ),
    "draw random words": (_draw, "6b200159 99ba4efe"),
}


def _load(backend: Backend, dtype: Dtype, *values: float) -> Array:
    packed = struct.pack(f"<{len(values)}{'f' if dtype is Dtype.F32 else 'd'}", *values)
    return backend.load(memoryview(packed), dtype, dtype)


def _bits(backend: Backend, dtype: Dtype, x: Array) -> str:
    return backend.store(x, dtype).hex()
