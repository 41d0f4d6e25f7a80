"""What is fused torch's own: one kernel a block, Inductor's bits, and CUDA where it is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mergec.api import compile_spec
from mergec.backends import Backend, get_backend, self_test
from mergec.catalog import Dtype
from mergec.diagnostics import MergecError
from mergec.execute import Origin, run_plan
from mergec.execute.kernels import kernel_listing
from mergec.plan import Budget, Plan
from tests.runtime.test_primitives import EXACT, REFERENCE, cases, computed, same
from tests.toy_checkpoints import write_family

torch: Any = pytest.importorskip("torch")

from mergec.backends.torch_fused import FusedTorchBackend, backend  # noqa: E402 - after the skip
from mergec.backends.torch_fused.programs import listing  # noqa: E402 - after the skip

VALUES = np.array([0.5, -1.25, 3.0, -0.0, 1e-20], np.float32)
SPEC = """base = model("./base")
code = model("./code")
math = model("./math")

child = ties(base, code, math; density=0.3) |> slerp(code, t=0.5)
"""
on_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


def plain() -> FusedTorchBackend:
    """Operation by operation, on the CPU."""
    return FusedTorchBackend("cpu", compiled=False)


def test_all_that_is_asked_of_a_block_is_one_kernel() -> None:
    fused = plain()
    x = fused.borrow(memoryview(VALUES.tobytes()), Dtype.F32, Dtype.F32)
    y = fused.xp.where(x > 0, x * 3.0, 0.0)
    sums = fused.xp.leaf_sums(fused.xp.widen(y))
    counts = fused.xp.histogram(y, 16, 0)
    encoded = fused.encode(y, Dtype.BF16)
    assert not fused.programs.kernels
    fused.finish()
    (kernel,) = fused.programs.kernels
    assert {root.what for root in kernel.roots} == {"store", "sums", "top"}
    assert [float(leaf) for leaf in sums] == [1.5 + 9.0 + float(np.float32(1e-20) * np.float32(3))]
    assert int(counts[0]) == 2
    assert encoded.lost == 0


def test_blocks_are_sent_as_they_are_stored() -> None:
    fused = plain()
    x = fused.load(memoryview(bytes(2 * 7)), Dtype.BF16, Dtype.F32)
    assert (len(x), x.data.dtype, len(x.data)) == (7, torch.uint8, 14)


def test_tensors_of_other_numbers_share_a_kernel() -> None:
    fused = plain()
    for number in (0.25, 0.75):
        x = fused.load(memoryview(VALUES.tobytes()), Dtype.F32, Dtype.F32)
        expected = (VALUES * np.float32(number)).tobytes()
        assert bytes(fused.store(x * number, Dtype.F32)) == expected
    assert len(fused.programs.kernels) == 1


def test_sources_of_several_lengths_are_counted_together() -> None:
    fused = plain()
    held = ([1.0, np.nan, np.inf], [2.0], [np.nan, 3.0, 4.0])
    blocks = [
        fused.load(memoryview(np.array(x, np.float64).tobytes()), Dtype.F64, Dtype.F64)
        for x in held
    ]
    assert [int(count) for count in fused.notice_non_finite(blocks)] == [2, 0, 1]
    assert len(fused.programs.kernels) == 2


def test_counts_of_further_blocks_are_added() -> None:
    fused = plain()
    x = fused.load(memoryview(VALUES.tobytes()), Dtype.F32, Dtype.F32)
    tables = fused.xp.histogram(x, 16, 0).array
    counts = fused.xp.histogram(x, 16, 0)
    counts += fused.xp.histogram(x, 16, 0)
    fused.finish()
    counts += fused.xp.histogram(x, 16, 0)
    counts += tables
    assert np.asarray(counts).tolist() == (4 * tables).tolist()


def test_a_listing_has_an_operation_a_line() -> None:
    fused = plain()
    x = fused.load(memoryview(VALUES.tobytes()), Dtype.F32, Dtype.F32)
    fused.store(fused.xp.where(x > 0.5, -x, 0.0), Dtype.BF16)
    (kernel,) = fused.programs.kernels
    assert listing(kernel, "cuda").splitlines() == [
        "def forward(self, n, f32, f64, i64, in0):",
        "    to = in0.to(torch.float32)",
        "    neg = -to",
        "    getitem = f32[0]",
        "    gt = to > getitem",
        "    getitem_1 = f32[1]",
        "    where = torch.where(gt, neg, getitem_1)",
        "    ne = where != 0",
        "    to_1 = where.to(torch.float32)",
        "    abs_1 = torch.abs(to_1)",
        "    lt = abs_1 < 3.39617752923046e+38",
        "    logical_not = torch.logical_not(lt)",
        "    sum_1 = logical_not.sum()",
        "    lt_1 = abs_1 < 1.170902576014388e-38",
        "    logical_and = torch.logical_and(ne, lt_1)",
        "    sum_2 = logical_and.sum()",
        "    to_2 = to_1.to(torch.bfloat16)",
        "    return ((to_2, sum_1, sum_2),)",
    ]


def test_kernels_for_a_device_are_listed_where_there_is_none(tmp_path: Path) -> None:
    text = "\n\n".join(kernel_listing(_planned(tmp_path), "torch", "cuda"))
    assert text.startswith("# 4 tensors, such as embed.weight\n\ndef forward(self, n, f32,")
    assert "device = 'cuda'" in text
    assert " = None" not in text


def test_a_run_of_several_threads_writes_what_the_reference_writes(tmp_path: Path) -> None:
    assert written(tmp_path, plain(), 3) == written(tmp_path, get_backend("reference"), 1)


def test_cuda_needs_triton(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object) -> None:
        """Neither refused nor found."""

    monkeypatch.setattr(backend, "require_device", absent)
    monkeypatch.setattr(backend, "find_spec", absent)
    with pytest.raises(MergecError, match="needs Triton to make kernels for `cuda`"):
        FusedTorchBackend("cuda")


def test_what_torch_cannot_compile_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Any:
        def call(*_: object) -> None:
            raise torch._dynamo.exc.TorchDynamoException("no compiler\nand more")

        return call

    monkeypatch.setattr(torch, "compile", refuse)
    fused = FusedTorchBackend("cpu")
    x = fused.load(memoryview(VALUES.tobytes()), Dtype.F32, Dtype.F32)
    with pytest.raises(MergecError) as caught:
        fused.store(x * 2.0, Dtype.F32)
    (found,) = caught.value.diagnostics
    assert (found.code, found.notes) == ("E603", ("no compiler",))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*script_method")  # of torch's own
def test_inductor_keeps_the_contract() -> None:
    """On the CPU by its C++, with the settings that it has on CUDA."""
    fused = FusedTorchBackend("cpu")
    x = fused.load(memoryview(VALUES.tobytes()), Dtype.F32, Dtype.F32)
    try:
        fused.store(x * 2.0, Dtype.F32)
    except MergecError as refusal:  # as on a machine without a C++ compiler
        pytest.skip(str(refusal))
    self_test(fused)
    for name in (
        "threefry",
        "in place",
        "divide",
        "narrow",
        "where",
        "magnitude_bits",
        "rotate_left",
    ):
        _hold(fused, name)


@on_cuda
def test_primitives_have_the_bits_of_the_reference_on_cuda() -> None:
    fused = get_backend("torch", "cuda")
    for name in EXACT:
        _hold(fused, name)


@on_cuda
def test_cuda_passes_the_self_test() -> None:
    self_test(get_backend("torch", "cuda"))


@on_cuda
def test_a_run_on_cuda_writes_what_the_reference_writes(tmp_path: Path) -> None:
    found = written(tmp_path, get_backend("torch", "cuda"), 4)
    assert found == written(tmp_path, get_backend("reference"), 1)


def written(folder: Path, computing: Backend, threads: int) -> bytes:
    """The weights of a run of `SPEC`."""
    plan = _planned(folder)
    budget = Budget(1 << 16, threads, 0, 8 << 30, 8 << 30)
    target = folder / f"out-{computing.name}-{threads}"
    origin = Origin("spec.merge", SPEC, computing.name, "cpu", {}, {})
    run_plan(plan, target, computing, budget, origin, left_out=("read_back",))
    return (target / "model.safetensors").read_bytes()


def _planned(folder: Path) -> Plan:
    if not (folder / "spec.merge").exists():
        write_family(folder)
        (folder / "spec.merge").write_text(SPEC)
    return compile_spec(folder / "spec.merge").plan


def _hold(computing: Backend, name: str) -> None:
    for dtype, x, y, row in cases(computing, name):
        expected = computed(REFERENCE, EXACT[name], dtype, x, y, row)
        found = computed(computing, EXACT[name], dtype, x, y, row)
        assert same(found, expected), (dtype, len(x), row, found, expected)
