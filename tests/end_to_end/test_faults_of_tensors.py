"""Tensors that do not fit each other, and tensors of unusual shapes and dtypes that do."""

import struct
from collections.abc import Mapping
from pathlib import Path

import pytest

from mergec.api import compile_spec
from mergec.catalog import Dtype, open_checkpoint
from tests.catalog.safetensors_bytes import Tensor
from tests.end_to_end.command_line import Mergec, refused, write_spec
from tests.toy_checkpoints import bf16, f32, write_checkpoint

LINEAR = ('a = model("./a")', 'b = model("./b")', "child = linear(a, b)")


def put(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> None:
    write_checkpoint(Path("a"), a)
    write_checkpoint(Path("b"), b)


def test_a_transposed_tensor_is_never_turned(mergec: Mergec) -> None:
    put({"w": bf16("a", (4, 6))}, {"w": bf16("b", (6, 4))})
    write_spec(*LINEAR)
    outcome = mergec("run", "spec.merge", "-o", "out")
    refused(outcome, "E402", 5)
    assert "`w` is bf16[4,6] in `./a` and bf16[6,4] in `./b` (axis 0: 4 against 6)" in outcome.err


def test_as_many_elements_are_no_equal_shape(mergec: Mergec) -> None:
    put({"w": bf16("a", (4, 6))}, {"w": bf16("b", (24,))})
    write_spec(*LINEAR)
    outcome = mergec("run", "spec.merge", "-o", "out")
    refused(outcome, "E402", 5)
    assert "(2 axes against 1)" in outcome.err


def test_a_tensor_that_only_one_source_has_is_counted(mergec: Mergec) -> None:
    put({"w": bf16("a", (4,))}, {"w": bf16("b", (4,)), "extra": bf16("c", (4,))})
    write_spec(*LINEAR)
    outcome = mergec("plan", "spec.merge")
    assert outcome.status == 0
    assert "- 1 tensors not used" in outcome.out


def test_f16_and_bf16_are_computed_in_f32(mergec: Mergec) -> None:
    half: Tensor = ("F16", [2], struct.pack("<2e", 1.0, 2.0))
    brain: Tensor = ("BF16", [2], struct.pack("<2H", 0x4000, 0x4040))  # 2 and 3
    put({"w": half}, {"w": brain})
    write_spec(*LINEAR)
    (row,) = compile_spec(Path("spec.merge")).plan.rows
    assert (row.work, row.dtype) == (Dtype.F32, Dtype.F16)
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    assert Path("out/model.safetensors").read_bytes()[-4:] == struct.pack("<2e", 1.5, 2.5)


@pytest.mark.parametrize(
    ("tensor", "code"),
    [
        (("BOOL", [2], b"\x00\x01"), "E406"),
        (("C64", [1], bytes(8)), "E403"),
        (("F8_E5M2", [2], bytes(2)), "E403"),
    ],
)
def test_what_is_no_float_is_not_computed_with(mergec: Mergec, tensor: Tensor, code: str) -> None:
    dtype, shape, held = tensor
    other: Tensor = (dtype, shape, bytes(reversed(held)))
    put({"w": tensor, "x": f32(1.0)}, {"w": other, "x": f32(2.0)})
    write_spec(*LINEAR)
    outcome = mergec("run", "spec.merge", "-o", "out")
    assert ({*outcome.codes}, outcome.status, outcome.made) == ({code}, 5, set())


def test_tensors_of_no_and_of_one_element(mergec: Mergec) -> None:
    nothing: Tensor = ("F32", [0, 3], b"")
    scalar: Tensor = ("F32", [], struct.pack("<f", 1.0))
    other: Tensor = ("F32", [], struct.pack("<f", 3.0))
    put({"none": nothing, "one": scalar}, {"none": nothing, "one": other})
    write_spec(*LINEAR[:2], "child = a + trim(b - a; density=1/2)")
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    found, _ = open_checkpoint(Path("out"))
    assert {name: entry.shape for name, entry in found.tensors.items()} == {
        "none": (0, 3),
        "one": (),
    }
    assert Path("out/model.safetensors").read_bytes()[-4:] == struct.pack("<f", 3.0)


def test_slerp_of_one_element(mergec: Mergec) -> None:
    put({"w": f32(1.0)}, {"w": f32(3.0)})
    write_spec(*LINEAR[:2], "child = slerp(a, b; t=0.5)")
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    assert Path("out/model.safetensors").read_bytes()[-4:] == struct.pack("<f", 2.0)


def test_a_tensor_larger_than_a_shard_has_its_own(mergec: Mergec) -> None:
    tensors = {"w": bf16("a", (64, 64)), "v": bf16("v", (4,)), "u": bf16("u", (4,))}
    put(tensors, tensors)
    write_spec(*LINEAR[:2], 'export linear(a, b) as "child" { shard = 1KB }')
    outcome = mergec("run", "spec.merge", "-o", "out")
    assert outcome.status == 0
    assert sum(path.endswith(".safetensors") for path in outcome.made) == 2


def experts(count: int) -> dict[str, Tensor]:
    return {f"layers.0.mlp.experts.{n}.w1.weight": bf16(str(n), (4, 4)) for n in range(count)} | {
        "norm.weight": bf16("norm", (4,))
    }


def test_other_experts_are_counted_and_not_listed(mergec: Mergec) -> None:
    put(experts(32), experts(8))
    write_spec(*LINEAR)
    outcome = mergec("check", "spec.merge")
    refused(outcome, "E401", 5)
    assert "lacks 24 of the 33 tensors" in outcome.err
    assert len(outcome.err.splitlines()) < 20


def test_fused_and_separate_projections(mergec: Mergec) -> None:
    fused = {"layers.0.self_attn.qkv_proj.weight": bf16("f", (12, 4))}
    apart = {f"layers.0.self_attn.{p}_proj.weight": bf16(p, (4, 4)) for p in "qkv"}
    put(fused, apart)
    write_spec(*LINEAR)
    refused(mergec("check", "spec.merge"), "E401", 5)


def test_hundreds_of_mismatches_are_three_and_a_count(mergec: Mergec) -> None:
    names = [f"layers.{n}.weight" for n in range(500)]
    put({n: bf16("a", (2,)) for n in names}, {n: bf16("b", (3,)) for n in names})
    write_spec(*LINEAR)
    outcome = mergec("check", "spec.merge")
    refused(outcome, "E402", 5)
    assert "500 tensors have another shape" in outcome.err
    assert "and 497 more" in outcome.err
    assert len(outcome.err.splitlines()) < 20
