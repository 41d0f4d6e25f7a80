"""mergekit's own way from tokenizers to rows of an embedding, which it takes in two tasks."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from mergec.verify.law_tensors import Floats


@dataclass(frozen=True, slots=True)
class TheirRows:
    """The tokens of the child with their ids, and what each model has in the child's rows."""

    tokens: Mapping[str, int]
    rows: Mapping[str, Floats]


def their_rows(
    tables: Mapping[str, Floats],
    source: str,
    *,
    base: str | None = None,
    multiple: int | None = None,
) -> TheirRows:
    """What mergekit makes of folders with tokenizers, each with the table of its embedding.

    `source` is `union`, `base` or one of the folders.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _rows(tables, source, base, multiple)


def _rows(
    tables: Mapping[str, Floats], source: str, base: str | None, multiple: int | None
) -> TheirRows:
    torch: Any = import_module("torch")
    common: Any = import_module("mergekit.common")
    build: Any = import_module("mergekit.tokenizer.build")
    embed: Any = import_module("mergekit.tokenizer.embed")
    models = {folder: common.ModelReference.parse(str(Path(folder).resolve())) for folder in tables}
    wanted = models.get(source, source)
    info = build.build_tokenizer(
        models[base] if base else None, _listed(models), wanted, False, add_tokens=()
    )
    task = embed.PermutedVocabulary.model_construct(
        tokens=None,
        pad_to_multiple_of=multiple,
        base_model=models[base] if base else None,
        vocabulary_axis=0,
    )
    held = {models[folder]: torch.from_numpy(np.array(table)) for folder, table in tables.items()}
    made = task.execute(tokenizer_info=info, tensors=held)
    rows = {folder: np.asarray(made[model].numpy()) for folder, model in models.items()}
    return TheirRows(dict(info.tokenizer.get_vocab()), rows)


def _listed(models: Mapping[str, Any]) -> Sequence[Any]:
    return [*models.values()]
