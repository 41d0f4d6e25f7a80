"""What a run warns of: results that the numbers of some tensors give reason to doubt."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.end_to_end.command_line import Mergec
from tests.toy_checkpoints import f32, write_checkpoint

LABELS = "abcd"


def write(angles: Mapping[str, Sequence[float]]) -> None:
    """Tensors of two elements: for each the directions, in degrees, that the models have."""
    for number, label in enumerate(LABELS):
        tensors = {
            name: f32(math.cos(math.radians(each[number])), math.sin(math.radians(each[number])))
            for name, each in angles.items()
            if number < len(each)
        }
        if tensors:
            write_checkpoint(Path(label), tensors)


def run(mergec: Mergec, expression: str, *options: str) -> tuple[int, str]:
    """Exit status and what is said on standard error."""
    used = [label for label in LABELS if Path(label).exists()]
    head = "".join(f'{label} = model("./{label}")\n' for label in used)
    Path("spec.merge").write_text(f"{head}child = {expression}\n")
    done = mergec("run", "spec.merge", "-o", "out", "--backend", "reference", *options)
    return done.status, done.err


def test_directions_that_no_half_sphere_holds_are_told_once(mergec: Mergec) -> None:
    write({"v": (0, 110, 230), "w": (10, 130, 240), "x": (0, 30, 60)})
    status, said = run(mergec, "karcher(a, b, c; weights=[3, 2, 2])")
    assert status == 0
    assert said == (
        "warning[W801]: no half-sphere holds the directions of the operands' `v`, so that they may "
        "have several means\n"
        "  --> spec.merge:4:9\n"
        "   |\n"
        " 4 | child = karcher(a, b, c; weights=[3, 2, 2])\n"
        "   |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "   |\n"
        "   = note: the one near their average direction was taken, as `nlerp` gives it\n"
        "   = note: so it is in 1 more tensor\n"
        "   = help: write `nlerp`, which has one result, or leave out a model that points "
        "elsewhere\n"
        "\n"
        "1 warning\n"
    )


def test_a_quiet_run_says_nothing(mergec: Mergec) -> None:
    write({"v": (0, 110, 230)})
    assert run(mergec, "karcher(a, b, c; weights=[3, 2, 2])", "--quiet") == (0, "")


@pytest.mark.parametrize(
    ("angles", "weights"),
    [
        ((0, 60, -60), "[1, 1, 1]"),
        # Far from the mean, and still in one half-sphere with it.
        ((0, 120), "[9, 1]"),
        ((0, 170), "[9, 1]"),
        ((0, 179.9), "[9, 1]"),
        ((0, 100, 170), "[9, 1, 1]"),
        ((0, 0, 160, 160), "[9, 1, 1, 1]"),
    ],
)
def test_directions_in_one_half_sphere_are_no_reason(
    mergec: Mergec, angles: Sequence[float], weights: str
) -> None:
    write({"v": angles})
    used = ", ".join(LABELS[: len(angles)])
    assert run(mergec, f"karcher({used}; weights={weights})") == (0, "")
