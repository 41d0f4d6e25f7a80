"""`mergec export mergekit`: recipes that mean what the spec does, and what none can say."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.cli.main import run_command
from mergec.diagnostics import MergecError, SourceText
from mergec.elaborate import Bundle, Elaborated, elaborate
from mergec.recipes import Folders, Recipe, export_mergekit, import_mergekit
from mergec.syntax import parse_spec
from tests.peers.recipe_table import RECIPES

HERE = Folders(Path(), Path())
SOURCES = "".join(f'{name} = model("./{name}")\n' for name in ("base", "a", "b"))
HEAD = f'use "std:mergekit" as mk\n{SOURCES}'


def checked(text: str) -> Elaborated:
    source = SourceText("child.merge", text)
    return elaborate(parse_spec(source).spec, Bundle(source, Path()))


def exported(text: str) -> Recipe:
    return export_mergekit(checked(text), HERE)


def imported(recipe: str) -> str:
    return import_mergekit(SourceText("recipe.yml", recipe), HERE).text


def outputs(text: str) -> object:
    return checked(text).graph.outputs


@pytest.mark.slow
def test_recipes_that_were_imported_are_exported_with_the_same_meaning() -> None:
    for recipe in RECIPES:
        spec = imported(recipe.text)
        assert outputs(imported(exported(spec).text)) == outputs(spec), recipe.name


NUMBERS = st.sampled_from(
    [
        *("0.25", "1", "0.3"),
        'match { "*mlp*" => 0.5, else => 0.75 }',
        'match { "*lm_head*" => 0.5, "*mlp*" => ramp(0.25, 0.5), else => 1 }',
        "match { layers(0..) => ramp(0.25, 1), else => 0.25 }",
    ]
)


@st.composite
def calls(draw: st.DrawFn, cut: str = "") -> str:
    """A call of `std:mergekit` over models, or over the same layers of each."""
    one, two = draw(NUMBERS), draw(NUMBERS)
    base, a, b = (f"{name}{cut}" for name in ("base", "a", "b"))
    forms = (
        f"mk.slerp({base}, {a}; t={one})",
        f"mk.ties({base}, {a}, {b}; weights=[{one}, {two}], density=0.5, scale=1/2)",
        f'mk.ties({base}, {a}, {b}; weights=1, density=[{one}, 1], agg="sum")',
        f"mk.task_arithmetic({base}, {a}, {b}; weights=[{one}, -0.5], scale={two})",
        f"mk.dare_linear({base}, {a}; weights={one}, density={two})",
        f"mk.breadcrumbs_ties({base}, {a}, {b}; weights={one}, density=0.5, gamma=0.1)",
        f"mk.linear({a}, {b}; weights=[{one}, 2])",
        f"mk.sce({base}, {a}, {b}; tau={one})",
        f'mk.model_stock({base}, {a}, {b}; scope="row")',
        f"mk.ramplus_tl({base}, {a}, {b}; alpha=0.3)",
        f"{base} + mk.nuslerp({a} - {base}, {b} - {base}; weights=[3, 1])",
        f"mk.karcher({a}, {b}, {base})",
    )
    return draw(st.sampled_from(forms))


@st.composite
def specs(draw: st.DrawFn) -> str:
    """One call; two stacked; or one merged on."""
    shape = draw(st.sampled_from(("whole", "stacked", "copied", "stage")))
    if shape == "whole":
        return f"{HEAD}child = {draw(calls())}\n"
    if shape == "stage":
        return f"{HEAD}inner = {draw(calls())}\nchild = mk.nearswap(inner, a; limit=0.1)\n"
    first = draw(calls("[0..2]"))
    second = "b[1..4]" if shape == "copied" else draw(calls("[2..4]"))
    return f"{HEAD}low = {first}\nhigh = {second}\nchild = low ++ high\n"


@pytest.mark.slow
@given(specs())
def test_what_is_exported_is_imported_with_the_same_meaning(spec: str) -> None:
    once = imported(exported(spec).text)
    if "++" not in spec:  # else a part may come back as a stage, all of whose layers are taken
        assert outputs(once) == outputs(spec)
    assert outputs(imported(exported(once).text)) == outputs(once)


SAID = {
    '1 - match { "*mlp*" | "*lm_head*" => 0.25, else => 0 }': "[{filter: mlp, value: 0.75}, "
    "{filter: lm_head, value: 0.75}, {value: 1}]",
    "2*match { layers(0..) => ramp(0, 0.25, 0.5), else => 0 }": "[0, 0.5, 1]",
    "ramp(0.25, 0.5, 0.25)": "[0.25, 0.5, 0.25]",
    "1/3": "0.3333333333333333",
    "1/30000000": "3.3333333333333334e-08",
    'match { "*no*" => 1, "*1.5*" => 0.5, else => 0 }': '[{filter: "no", value: 1}, '
    '{filter: "1.5", value: 0.5}, {value: 0}]',
}


@pytest.mark.parametrize("number", SAID)
def test_a_number_is_said_by_filters_and_gradients(number: str) -> None:
    recipe = exported(f"{HEAD}child = mk.slerp(a, b; t={number})\n")
    assert f"  t: {SAID[number]}\n" in recipe.text


ARITHMETIC = {
    "0.25*a + 0.75*b": "models:\n  - model: ./a\n    parameters:\n      weight: 0.25\n"
    "  - model: ./b\nmerge_method: linear\nbase_model: ./a\nparameters:\n"
    "  weight: 0.75\n  normalize: false\n",
    "base + 0.7*(a - base) - 0.2*(b - base)": "models:\n  - model: ./a\n    parameters:\n"
    "      weight: 0.7\n  - model: ./b\n    parameters:\n      weight: -0.2\n"
    "merge_method: task_arithmetic\nbase_model: ./base\n",
    "base + dare(a - base; density=0.3, rescale=l1)": "models:\n  - model: ./a\n"
    "merge_method: dare_linear\nbase_model: ./base\nparameters:\n  density: 0.3\n  weight: 1\n",
    "a[0..2] ++ b[1..3]": "slices:\n  - sources:\n      - model: ./a\n"
    "        layer_range: [0, 2]\n  - sources:\n      - model: ./b\n"
    "        layer_range: [1, 3]\nmerge_method: passthrough\n",
}


@pytest.mark.parametrize("expression", ARITHMETIC)
def test_arithmetic_is_the_method_that_it_comes_to(expression: str) -> None:
    spec = f"{SOURCES}child = {expression}\nexport child {{ dtype = bf16 }}\n"
    assert exported(spec).text == f"{ARITHMETIC[expression]}dtype: float32\nout_dtype: bfloat16\n"


REFUSED = {
    "E925": (
        "median(base, a, b)",
        "match { mlp => a, else => b }",
        "a[0..2] ++ b",
        "a[0..2] ++ b[1..]",
        "linear(a[0..2], b[0..2]) ++ linear(a[2..4], b[2..4], base[2..4])",
        "base + trim(a - base; density=0.5)",
        "base + linear(dare(a - base; density=0.5), b - base; normalize=false)",
        "ties(base, trim(a - base; density=0.5), b; density=0.5)",
        "stack(a[0..2], b[1..3]; untie=true)",
        "sce(base, dare(a - base; density=0.5), b)",
        "base + nuslerp(dare(a - base; density=0.5), b - base)",
        "ties(base, dare(trim(a - base; density=0.5); density=0.5); density=1)",
        "base + dare(dare(a - base; density=0.5); density=0.5)",
        "a[0..4][0..2] ++ b[2..4]",
        "a + (b - base)*0.5 + 0.5*(a - base)",
    ),
    "E926": (
        "slerp(a, b; t=ramp(0, 1))",
        "slerp(a, b; t=match { attn => 0.5, else => 0 })",
        'slerp(a, b; t=match { "*mlp" => 0.5, else => 0 })',
        'slerp(a[0..2], b[0..2]; t=match { "*layers.1.*" => 0.5, else => 0 })',
        "slerp(a, b; t=0.5, norm=polar)",
        "ties(base, a, b; elect=count)",
        "slerp(a, b; t=ramp(0, 1)*match { mlp => 0.5, else => 1 })",
    ),
    "E927": (
        'model("s3://bucket/folder")',
        'model("./with+plus")',
    ),
}


@pytest.mark.parametrize(
    ("code", "expression"), [(code, each) for code, every in REFUSED.items() for each in every]
)
def test_what_no_recipe_says_is_refused_by_name(code: str, expression: str) -> None:
    with pytest.raises(MergecError) as raised:
        exported(f"{SOURCES}child = {expression}\nexport child\n")
    assert [found.code for found in raised.value.diagnostics] == [code]
    assert raised.value.diagnostics[0].span is not None


def test_a_stage_whose_name_yaml_would_misread_is_quoted() -> None:
    text = exported(f"{HEAD}no = mk.slerp(a, b)\nchild = mk.slerp(no, base)\n").text
    assert text.startswith('name: "no"\n')
    assert '  - model: "no"\n' in text
    assert imported(text).count("mk.slerp") == 2


@pytest.mark.parametrize("step", ["slerp({}, b; t=0.5)", "{0}[0..9]", "0.5*{0} + 0.5*{0}"])
def test_a_chain_of_any_length_is_refused_and_no_more(step: str) -> None:
    lines = [f"x{number + 1} = {step.format(f'x{number}')}" for number in range(1500)]
    with pytest.raises(MergecError) as raised:
        exported("\n".join([SOURCES, "x0 = a", *lines, "child = x1500", ""]))
    assert raised.value.diagnostics[0].code == "E925"


def test_numbers_that_will_differ_and_parts_that_have_no_place_are_told() -> None:
    spec = (
        f"{SOURCES}child = ties(base, dare(a - base; density=0.5), dare(b - base; density=0.5))\n"
    )
    told = exported(
        spec.replace("))\n", "); density=1)\n")
        + 'require finite(child), "it is"\nexport child { nonfinite = base, shard = 1GB }\n'
    ).findings
    said = [(found.code, found.message) for found in told]
    assert len([code for code, _ in said if code == "W926"]) == 4
    assert ("W925", "mergekit draws its masks by another generator") in said
    assert any("`rescale=inv`" in message for _, message in said)


def test_the_command_writes_a_recipe_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("specs").mkdir()
    Path("specs/child.merge").write_text(
        'param t: number = 0\na = model("../a")\nb = model("org/b@v1")\n'
        "child = slerp(a, b; t=t)\nexport child { dtype = f32 }\n"
    )
    command = ["export", "mergekit", "specs/child.merge"]
    assert run_command([*command, "--set", "t=0.5", "-o", "recipe.yml"]) == 0
    text = Path("recipe.yml").read_text()
    assert "- model: ./a\n  - model: org/b@v1\n" in text
    assert "t: 0.5\n" in text
    Path("specs/child.merge").write_text('child = median(model("./a"), model("./b"))\n')
    assert run_command([*command, "-o", "other.yml"]) == 3
    assert "error[E925]" in capsys.readouterr().err
    assert not Path("other.yml").exists()
