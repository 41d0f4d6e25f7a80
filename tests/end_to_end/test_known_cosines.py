"""`mergec compare` on task vectors whose angles, norms and conflicts are known by construction."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.end_to_end.command_line import Mergec
from tests.toy_checkpoints import f32, write_checkpoint

# Sums with small integers are exact in f32, so that every figure is a fraction of whole numbers.
BASE = {"layers.0.w": (8, 8, 8, 8), "layers.1.w": (4, 4, 4, 4)}
A = {"layers.0.w": (3, 4, 0, 0), "layers.1.w": (1, -1, 1, 0)}
B = {"layers.0.w": (4, 3, 0, 0), "layers.1.w": (1, 1, -1, 0)}


def write(name: str, *parts: Mapping[str, Sequence[int]], prefix: str = "") -> None:
    sums = {key: map(sum, zip(*(it[key] for it in parts), strict=True)) for key in BASE}
    write_checkpoint(Path(name), {f"{prefix}{key}": f32(*sums[key]) for key in BASE})


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_the_angle_between_two_task_vectors(mergec: Mergec, prefix: str) -> None:
    """3·4 + 4·3 of 5·5, and 1 - 1 - 1 of 3: also where a model names its tensors by a prefix."""
    write("start", BASE)
    write("a", BASE, A)
    write("b", BASE, B, prefix=prefix)
    found = mergec("compare", "./a", "./b", "--base", "./start", "--json", "--quiet")
    document = json.loads(found.out)
    first, second = document["layers"]
    assert first["cosine"] == pytest.approx(24 / 25, abs=1e-15)
    assert second["cosine"] == pytest.approx(-1 / 3, abs=1e-15)
    whole = document["all"]
    assert whole["cosine"] == pytest.approx(23 / 28, abs=1e-15)
    assert whole["delta_a"] == whole["delta_b"] == pytest.approx(28**0.5, abs=1e-14)
    assert whole["conflicts"] == pytest.approx(2 / 5, abs=1e-15)
    assert whole["zeros_a"] == pytest.approx(3 / 8, abs=1e-15)


def test_the_angle_between_two_models(mergec: Mergec) -> None:
    write("a", A)
    write("b", B)
    whole = json.loads(mergec("compare", "./a", "./b", "--json", "--quiet").out)["all"]
    assert whole["cosine"] == pytest.approx(23 / 28, abs=1e-15)
