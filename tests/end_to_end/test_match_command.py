"""`weight_match` from the command line: its plan, its run, its replay, its memory, its mistakes."""

import json
from math import prod
from pathlib import Path

import numpy as np
import pytest

from mergec.diagnostics import MergecError, SourceText
from mergec.ops.reorder_units import SOLVER
from mergec.plan import Plan, check_text, compile_text, fit_budget
from mergec.verify.trial.outline import outline
from tests.catalog.safetensors_bytes import Tensor, file_of
from tests.end_to_end.command_line import Mergec

UNITS = "layers.#.up[0], layers.#.down[1]"
SPEC = f"""\
a = model("./left")
b = model("./right")
child = weight_match(b, a; units="{UNITS}") |> linear(a)
"""
WIDTH, HIDDEN, LAYERS = 8, 12, 3


def write(folder: Path, seed: int, hidden: int = HIDDEN, order: object = None) -> None:
    """A network of `LAYERS` layers, the hidden units of each in this order."""
    random = np.random.default_rng(seed)
    tensors: dict[str, Tensor] = {"head": f32(random.normal(size=(3, WIDTH)))}
    for layer in range(LAYERS):
        up, down = random.normal(size=(hidden, WIDTH)), random.normal(size=(WIDTH, hidden))
        if order is not None:
            generator = np.random.default_rng(layer)
            places = generator.permutation(hidden)
            up, down = up[places], down[:, places]
        tensors |= {f"layers.{layer}.up": f32(up), f"layers.{layer}.down": f32(down)}
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(file_of(tensors))


def f32(x: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> Tensor:
    return "F32", [*x.shape], x.astype("<f4").tobytes()


def plan(root: Path, text: str = SPEC) -> Plan:
    return compile_text(SourceText("spec.merge", text), root).plan


def test_a_shuffled_network_is_planned_run_and_replayed(mergec: Mergec) -> None:
    write(Path("left"), 1)
    write(Path("right"), 1, order="shuffled")
    Path("spec.merge").write_text(SPEC)
    planned = mergec("plan", "spec.merge")
    assert planned.status == 0
    assert "  1-3  weight_match(b, a): reorder_units over 2 tensors in 1 pass, 49 MiB held" in (
        planned.out.splitlines()
    )
    ran = mergec("run", "spec.merge", "-o", "out")
    assert ran.status == 0, ran.err
    # The mean of a network and of its shuffled self, put back in order, is the network.
    assert weights(Path("out")) == weights(Path("left"))
    replayed = mergec("verify", "out", "--replay", "full")
    assert replayed.status == 0, replayed.out


def weights(folder: Path) -> dict[str, bytes]:
    """The bytes of every tensor."""
    file = (folder / "model.safetensors").read_bytes()
    size = int.from_bytes(file[:8], "little")
    header = json.loads(file[8 : 8 + size])
    return {
        name: file[8 + size + entry["data_offsets"][0] : 8 + size + entry["data_offsets"][1]]
        for name, entry in header.items()
        if name != "__metadata__"
    }


def test_what_is_held_counts(tmp_path: Path) -> None:
    """One layer at a time, both models in float64, and costs of every unit with every other."""
    hidden = 1500
    write(tmp_path / "left", 1, hidden)
    write(tmp_path / "right", 2, hidden)
    found = plan(tmp_path)
    (held,) = {barrier.held for barrier in found.barriers}
    tensor, costs = 8 * WIDTH * hidden, 8 * hidden * hidden
    assert 4 * tensor + 3 * costs < held - SOLVER < 10 * tensor + 8 * costs
    roomy = fit_budget(found, 1 << 30, 1, "reference")
    with pytest.raises(MergecError) as caught:
        fit_budget(found, held, 1, "reference")
    assert caught.value.diagnostics[0].code == "E601"
    assert roomy.peak > held


def test_a_plan_names_every_axis(tmp_path: Path) -> None:
    write(tmp_path / "left", 1)
    write(tmp_path / "right", 2)
    found = plan(tmp_path)
    assert [barrier.part for barrier in found.barriers] == [0, 1, 2]
    for barrier in found.barriers:
        assert dict(barrier.params) == {"seed": 0}
        axes = {reading.tensor.rsplit(".", 1)[1]: dict(reading.own) for reading in barrier.readings}
        assert axes == {
            "up": {"axes": ((0, HIDDEN, WIDTH),)},
            "down": {"axes": ((0, HIDDEN, 1),)},
        }


def test_without_units_it_says_what_to_write(mergec: Mergec) -> None:
    write(Path("left"), 1)
    write(Path("right"), 2)
    Path("spec.merge").write_text(SPEC.replace(f'; units="{UNITS}"', ""))
    outcome = mergec("plan", "spec.merge")
    assert outcome.status != 0
    assert "error[E414]: it is not known which units of this model may be reordered" in outcome.err
    assert 'units="fc1.weight[0], fc1.bias[0], fc2.weight[1]"' in outcome.err


@pytest.mark.parametrize("elements", [48, 1024])
def test_a_trial_keeps_heads_and_parts(tmp_path: Path, elements: int) -> None:
    """The small checkpoints of `mergec test` have as many heads, and parts of one size."""
    folder = {"qkv": (72, 20), "o": (20, 24), "gate_up": (60, 20), "down": (20, 30)}
    for name in ("left", "right"):
        tensors = {key: f32(np.zeros(shape)) for key, shape in folder.items()}
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(file_of(tensors))
    units = "qkv[0 / 3x6], o[1 / 6]; gate_up[0 / 2x], down[1]"
    text = SourceText("spec.merge", SPEC.replace(UNITS, units))
    compiled = compile_text(text, tmp_path)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    found = outline(check_text(text), compiled.plan.checkpoints, scratch, elements, 1)
    small = {name: row.shape for (_, name), row in found.rows.items()}
    assert small["qkv"][0] % 18 == 0
    assert small["o"][1] % 6 == 0
    assert small["gate_up"][0] == 2 * small["down"][1]
    assert small["down"][1] > 1
    assert prod(small["gate_up"]) <= max(elements, 2 * prod(small["down"]))
