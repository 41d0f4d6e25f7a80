"""An operator of a plugin file is checked, planned, run, verified and explained like a built-in."""

import json
import sys
from pathlib import Path

import pytest

from mergec import api
from mergec.backends import installed_backends
from mergec.diagnostics import MergecError
from mergec.ops import OPERATORS
from tests.end_to_end.command_line import Mergec, mergec, refused, write_spec
from tests.lineages import statement
from tests.plugin.plugin_files import SAMENORM, SOFTMEAN, one

__all__ = ["mergec"]

HEAD = ('base = model("./base")', 'code = model("./code")', 'math = model("./math")')
BOTH = ("--plugin", "softmean.py", "--plugin", "samenorm.py")
BACKENDS = [name for name in installed_backends() if name != "reference"]


@pytest.fixture
def two(mergec: Mergec) -> Mergec:
    Path("softmean.py").write_text(SOFTMEAN)
    Path("samenorm.py").write_text(SAMENORM)
    write_spec(
        *HEAD,
        'mean = softmean(base, code, math; sharpness=match { "*.mlp.*" => 0, else => 2.5 })',
        "child = samenorm(mean, code; t=1/4)",
        "export child { dtype = f32 }",
    )
    return mergec


def test_a_spec_alone_runs_no_plugin(two: Mergec) -> None:
    outcome = two("check", "spec.merge")
    assert (outcome.status, {*outcome.codes}) == (3, {"E202"})
    assert two("check", "spec.merge", "--spec-only", *BOTH).status == 0
    assert "softmean" not in OPERATORS


