"""A whole recipe of mergekit as data: tests assert what it says, `docs/mergekit.md` shows it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import dedent
from types import MappingProxyType
from typing import Literal

Kind = Literal["values", "draws", "borders"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A YAML file over the stand-ins of a family, and how its two children compare.

    kind: all values; or, where masks are drawn at random, how many entries are kept and the one
    factor that they have; or all values but those of entries at the border of a selection.
    note: what is special about it. differs: why the tensors are not the same; empty where they must
    be. files: fields of the child's files that are not the same, each with the reason. error: the
    exception that mergekit ends in.
    """

    name: str
    method: str
    text: str
    family: str = "llama"
    kind: Kind = "values"
    note: str = ""
    differs: str = ""
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    error: str = ""


def of_models(
    method: str,
    models: str = "a b c",
    *,
    base: str = "base",
    each: Mapping[str, Sequence[object]] = MappingProxyType({}),
    **parameters: object,
) -> str:
    """A recipe of whole models: `each` has a value for every model, `parameters` are for all.

    `lambda_` stands for `lambda`.
    """
    lines = ["models:"]
    for number, model in enumerate(models.split()):
        lines.append(f"  - model: ./{model}")
        if each:
            own = {key: values[number] for key, values in each.items()}
            lines.append(f"    parameters: {json.dumps(own)}")
    lines.append(f"merge_method: {method}")
    if base:
        lines.append(f"base_model: ./{base}")
    if parameters:
        named = {key.removesuffix("_"): value for key, value in parameters.items()}
        lines.append(f"parameters: {json.dumps(named)}")
    return "\n".join([*lines, "dtype: float32", ""])


def recipe(name: str, method: str, text: str, **more: object) -> Recipe:
    """A recipe whose text is written out."""
    return Recipe(name, method, dedent(text).lstrip("\n"), **more)  # type: ignore[arg-type]
