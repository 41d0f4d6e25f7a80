"""One merge by sd-mecha, run by the interpreter of an environment that has it.

    python mecha.py RECIPE DENSITY OUTPUT SOURCE...

Sources are single safetensors files, the base first where there is one. It computes in float32,
its default, and writes bfloat16. This file imports nothing of ours, so that it starts anywhere.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

MERGES = frozenset(
    ("linear2", "linear3", "linear4", "linear8", "slerp", "ta3", "ties3", "dare_ties3", "della3")
) | {"model_stock3"}


def main() -> None:
    """Merge what the command line names."""
    recipe, density, output, *sources = sys.argv[1:]
    # by name, because our environment has no types of either
    torch: Any = import_module("torch")
    tool: Any = import_module("sd_mecha")
    models = [tool.model(Path(source)) for source in sources]
    Path(output).parent.mkdir(parents=True)
    merged = _graph(tool, recipe, float(density), models)
    tool.merge(merged, output=output, merge_dtype=torch.float32, output_dtype=torch.bfloat16)


def _graph(tool: Any, recipe: str, density: float, models: list[Any]) -> Any:
    # its wrappers add_difference and add_difference_ties fail on models whose space they do not
    # know, so the methods behind them are composed here
    resolve: Any = import_module("sd_mecha.extensions.merge_methods").resolve
    base, *tuned = models
    dropped = {"probability": 1 - density, "seed": 0}
    if recipe.startswith("linear"):
        return tool.n_average(*models)
    if recipe == "slerp":
        return tool.slerp(*models, alpha=0.5)
    if recipe == "ta3":
        merged = base
        for model in tuned:
            delta = resolve("subtract")(model, base)
            merged = resolve("add_difference")(merged, delta, alpha=0.5)
        return merged
    if recipe == "ties3":
        deltas = [resolve("subtract")(model, base) for model in tuned]
        summed = resolve("ties_sum")(*deltas, k=density)
        return resolve("add_difference")(base, summed, alpha=1.0)
    if recipe == "dare_ties3":
        return tool.add_ties_with_dare(base, *tuned, **dropped)
    if recipe == "della3":
        return tool.add_ties_with_dare(base, *tuned, della_eps=0.15, **dropped)
    if recipe == "model_stock3":
        return tool.n_model_stock(base, *tuned)
    sys.exit(f"no merge `{recipe}` here")


if __name__ == "__main__":
    main()
