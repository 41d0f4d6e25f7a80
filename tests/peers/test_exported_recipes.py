"""Specs that are exported: mergekit's child of the recipe is the spec's."""

from pathlib import Path

import pytest

from mergec.api import compile_spec, execute
from mergec.api.exporting import export_recipe
from tests.peers.children import NEAR, compared
from tests.peers.stand_ins import write_family
from tests.peers.whole_facade import their_merge

# Deprecations of what the peers import are not ours to act on.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

SOURCES = "".join(f'{name} = model("./{name}")\n' for name in ("base", "a", "b", "c"))
SPECS = {
    "arithmetic": "child = base + 0.7*(a - base) - 0.2*(b - base)",
    "average": "child = 0.25*a + 0.75*b",
    "numbers": "depth = match { layers(0..) => ramp(0.2, 0.5), else => 0.2 }\n"
    'late = match { "*mlp*" => ramp(0, 1), "*lm_head*" => 0.9, else => 0.5 }\n'
    "child = mk.ties(base, a, b; weights=[depth, late], density=[0.3, 1])",
    "stage": "skills = mk.ties(base, a, b; density=0.5)\nchild = mk.slerp(skills, c; t=0.3)",
    "stack": "low = mk.slerp(a[0..2], b[0..2]; t=0.3)\nchild = low ++ c[1..3]",
    "two methods": "low = mk.slerp(a[0..2], b[0..2]; t=match { layers(0..) => ramp(0.3, 0.9), "
    "else => 0.3 })\nhigh = mk.karcher(a[2..4], b[2..4], c[2..4])\nchild = low ++ high",
    "scaled": 'part = match { "*o_proj*" => 0, else => 1 }\n'
    'child = a[0..2] ++ as_model(part*a[1..4], why="it begins as the identity")',
}


@pytest.mark.parametrize("name", SPECS)
def test_the_child_of_an_exported_recipe_is_that_of_the_spec(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_family("llama", tmp_path)
    monkeypatch.chdir(tmp_path)
    use = 'use "std:mergekit" as mk\n' if "mk." in SPECS[name] else ""
    spec, recipe = Path("child.merge"), Path("recipe.yml")
    spec.write_text(f"{use}{SOURCES}{SPECS[name]}\nexport child {{ dtype = f32 }}\n")
    recipe.write_text(export_recipe(spec).text)
    their_merge(recipe, tmp_path / "theirs")
    execute(compile_spec(spec), tmp_path / "ours", backend="reference")
    found = compared(tmp_path / "theirs", tmp_path / "ours")
    assert found.relative <= NEAR, found.tensor
    assert not found.missing
    assert not found.files
