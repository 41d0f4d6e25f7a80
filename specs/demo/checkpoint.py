"""Checkpoint folders for the demo, written with the library that everyone reads with."""

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import (
    load_file,  # pyright: ignore[reportUnknownVariableType]  # its PathLike has no parameter
    save_file,  # pyright: ignore[reportUnknownVariableType]  # the same
)
from torch import Tensor

Weights = Mapping[str, Tensor]

_CARD = """---
license: {license}
---
# {title}

{text}
"""


def write_checkpoint(
    folder: Path, weights: Weights, config: Mapping[str, object], *, license: str, text: str
) -> None:
    """Write weights, `config.json` and a model card into a new folder."""
    folder.mkdir(parents=True)
    write_tensors(folder / "model.safetensors", weights)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    card = _CARD.format(license=license, title=folder.name, text=text)
    (folder / "README.md").write_text(card, encoding="utf-8")


def write_tensors(path: Path, weights: Weights) -> None:
    """Write one safetensors file; tensors that share memory are written out separately."""
    apart = {name: tensor.clone().contiguous() for name, tensor in weights.items()}
    save_file(apart, path, metadata={"format": "pt"})


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """All tensors of a checkpoint folder, from however many shards."""
    weights: dict[str, Tensor] = {}
    for shard in sorted(folder.glob("*.safetensors")):
        weights |= load_file(shard)
    return weights
