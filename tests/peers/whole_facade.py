"""mergekit from a YAML file to a folder of weights: the one place that runs it whole."""

import logging
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

SEED = 7


def their_merge(recipe: Path, out: Path) -> None:
    """What `mergekit-yaml`, or `mergekit-multi` for several documents, makes of a file."""
    yaml: Any = import_module("yaml")
    text = recipe.read_text()
    documents = [*yaml.safe_load_all(text)]
    tasks: Any = import_module("mergekit.io.tasks")
    tasks.LoaderCache().loaders.clear()  # it would know other models by the same relative paths
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            if len(documents) > 1:
                _several(recipe, out)
            else:
                _one(documents[0], text, out)
        finally:
            logging.disable(logging.NOTSET)


def _one(document: Any, text: str, out: Path) -> None:
    config: Any = import_module("mergekit.config")
    merge: Any = import_module("mergekit.merge")
    read = config.MergeConfiguration.model_validate(document)
    merge.run_merge(read, str(out), options=_options(out), config_source=text)


def _several(recipe: Path, out: Path) -> None:
    multi: Any = import_module("mergekit.scripts.multimerge")
    graph: Any = import_module("mergekit.graph")
    between = out.with_name(f"{out.name}-between")
    found, dependencies = multi.load_config(recipe.read_text(), str(between))
    tasks = multi.make_tasks(found, dependencies, _options(out), str(between), str(out), False)
    graph.Executor(tasks, math_device="cpu", storage_device="cpu").execute(desc="")


def _options(out: Path) -> Any:
    options: Any = import_module("mergekit.options")
    adapted = out.with_name(f"{out.name}-adapted")
    return options.MergeOptions(random_seed=SEED, quiet=True, lora_merge_cache=str(adapted))
