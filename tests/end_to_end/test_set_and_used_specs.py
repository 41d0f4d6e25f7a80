"""Parameters given from outside and used specs travel with plans and results."""

import json
from copy import deepcopy
from pathlib import Path

import pytest

from tests.end_to_end.command_line import Mergec, write_spec
from tests.lineages import document, external, statement, write

LINES = (
    'use "lib/common.merge" as common',
    'base = model("./base")',
    "param skill: model",
    "param t: number = 0.5 from 0 to 1",
    "child = common.halfway(base, skill) |> slerp(skill, t=t)",
)
FILES = ("model.safetensors", "config.json", "README.md")


@pytest.fixture
def specs(mergec: Mergec) -> Mergec:
    Path("lib").mkdir()
    Path("lib/common.merge").write_text("def halfway(a, b) = 0.5*a + 0.5*b\n")
    write_spec(*LINES)
    return mergec


def weights(folder: str) -> bytes:
    return Path(folder, "model.safetensors").read_bytes()


def test_a_result_is_verified_when_spec_and_library_are_gone(specs: Mergec) -> None:
    assert (
        specs("run", "spec.merge", "-o", "out", "--set", "skill=./code", "--set", "t=1/3").status
        == 0
    )
    assert statement("out").spec == {
        "name": "spec.merge",
        "text": "\n".join(LINES) + "\n",
        "set": {"skill": "./code", "t": "1/3"},
        "imports": {"lib/common.merge": "def halfway(a, b) = 0.5*a + 0.5*b\n"},
    }
    card = Path("out/README.md").read_text()
    assert "t = 1/3" in card
    assert "`lib/common.merge`" in card
    for path in (Path("lib/common.merge"), Path("spec.merge")):
        path.unlink()

    outcome = specs("verify", "out", "--replay", "full")

    assert (outcome.status, outcome.out) == (0, "verified: 4 tensors checked, 4 recomputed\n")


def test_a_plan_keeps_what_it_was_given(specs: Mergec) -> None:
    given = ("--set", "skill=./code", "--set", "t=0.25")
    assert specs("run", "spec.merge", "-o", "out", *given).status == 0
    assert specs("plan", "spec.merge", "-o", "plan.json", *given).status == 0
    Path("lib/common.merge").unlink()

    assert specs("run", "plan.json", "-o", "again").status == 0

    for name in FILES:
        assert Path("again", name).read_bytes() == Path("out", name).read_bytes()


def test_a_plan_is_fixed(specs: Mergec) -> None:
    assert specs("plan", "spec.merge", "-o", "plan.json", "--set", "skill=./code").status == 0

    outcome = specs("run", "plan.json", "-o", "out", "--set", "t=0.1")

    assert (outcome.status, outcome.made) == (2, set())
    assert "a plan is fixed" in outcome.err


def test_paths_start_where_they_are_written(specs: Mergec, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the command line in the shell's folder, in a file in the file's."""
    Path("settings").mkdir()
    Path("settings/one.toml").write_text('skill = "../code"\nt = 0.25\n')
    assert specs("run", "spec.merge", "-o", "file", "--params", "settings/one.toml").status == 0
    monkeypatch.chdir("lib")
    given = ("--set", "skill=../code", "--set", "t=0.25")
    assert specs("run", "../spec.merge", "-o", "../option", *given).status == 0
    monkeypatch.chdir("..")

    assert weights("file") == weights("option")
    for folder in ("file", "option"):
        assert statement(folder).spec["set"]["skill"] == "./code"


def test_a_damaged_set_is_no_crash(specs: Mergec) -> None:
    assert specs("plan", "spec.merge", "-o", "plan.json", "--set", "skill=./code").status == 0
    assert specs("run", "plan.json", "-o", "out").status == 0
    plan = json.loads(Path("plan.json").read_text())
    known = document("out")
    values: tuple[object, ...] = (None, 1, "text", [], {}, {"a": 1}, {"t": "x"}, {"skill": "./no"})
    for value in values:
        for member in ("set", "imports"):
            spec = {**plan["spec"], member: value}
            Path("plan.json").write_text(json.dumps({**plan, "spec": spec}))
            assert specs("run", "plan.json", "-o", "other").status not in (0, 70), (member, value)
            changed = deepcopy(known)
            external(changed)["spec"][member] = value
            write("out", changed)
            assert specs("verify", "out", "--replay", "full").status in (4, 14), (member, value)
