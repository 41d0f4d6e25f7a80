"""Planning takes steps in proportion to what is planned: counted, not timed."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from mergec.catalog import Dtype
from mergec.diagnostics import SourceText
from mergec.plan import Plan, compile_text, encode_plan, fit_budget, review
from mergec.plan.steps import plan_steps
from tests.catalog.safetensors_bytes import Tensor
from tests.toy_checkpoints import write_checkpoint

SOURCES = "".join(f'{name} = model("./{name}")\n' for name in ("base", "a", "b", "c", "d"))
PARTS = ("self_attn.q_proj", "self_attn.o_proj", "mlp.up_proj", "mlp.down_proj", "input_layernorm")
# Twice as much may take twice the steps, and some more for what is looked at once.
MOST = 2.1


def write_models(root: Path, names: list[str]) -> Path:
    """The five sources, with one small tensor for each name."""
    tensors: dict[str, Tensor] = {name: ("BF16", [2], bytes(4)) for name in names}
    for source in ("base", "a", "b", "c", "d"):
        write_checkpoint(root / source, tensors)
    return root


def layered(tensors: int) -> list[str]:
    """Names of tensors in layers, as a model for text has them."""
    layers = tensors // len(PARTS)
    return [f"model.layers.{layer}.{part}.weight" for layer in range(layers) for part in PARTS]


def odd(tensors: int) -> list[str]:
    """Names that no family has, without roles and layers."""
    return [f"blob_{number}.w" for number in range(tensors)]


def everything(text: str, root: Path) -> None:
    """Plan, project, print and encode, as the command does."""
    plan = compile_text(SourceText("spec.merge", text), root).plan
    budget = fit_budget(plan, 1 << 40, 2, "reference")
    review(plan, budget)
    encode_plan(plan, budget, "spec.merge", text, {}, {})


def calls_of(work: Callable[[], object]) -> int:
    """How many functions, of Python and of C, are called meanwhile."""
    count = 0

    def counting(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counting)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


SPECS = {
    "linear": "child = linear(a, b, c, d)\n",
    "ties and slerp": "child = ties(base, a, b, c; density=0.3) |> slerp(d, t=0.5)\n",
    "ramp": "child = slerp(base, a, t=ramp(0.1, 0.9))\n",
    "match": 'child = match { "*proj*" => slerp(base, a, t=0.5), else => linear(base, a) }\n',
    "all tensors": "child = base + (a - base |> trim(density=0.5, scope=global))\n",
    "contract": 'child = linear(a, b)\nrequire norm(child - a) < 1, "near"\nexport child\n',
    "two exports": "x = linear(a, b)\ny = slerp(a, b, t=0.5)\nexport x\nexport y\n",
    "masks": "child = base + dare(a - base, density=0.5)\n",
}


@pytest.mark.parametrize("names", [layered, odd])
@pytest.mark.parametrize("spec", SPECS)
def test_twice_the_tensors_take_twice_the_steps(
    spec: str, names: Callable[[int], list[str]], tmp_path: Path
) -> None:
    once, twice = (write_models(tmp_path / str(n), names(n)) for n in (100, 200))
    text = SOURCES + SPECS[spec]
    everything(text, once)  # so that what is remembered and imported is there
    counts = [calls_of(partial(everything, text, root)) for root in (once, twice)]
    assert counts[1] < MOST * counts[0], counts


def test_twice_the_chain_takes_twice_the_steps(tmp_path: Path) -> None:
    root = write_models(tmp_path, odd(1))

    def chain(length: int) -> str:
        links = [f"x{i} = slerp(x{i - 1}, {'ab'[i % 2]}, t=0.5)\n" for i in range(1, length + 1)]
        return SOURCES + "x0 = a\n" + "".join(links)

    everything(chain(2), root)
    counts = [calls_of(partial(everything, chain(n), root)) for n in (60, 120)]
    assert counts[1] < MOST * counts[0], counts


@pytest.mark.parametrize("weight", ["0.5", "{}/100"], ids=["equal", "different"])
def test_twice_the_exports_take_twice_the_steps(weight: str, tmp_path: Path) -> None:
    root = write_models(tmp_path, odd(2))

    def exports(number: int) -> str:
        lines = [f"e{i} = slerp(a, b, t={weight.format(i + 1)})\n" for i in range(number)]
        return SOURCES + "".join([*lines, *(f"export e{i}\n" for i in range(number))])

    everything(exports(2), root)
    counts = [calls_of(partial(everything, exports(n), root)) for n in (40, 80)]
    assert counts[1] < MOST * counts[0], counts


def plan_of(root: Path, text: str) -> Plan:
    return compile_text(SourceText("spec.merge", SOURCES + text), root).plan


CONTRACT = 'require norm(child - base) < 100, "near"\n'


def test_what_a_contract_measures_is_read_with_what_is_written(tmp_path: Path) -> None:
    """For an output of more precision too, whose blocks are of a wider dtype."""
    root = write_models(tmp_path, odd(3))
    plan = plan_of(root, f"child = linear(a, b)\n{CONTRACT}export child {{ dtype = f32 }}\n")

    assert {row.work for row in plan.rows} == {Dtype.F64}
    assert {reading.work for reading in plan.readings} == {Dtype.F64}
    assert [len(step.outputs) for step in plan_steps(plan)] == [1, 1, 1]
    assert plan.bytes_read == 3 * 3 * 4  # base, a and b, each once


def test_of_rows_of_two_dtypes_a_contract_is_read_with_those_of_the_inputs(tmp_path: Path) -> None:
    root = write_models(tmp_path, odd(1))
    text = (
        f'child = linear(a, b)\n{CONTRACT}export child\nexport child as "wide" {{ dtype = f32 }}\n'
    )
    plan = plan_of(root, text)

    assert [row.work for row in plan.rows] == [Dtype.F32, Dtype.F64]
    assert [reading.work for reading in plan.readings] == [Dtype.F32]