@pytest.mark.parametrize(
    "backend",
    [case if case != "jax" else pytest.param(case, marks=pytest.mark.slow) for case in BACKENDS],
)
def test_every_backend_gives_the_same_bytes_and_the_result_replays(
    backend: str, two: Mergec
) -> None:
    for name in ("reference", backend):
        given = ("-o", f"by-{name}", "--backend", name, *BOTH)
        outcome = two("run", "spec.merge", *given)
        assert outcome.status == 0, outcome.err
    outcome = two("verify", f"by-{backend}", "--replay", "full", *BOTH)
    assert outcome.out.startswith("verified: 4 tensors checked, 4 recomputed")
    weights = [Path(f"by-{name}", "model.safetensors") for name in ("reference", backend)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_plan_says_which_plugins_it_needs(two: Mergec) -> None:
    planned = two("plan", "spec.merge", "-o", "plan.json", *BOTH)
    assert "\nplugins\n  samenorm.3  from the file `samenorm.py`, SHA-256 " in planned.out
    plan = json.loads(Path("plan.json").read_text())["plan"]
    names = ("operator", "revision", "interface", "file", "distribution", "version")
    assert [[row[name] for name in names] for row in plan["plugins"]] == [
        ["samenorm", 3, 1, "samenorm.py", None, None],
        ["softmean", 1, 1, "softmean.py", None, None],
    ]
    assert two("run", "plan.json", "-o", "out", *BOTH).status == 0
    assert statement("out").inner["plugins"] == plan["plugins"]


def test_a_plan_and_a_replay_refuse_another_plugin_or_none(two: Mergec) -> None:
    two("plan", "spec.merge", "-o", "plan.json", *BOTH)
    two("run", "plan.json", "-o", "out", "-q", *BOTH)
    absent = two("run", "plan.json", "-o", "other", *BOTH[:2])
    refused(absent, "E810", 10)
    assert "`plan.json` was made with the plugin operator `samenorm`, which" in absent.err
    assert "add `--plugin samenorm.py`" in absent.err
    Path("changed.py").write_text(SAMENORM + "# the same, and a comment\n")
    changed = (*BOTH[:2], "--plugin", "changed.py")
    refused(two("run", "plan.json", "-o", "other", *changed), "E810", 10)
    replayed = two("verify", "out", "--replay", "full", *changed)
    assert (replayed.status, replayed.codes) == (14, ["E810"])
    assert two("verify", "out").status == 0  # its digests need no plugin


def test_the_class_of_a_result_follows_from_what_is_recorded(mergec: Mergec) -> None:
    bodies = {"return x * 0.5": "P", "return x * 0.3": "M"}
    write_spec(*HEAD[:2], "child = base + mine(code - base)")
    for body, exactness in bodies.items():
        Path("mine.py").write_text(one(body))
        planned = mergec("plan", "spec.merge", "--plugin", "mine.py")
        assert f"class {exactness}\n" in planned.out
    Path("mine.py").write_text(one("return xp.tanh(x)", approximate="True"))
    assert "class T\n" in mergec("plan", "spec.merge", "--plugin", "mine.py").out


def test_a_call_is_checked_as_that_of_a_built_in_operator(two: Mergec) -> None:
    for call, code in (
        ("softmean(base, code; sharpness=-1)", "E203"),
        ("softmean(base, code; sharp=1)", "E204"),
        ("samenorm(base, code)", "E205"),
        ("samenorm(base, code; t=true)", "E206"),
        ("samenorm(base; t=0.5)", "E209"),
        ("samenorm(base, code - base; t=0.5)", "E306"),
    ):
        write_spec(*HEAD[:2], f"child = {call}")
        outcome = two("check", "spec.merge", "--spec-only", *BOTH)
        assert outcome.codes == [code], outcome.err


def test_a_kernel_that_fails_for_some_parameters_is_told_with_the_call(mergec: Mergec) -> None:
    by = '[parameter("by", "a divisor", default=1)]'
    text = one("return x * (1 / by)", parameters=by).replace("(xp, x)", "(xp, x, *, by)")
    Path("mine.py").write_text(text)
    write_spec(*HEAD[:2], "child = base + mine(code - base; by=0)")
    outcome = mergec("run", "spec.merge", "-o", "out", "--plugin", "mine.py")
    refused(outcome, "E818", 6)
    assert "`mine` raised ZeroDivisionError: float division by zero" in outcome.err
    assert "spec.merge:3:37" in outcome.err


def test_a_kernel_that_fails_for_some_operands_is_told_with_its_plugin(mergec: Mergec) -> None:
    text = SOFTMEAN.replace(
        "total = sum", "deltas[0], deltas[3] if len(deltas) > 2 else 0\n    total = sum"
    )
    Path("mine.py").write_text(text)
    write_spec(*HEAD, 'more = model("./instruct")', "child = softmean(base, code, math, more)")
    outcome = mergec("run", "spec.merge", "-o", "out", "--plugin", "mine.py")
    refused(outcome, "E818", 6)
    assert "called with 3 operands and sharpness=1" in outcome.err
    assert "the plugin is the file `mine.py`" in outcome.err


def test_a_result_that_depends_on_parameters_must_be_an_array(mergec: Mergec) -> None:
    keep = '[parameter("keep", "keep it", kind="bool", default=True)]'
    text = one("return x if keep else None", parameters=keep)
    Path("mine.py").write_text(text.replace("(xp, x)", "(xp, x, *, keep)"))
    write_spec(*HEAD[:2], "child = base + mine(code - base; keep=false)")
    outcome = mergec("check", "spec.merge", "--plugin", "mine.py")
    assert (outcome.status, outcome.codes) == (6, ["E819"])


def test_a_result_too_large_is_told_as_that_of_a_built_in(mergec: Mergec) -> None:
    Path("mine.py").write_text(one("return x / (x - x)"))
    write_spec(*HEAD[:2], "child = base + mine(code - base)")
    refused(mergec("run", "spec.merge", "-o", "out", "--plugin", "mine.py"), "E806", 9)


def test_it_is_explained_and_listed(two: Mergec) -> None:
    page = two("explain", "samenorm", *BOTH).out
    assert page.startswith("samenorm(x1, x2; t)\n\nTakes operands of one mass")
    assert "Computes   of 2 operands at t=1/2, as recorded:\n" in page
    assert "sqrt(sum(x1 * x1))" in page
    assert "\nsoftmean " in two("ops", *BOTH).out
    table = {row["name"]: row["plugin"] for row in json.loads(two("ops", "--json", *BOTH).out)}
    assert table["softmean"]["file"] == "softmean.py"
    assert table["ties"] is None


def test_it_is_expanded_and_formatted(two: Mergec) -> None:
    expanded = two("expand", "spec.merge", *BOTH).out
    assert "softmean(" in expanded
    assert "samenorm(" in expanded
    assert two("fmt", "spec.merge", "--check").status in (0, 1)


def test_a_plugin_that_cannot_be_used_stops_every_command(mergec: Mergec) -> None:
    Path("bad.py").write_text("raise ValueError('no\\nmore')\n")
    for command in (
        ("check", "spec.merge"),
        ("plan", "spec.merge"),
        ("run", "spec.merge", "-o", "out"),
        ("expand", "spec.merge"),
        ("explain", "ties"),
        ("ops",),
    ):
        outcome = mergec(*command, "--plugin", "bad.py")
        refused(outcome, "E606", 6)
        assert "raised ValueError: no while it was loaded" in outcome.err
        assert "bad.py:1:1" in outcome.err


def test_a_parameter_named_t_is_no_position(two: Mergec) -> None:
    write_spec(*HEAD[:2], "child = samenorm(base, code; t=0)")
    assert two("check", "spec.merge", "--spec-only", *BOTH).codes == []


def test_the_python_interface_loads_for_a_block(two: Mergec) -> None:
    with api.plugins([Path("softmean.py"), Path("samenorm.py")]):
        assert api.check_spec(Path("spec.merge")) == ()
    with pytest.raises(MergecError):
        api.check_spec(Path("spec.merge"))


def test_a_loaded_file_leaves_no_trace(two: Mergec) -> None:
    before = [*sys.path]
    two("check", "spec.merge", *BOTH)
    assert sys.path == before
    assert not Path("__pycache__").exists()
