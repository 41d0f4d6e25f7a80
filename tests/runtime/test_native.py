"""What is the native backend's own: one kernel a block, and when its bytes are gone."""

import numpy as np
import pytest

from mergec.backends import get_backend
from mergec.backends.lazy import namespace
from mergec.backends.native import NativeBackend
from mergec.backends.native.engine import Engine
from mergec.backends.native.listing import listing
from mergec.catalog import Dtype
from tests.ops.stage_runner import NUMPY_DTYPES
from tests.runtime.test_primitives import EXACT, REFERENCE, cases, computed, same

pytest.importorskip("llvmlite")

VALUES = np.array([0.5, -1.25, 3.0, -0.0, 1e-20], np.float32)


def test_all_that_is_asked_of_a_block_is_one_kernel() -> None:
    backend = NativeBackend(Engine())
    x = backend.borrow(memoryview(VALUES.tobytes()), Dtype.F32, Dtype.F32)
    y = backend.xp.where(x > 0, x * 3.0, 0.0)
    sums = backend.xp.leaf_sums(backend.xp.widen(y))
    counts = backend.xp.histogram(y, 16, 0)
    encoded = backend.encode(y, Dtype.BF16)
    assert not backend.engine.kernels
    backend.finish()
    (kernel,) = backend.engine.kernels
    assert {root.what for root in kernel.roots} == {"store", "sums", "top"}
    assert [float(leaf) for leaf in sums] == [1.5 + 9.0 + float(np.float32(1e-20) * np.float32(3))]
    assert int(counts[0]) == 2
    assert encoded.lost == 0


def test_tensors_of_other_numbers_share_a_kernel() -> None:
    backend = NativeBackend(Engine())
    for number in (0.25, 0.75):
        x = backend.load(memoryview(VALUES.tobytes()), Dtype.F32, Dtype.F32)
        expected = (VALUES * np.float32(number)).tobytes()
        assert bytes(backend.store(x * number, Dtype.F32)) == expected
    assert len(backend.engine.kernels) == 1


def test_counts_of_further_blocks_are_added_in_place() -> None:
    backend = NativeBackend()
    x = backend.load(memoryview(VALUES.tobytes()), Dtype.F32, Dtype.F32)
    counts = backend.xp.histogram(x, 16, 0)
    tables = counts.array
    counts += backend.xp.histogram(x, 16, 0)
    counts += backend.xp.histogram(x, 16, 0)
    assert counts.array.tolist() == (3 * tables).tolist()


def test_a_borrowed_block_cannot_be_used_after_its_time() -> None:
    backend = NativeBackend()
    buffer = bytearray(VALUES.tobytes())
    x = backend.borrow(memoryview(buffer), Dtype.F32, Dtype.F32)
    late, part = x + 1.0, x[1:3]
    backend.finish()
    buffer[:] = bytes(len(buffer))
    for gone in (late, part):
        with pytest.raises(RuntimeError, match="after its bytes are gone"):
            backend.xp.host(gone)


def test_a_processor_without_half_precision_does_the_same() -> None:
    backend, reference = NativeBackend(Engine("x86-64")), get_backend("reference")
    assert not backend.engine.halves
    raw = np.arange(65536, dtype=np.uint16).view(np.float16)
    raw = raw[np.isfinite(raw)]
    for xp in (backend, reference):
        x = xp.load(memoryview(raw.tobytes()), Dtype.F16, Dtype.F32)
        assert bytes(xp.store(x, Dtype.F16)) == raw.tobytes()
    numbers = np.array([65519.0, 65520.0, 1 + 2.0**-11, 2.0**-25], np.float64)
    found = backend.encode(
        backend.load(memoryview(numbers.tobytes()), Dtype.F64, Dtype.F64), Dtype.F16
    )
    with np.errstate(over="ignore"):
        expected = numbers.astype(np.float32).astype(NUMPY_DTYPES[Dtype.F16])
    assert (bytes(found.data), found.lost) == (expected.tobytes(), 1)


def test_an_empty_block_compiles_nothing() -> None:
    backend = NativeBackend(Engine())
    x = backend.load(memoryview(b""), Dtype.BF16, Dtype.F32)
    assert bytes(backend.store(x * 2.0, Dtype.BF16)) == b""
    assert backend.xp.leaf_sums(backend.xp.widen(x)) == []
    assert backend.xp.count(x > 0) == 0
    assert not backend.engine.kernels


def test_a_listing_names_buffers_and_numbers() -> None:
    backend = NativeBackend(Engine())
    x = backend.load(memoryview(VALUES.tobytes()), Dtype.F32, Dtype.F32)
    backend.store(backend.xp.where(x > 0.5, -x, 0.0), Dtype.BF16)
    (kernel,) = backend.engine.kernels
    assert listing(kernel).splitlines() == [
        "for each i:",
        "  v0: f32 = f32 in0[i]",
        "  v1: f32 = -v0",
        "  v2: bool = v0 > c0",
        "  v3: f32 = v1 if v2 else c1",
        "  out1[i] = bf16 v3, counting those that are not finite, and not normal",
    ]


@pytest.mark.parametrize("limit", ["_MOST_NODES", "_MOST_NOTED"])
@pytest.mark.parametrize("name", EXACT)
def test_what_is_too_large_to_compile_has_the_same_bits(
    name: str, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = get_backend("native")
    monkeypatch.setattr(namespace, limit, 1)
    for dtype, x, y, row in cases(backend, name):
        expected = computed(REFERENCE, EXACT[name], dtype, x, y, row)
        assert same(computed(backend, EXACT[name], dtype, x, y, row), expected), (dtype, row)


def test_many_requests_are_several_kernels() -> None:
    backend = NativeBackend(Engine())
    x = backend.load(memoryview(VALUES.tobytes()), Dtype.F32, Dtype.F32)
    sums = [backend.xp.leaf_sums(backend.xp.widen(x) * float(i)) for i in range(60)]
    found = [float(leaf) for (leaf,) in sums]
    whole = [float(leaf) for leaf in REFERENCE.xp.leaf_sums(VALUES.astype(np.float64))]
    assert found == pytest.approx([whole[0] * i for i in range(60)], rel=1e-15)
    assert max(len(kernel.roots) for kernel in backend.engine.kernels) == 24


def test_counts_add_up_in_any_order() -> None:
    """As the counts of tensors do, which come from several threads."""
    backend = get_backend("native")
    x = backend.load(memoryview(VALUES.tobytes()), Dtype.F32, Dtype.F32)
    one, two, three = (backend.xp.histogram(x, 16, 0) for _ in range(3))
    tables = np.asarray(one)
    assert ((one + two) + three).tolist() == (3 * tables).tolist()
    assert (one + (two + three)).tolist() == (3 * tables).tolist()
