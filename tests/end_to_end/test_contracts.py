"""Contracts on statistics: measured in the run's own sweeps, and nothing published if broken."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.end_to_end.command_line import Mergec, refused, write_spec
from tests.lineages import statement
from tests.toy_checkpoints import SHAPES, weights

PAIR = ('base = model("./base")', 'code = model("./code")')
HEAD = (*PAIR, 'math = model("./math")')
CHILD = "child = 0.5*base + 0.5*code"


def values(name: str) -> NDArray[np.float64]:
    """All weights of a member of the toy family."""
    raw = b"".join(weights(name)[tensor][2] for tensor in SHAPES)
    widened = [struct.unpack("<f", b"\0\0" + raw[i : i + 2])[0] for i in range(0, len(raw), 2)]
    return np.array(widened)


BASE, CODE, MATH = (values(name) for name in ("base", "code", "math"))
DISTANCE = float(np.linalg.norm(CODE - BASE)) / 2


def measures(folder: str) -> dict[str, Any]:
    return {each["kind"]: each["value"] for each in statement(folder).run["measures"]}


def test_contracts_that_hold_are_recorded_with_what_was_measured(mergec: Mergec) -> None:
    write_spec(
        *HEAD,
        CHILD,
        'require norm(child - base) < 100, "stay close"',
        'require cosine(code - base, math - base) < 0.9 and finite(child), "skills differ"',
        'require sign_conflict(code - base, math - base) <= 0.7, "skills agree"',
        'require sparsity(child) == 0, "nothing is lost"',
    )

    assert mergec("run", "spec.merge", "-o", "out").status == 0

    found = measures("out")
    code, math = CODE - BASE, MATH - BASE
    assert found == {
        "norm": pytest.approx(DISTANCE, rel=1e-6),
        "cosine": pytest.approx(code @ math / np.linalg.norm(code) / np.linalg.norm(math)),
        "finite": True,
        "sign_conflict": np.count_nonzero(code * math < 0) / len(code),
        "sparsity": 0.0,
    }
    first = statement("out").inner["contracts"][0]
    assert first == {"condition": "norm(child - base) < 100", "why": "stay close"}
    assert mergec("verify", "out", "--replay", "full").status == 0


def test_a_broken_contract_publishes_nothing_and_shows_the_numbers(mergec: Mergec) -> None:
    write_spec(*PAIR, CHILD, 'require norm(child - base) < 1, "stay close"')

    outcome = mergec("run", "spec.merge", "-o", "out")

    refused(outcome, "E816", 9)
    assert "`norm(child - base) < 1` does not hold" in outcome.err
    assert f"`norm(child - base)` is {DISTANCE:.4f}"[:-1] in outcome.err
    assert "stay close" in outcome.err


def test_all_broken_contracts_are_told_at_once(mergec: Mergec) -> None:
    write_spec(
        *PAIR,
        CHILD,
        'require norm(child - base) < 1, "stay close"',
        'require finite(child), "load"',
        'require sparsity(child) > 0.5, "be small"',
    )

    outcome = mergec("run", "spec.merge", "-o", "out")

    assert (outcome.status, outcome.codes, outcome.made) == (9, ["E816", "E816"], set())


def test_contracts_hold_for_all_exports_together(mergec: Mergec) -> None:
    """One that is broken keeps the other exports back, too."""
    write_spec(
        *HEAD,
        CHILD,
        "other = 0.5*base + 0.5*math",
        "export child",
        "export other",
        'require cosine(child, other) > 1, "never"',
    )

    refused(mergec("run", "spec.merge", "-o", "out"), "E816", 9)


@pytest.mark.parametrize(
    "child",
    [CHILD, "child = ties(base, code, math; density=0.3)", "child = code |> slerp(base, t=0.2)"],
)
def test_contracts_change_no_byte_of_the_weights(mergec: Mergec, child: str) -> None:
    asked = (
        'require norm(child - code) < 1000 and finite(child) and sparsity(math) < 1, "sound"',
        'require cosine(child, base) > -1 or norm(code) < 0, "alike"',
    )
    write_spec(*HEAD, child, "export child")
    assert mergec("run", "spec.merge", "-o", "plain").status == 0
    write_spec(*HEAD, child, "export child", *asked)
    assert mergec("run", "spec.merge", "-o", "out", "--threads", "3").status == 0

    same = "model.safetensors"
    assert Path("out", same).read_bytes() == Path("plain", same).read_bytes()


def test_backends_measure_the_same(mergec: Mergec) -> None:
    pytest.importorskip("torch")
    write_spec(
        *HEAD,
        "child = ties(base, code, math; density=0.3)",
        'require norm(child - base) < 1000 and cosine(child, base) > -1, "sound"',
        'require sign_conflict(child, base, code) < 1, "alike"',
    )
    for backend in ("reference", "torch"):
        assert mergec("run", "spec.merge", "-o", backend, "--backend", backend).status == 0

    assert measures("reference") == measures("torch")


def test_a_division_by_zero_breaks_the_contract(mergec: Mergec) -> None:
    write_spec(*PAIR, CHILD, 'require norm(child) / norm(code - code) < 5, "odd"')

    outcome = mergec("run", "spec.merge", "-o", "out")

    refused(outcome, "E816", 9)
    assert "divides by zero" in outcome.err
