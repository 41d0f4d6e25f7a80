"""What the donor decides: names, shapes, dtypes and buffers, whether or not its values are read."""

from pathlib import Path

import pytest

from mergec.catalog import Dtype
from mergec.diagnostics import MergecError, SourceText
from mergec.plan import Plan, compile_text
from tests.catalog.safetensors_bytes import Tensor
from tests.toy_checkpoints import bf16, f32, integers, write_checkpoint

_CANCELLED = "base + 0.5*(code - base) + 0.5*(math - base)"
_COPIED = "base + (code - base)"
_IDS: Tensor = integers("I64", 0, 1)


def plan_of(expression: str, root: Path) -> Plan:
    names = [name for name in ("base", "code", "math") if name in expression]
    text = "".join(f'{name} = model("./{name}")\n' for name in names)
    return compile_text(SourceText("child.merge", f"{text}child = {expression}\n"), root).plan


@pytest.mark.parametrize("expression", [_CANCELLED, _COPIED])
def test_a_base_that_cancels_still_has_the_shapes(expression: str, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "base", {"w": bf16("base", (4, 4))})
    for name in ("code", "math"):
        write_checkpoint(tmp_path / name, {"w": bf16(name, (2, 8))})

    with pytest.raises(MergecError) as caught:
        plan_of(expression, tmp_path)

    assert {found.code for found in caught.value.diagnostics} == {"E402"}
    assert "`./base`" in caught.value.diagnostics[0].message


@pytest.mark.parametrize(
    ("expression", "action"),
    [(_CANCELLED, "merge"), (_COPIED, "cast"), ("slerp(base, code, t=1)", "cast")],
)
def test_the_output_has_the_dtype_of_the_base(expression: str, action: str, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "base", {"w": f32(1.0, 2.0)})
    for name in ("code", "math"):
        write_checkpoint(tmp_path / name, {"w": bf16(name, (2,))})

    (row,) = plan_of(expression, tmp_path).rows

    assert (row.action, row.dtype) == (action, Dtype.F32)


def test_bookkeeping_is_the_bases_though_the_weights_are_anothers(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "base", {"position_ids": _IDS, "w": bf16("base", (2,))})
    write_checkpoint(tmp_path / "code", {"w": bf16("code", (2,))})

    plan = plan_of(_COPIED, tmp_path)

    assert {row.tensor: row.labels for row in plan.rows} == {
        "position_ids": ("./base",),
        "w": ("./code",),
    }
    assert {source.decl.label: source.unused for source in plan.sources} == {
        "./base": 1,  # its weights cancel
        "./code": 0,
    }
