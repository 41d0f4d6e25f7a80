"""The merges that are timed, in the `.merge` language; `peers` has them for other tools."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

DENSITY = "0.3"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One merge and the members of a family that it reads.

    sources: folder names in operand order. expression: the child, where {upper} and {lower} stand
    for three quarters and one quarter of the layers. single: the first of two stages. sliced: the
    child has layers below {upper} of the first source, then those from {lower} on of the second.
    drawn: random masks, so that no two tools give the same values.
    """

    name: str
    title: str
    sources: tuple[str, ...]
    expression: str
    single: str | None = None
    sliced: bool = False
    drawn: bool = False

    @property
    def fine_tunes(self) -> int:
        """How many fine-tunes the family must have."""
        return max(int(name.removeprefix("ft")) + 1 for name in self.sources if name != "base")


_TUNES = tuple(f"ft{number}" for number in range(8))
_BASE_AND_3 = ("base", *_TUNES[:3])
_TIES = f"ties(base, ft0, ft1, ft2; density={DENSITY})"


def _thinned(operator: str, settings: str) -> str:
    """An operator on each of three task vectors; # is the number of the fine-tune."""
    call = f"{operator}(ft# - base; density={DENSITY}{settings})"
    return ", ".join(call.replace("#", str(number)) for number in range(3))


def _linear(count: int) -> Recipe:
    tunes = _TUNES[:count]
    title = "linear of 1, which is a copy" if count == 1 else f"linear of {count}"
    return Recipe(f"linear{count}", title, tunes, f"linear({', '.join(tunes)})")


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        recipe.name: recipe
        for recipe in (
            *map(_linear, (1, 2, 3, 4, 8)),
            Recipe(
                "ta3",
                "task arithmetic of base + 3",
                _BASE_AND_3,
                "base + 0.5*(ft0 - base) + 0.5*(ft1 - base) + 0.5*(ft2 - base)",
            ),
            Recipe("slerp", "slerp of 2", _TUNES[:2], "slerp(ft0, ft1; t=0.5)"),
            Recipe(
                "dare_ties3",
                f"dare, then ties, of base + 3, density {DENSITY}",
                _BASE_AND_3,
                f"ties(base, {_thinned('dare', ', seed=#')}; density=1)",
                drawn=True,
            ),
            Recipe(
                "model_stock3",
                "model_stock of base + 3",
                _BASE_AND_3,
                "model_stock(base, ft0, ft1, ft2; guard=none)",
            ),
            Recipe(
                "passthrough",
                "layers of 2 stacked, half as many again",
                ("base", "ft0"),
                "base[..{upper}] ++ ft0[{lower}..]",
                sliced=True,
            ),
            Recipe("ties3", f"ties of base + 3, density {DENSITY}", _BASE_AND_3, _TIES),
            Recipe(
                "ties3_global",
                f"ties of base + 3 over the whole model, density {DENSITY}",
                _BASE_AND_3,
                f"ties(base, ft0, ft1, ft2; density={DENSITY}, scope=global)",
            ),
            Recipe(
                "breadcrumbs3",
                f"breadcrumbs of base + 3, density {DENSITY}, gamma 0.01",
                _BASE_AND_3,
                f"base + linear({_thinned('breadcrumbs', ', gamma=0.01')})",
            ),
            Recipe(
                "della3",
                f"della, then ties, of base + 3, density {DENSITY}, epsilon 0.15",
                _BASE_AND_3,
                f"ties(base, {_thinned('della', ', epsilon=0.15, seed=#')}; density=1)",
                drawn=True,
            ),
            Recipe(
                "sce3",
                "sce of base + 3, tau 0.3",
                _BASE_AND_3,
                "sce(base, ft0, ft1, ft2; tau=0.3)",
            ),
            Recipe(
                "ties_slerp",
                "ties of base + 3, then slerp with one of them",
                _BASE_AND_3,
                f"{_TIES} |> slerp(ft2, t=0.5)",
                single=_TIES,
            ),
        )
    }
)


def merge_spec(recipe: Recipe, family: Path, folder: Path, *, layers: int, first: bool) -> str:
    """The `.merge` text for a spec that will lie in `folder`; sources are relative to it.

    layers: how many the models have. first: only the first of two stages.
    """
    expression = (recipe.single if first else None) or recipe.expression
    lines = ["mergec 1", f"# {recipe.title}, written by the benchmark", ""]
    for source in recipe.sources:
        reference = Path(os.path.relpath(family / source, folder)).as_posix()
        lines.append(f'{source} = model("{_local(reference)}")')
    upper, lower = cut(layers)
    return "\n".join([*lines, "", f"child = {expression.format(upper=upper, lower=lower)}", ""])


def cut(layers: int) -> tuple[int, int]:
    """Where a sliced recipe ends its first source, and where it begins its second."""
    return 3 * layers // 4, layers // 4


def _local(reference: str) -> str:
    return reference if reference.startswith("../") else f"./{reference}"
