"""The merges that are timed, each as a mergec spec and as the equivalent mergekit recipe."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

DENSITY = "0.3"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One merge: which members of a family it reads, and how each tool is told.

    sources: folder names in operand order. expression: the child in the `.merge` language.
    method: mergekit's lines below `models:` for each source, and around them.
    """

    name: str
    title: str
    sources: tuple[str, ...]
    expression: str
    method: str
    base: str | None = None
    parameters: str = "weight: 1.0"


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="linear",
            title="linear of 2",
            sources=("ft0", "ft1"),
            expression="linear(ft0, ft1)",
            method="linear",
        ),
        Recipe(
            name="ties",
            title=f"ties of base + 3, density {DENSITY}",
            sources=("base", "ft0", "ft1", "ft2"),
            expression=f"ties(base, ft0, ft1, ft2; density={DENSITY})",
            method="ties",
            base="base",
            parameters=f"weight: 1.0, density: {DENSITY}",
        ),
    )
}


def merge_spec(recipe: Recipe, family: Path, folder: Path) -> str:
    """The `.merge` text for a spec that will lie in `folder`; sources are relative to it."""
    lines = ["mergec 1", f"# {recipe.title}, written by the benchmark", ""]
    for source in recipe.sources:
        reference = Path(os.path.relpath(family / source, folder)).as_posix()
        lines.append(f'{source} = model("{_local(reference)}")')
    return "\n".join([*lines, "", f"child = {recipe.expression}", ""])


def mergekit_recipe(recipe: Recipe, family: Path, dtype: str) -> str:
    """The YAML for mergekit; computes in `dtype` (bfloat16 or float32), writes bfloat16."""
    lines = [f"merge_method: {recipe.method}"]
    if recipe.base is not None:
        lines.append(f"base_model: {family / recipe.base}")
    lines.append("models:")
    for source in recipe.sources:
        if source != recipe.base:
            lines.append(f"  - model: {family / source}")
            lines.append(f"    parameters: {{{recipe.parameters}}}")
    lines += ["parameters: {normalize: true}", f"dtype: {dtype}"]
    if dtype != "bfloat16":
        lines.append("out_dtype: bfloat16")
    return "\n".join([*lines, ""])


def _local(reference: str) -> str:
    return reference if reference.startswith("../") else f"./{reference}"
