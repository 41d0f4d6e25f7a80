"""`scope=global` on the command line: planned, run, replayed, and refused where it cannot be."""

from pathlib import Path

import pytest

from tests.catalog.safetensors_bytes import file_of
from tests.end_to_end.command_line import Mergec, refused, write_spec
from tests.toy_checkpoints import weights

HEAD = (
    'base = model("./base")',
    'code = model("./code")',
    'math = model("./math")',
)
CHILD = "child = ties(base, code, math; density=0.4, scope=global)"


@pytest.mark.parametrize("sample", ["full", "sample=2/3"])
def test_a_child_replays_in_whole_and_in_part(mergec: Mergec, sample: str) -> None:
    write_spec(*HEAD, CHILD)
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    done = mergec("verify", "out", "--replay", sample)
    said = "verified" if sample == "full" else "verified 2/3"
    assert (done.status, done.out.partition(":")[0]) == (0, said)


def test_a_plan_file_runs_as_its_spec(mergec: Mergec) -> None:
    write_spec(*HEAD, CHILD)
    assert mergec("plan", "spec.merge", "-o", "plan.json").status == 0
    for what, target in (("spec.merge", "out"), ("plan.json", "again")):
        assert mergec("run", what, "-o", target).status == 0
    weights = [Path(target, "model.safetensors").read_bytes() for target in ("out", "again")]
    assert weights[0] == weights[1]


def test_a_threshold_that_differs_from_tensor_to_tensor_is_refused(mergec: Mergec) -> None:
    varied = 'density=match { "norm.*" => 0.5, else => 0.4 }'
    write_spec(*HEAD, CHILD.replace("density=0.4", varied))
    refused(mergec("run", "spec.merge", "-o", "out"), "E216", 3)


def test_exports_that_ask_by_names_of_two_kinds_are_refused(mergec: Mergec) -> None:
    for name in ("code", "math"):
        tensors = {f"tower.{each}": tensor for each, tensor in weights(name).items()}
        Path(f"{name}.safetensors").write_bytes(file_of(tensors, {"format": "pt"}))
    write_spec(
        'base = model("./base")',
        'code = model("./code.safetensors")',
        'math = model("./math.safetensors")',
        "moved = trim(code - math; density=0.5, scope=global)",
        'export (base + moved) as "child"',
        'export delta moved as "moved"',
    )
    outcome = mergec("plan", "spec.merge")
    assert (outcome.status, outcome.codes) == (5, ["E404", "W301"])
    assert "asked for by names of two kinds" in outcome.err
