"""`mergec expand`: the printed spec runs to the same bytes, and the normal form is readable."""

from pathlib import Path

import pytest

from tests.end_to_end.command_line import Mergec, refused, write_spec

LINES = (
    'use "lib/common.merge" as common',
    'use "std:classic" as std',
    'base = model("./base")',
    "param skill: model",
    "param t: number = 0.5 from 0 to 1",
    "both = std.dare_ties(base, skill, math_of.math; seed=3)",
    "child = common.halfway(both, skill) |> slerp(skill, t=t)",
    'require finite(child), "it can be used"',
)


@pytest.fixture
def specs(mergec: Mergec) -> Mergec:
    Path("lib").mkdir()
    Path("lib/common.merge").write_text("def halfway(a, b) = 0.5*a + 0.5*b\n")
    Path("lib/math.merge").write_text('math = model("../math")\n')
    write_spec('use "lib/math.merge" as math_of', *LINES)
    return mergec


def test_the_expansion_runs_to_the_same_bytes(specs: Mergec) -> None:
    given = ("--set", "skill=./code", "--set", "t=1/3")
    expanded = specs("expand", "spec.merge", *given)
    assert (expanded.status, expanded.codes, expanded.made) == (0, [], set())
    assert expanded.out.startswith(
        'math  = model("./math")\nbase  = model("./base")\nskill = model("./code", id="skill")\n\n'
    )
    assert "std" not in expanded.out
    assert "common" not in expanded.out
    Path("expanded.merge").write_text(expanded.out)
    assert specs("fmt", "--check", "expanded.merge").status == 0
    assert specs("run", "spec.merge", "-o", "one", *given).status == 0
    assert specs("run", "expanded.merge", "-o", "other").status == 0
    one, other = (Path(out, "model.safetensors").read_bytes() for out in ("one", "other"))
    assert one == other


def test_values_may_come_from_a_file(specs: Mergec) -> None:
    Path("values.toml").write_text('skill = "./code"\nt = 0.25\n')
    given = ("--set", "skill=./code", "--set", "t=1/4")
    from_file = specs("expand", "spec.merge", "--params", "values.toml")
    assert from_file.out == specs("expand", "spec.merge", *given).out


def test_no_source_is_looked_at(mergec: Mergec) -> None:
    write_spec('base = model("./nowhere")', "export base")
    expanded = mergec("expand", "spec.merge")
    assert (expanded.status, expanded.out) == (
        0,
        'base = model("./nowhere")\n\nexport base as "base"\n',
    )
    refused(mergec("expand", "spec.merge", "--normal"), "E701", 4)


def test_mistakes_and_warnings_are_those_of_the_spec(mergec: Mergec) -> None:
    write_spec('base = model("./base")', "child = linear(base, cod)")
    refused(mergec("expand", "spec.merge"), "E201", 3)
    write_spec('base = model("./base")', 'code = model("./code")', "export base")
    expanded = mergec("expand", "spec.merge")
    assert (expanded.status, expanded.codes) == (0, ["W201"])
    assert expanded.out == 'base = model("./base")\n\nexport base as "base"\n'


def test_what_no_spec_can_hold_is_refused(mergec: Mergec) -> None:
    write_spec(
        'base = model("./base")',
        f"def tower(x) = stack({', '.join(['x'] * 500)})",
        *(f"x{i} = tower(base[{i}..])" for i in range(101)),
        f"child = linear({', '.join(f'x{i}' for i in range(101))})",
    )
    refused(mergec("expand", "spec.merge"), "E107", 3)


def test_the_normal_form_shows_what_is_computed_for_which_tensors(mergec: Mergec) -> None:
    write_spec(
        'base = model("./base")',
        'code = model("./code")',
        "task = match { layers(0..1) & mlp => 0.5*(code - base), else => base - base }",
        "child = match { norm => base, else => base + trim(task, density=0.5) }",
    )
    found = mergec("expand", "spec.merge", "--normal")
    assert (found.status, found.codes, found.made) == (0, [], set())
    assert found.out == (
        "child: 2 tensors, embed.weight, layers.1.mlp.weight\n"
        "  %0 = 0*base\n"
        "  %1 = trim(%0; density=0.5, rescale=none, ties=index)\n"
        "  child = base + %1\n\n"
        "child: 1 tensor, layers.0.mlp.weight\n"
        "  %0 = -0.5*base + 0.5*code\n"
        "  %1 = trim(%0; density=0.5, rescale=none, ties=index)\n"
        "  child = base + %1\n\n"
        "child: 1 tensor, norm.weight\n"
        "  child = base\n"
    )
