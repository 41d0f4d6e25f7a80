"""Two children of one recipe, mergekit's and ours, side by side."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from mergec.verify.law_tensors import Floats

NEAR = 1e-5
# Fields that say which program wrote a file, and from where.
_WRITERS = ("transformers_version", "is_local", "local_files_only")
_GENERATION = "generation_config.json"


@dataclass(frozen=True, slots=True)
class Compared:
    """What is not the same in two children.

    relative: the largest difference of entries, as a part of the largest entry of their tensor;
    tensor: where that is. entries: how many there are; apart: how many of them are farther apart
    than NEAR, and within: the largest difference of the others. missing: tensors, with their
    shapes, that one has alone. files: the fields of files that differ, with both values.
    """

    relative: float
    tensor: str
    entries: int
    apart: int
    within: float
    missing: tuple[str, ...]
    files: Mapping[str, str]


def compared(theirs: Path, ours: Path, *, by_token: bool = False) -> Compared:
    """Both folders; with `by_token`, rows of the embeddings are compared token by token."""
    left, right = tensors(theirs), tensors(ours)
    if by_token:
        right = _in_their_order(right, vocabulary(ours), vocabulary(theirs))
    shapes = [{f"{name} {value.shape}" for name, value in side.items()} for side in (left, right)]
    missing = tuple(sorted(shapes[0] ^ shapes[1]))
    far = {
        name: _relative(value, right[name])
        for name, value in left.items()
        if name in right and right[name].shape == value.shape
    }
    every = np.concatenate([each.ravel() for each in far.values()])
    near = every <= NEAR
    return Compared(
        relative=float(every.max()),
        tensor=max(far, key=lambda name: far[name].max(initial=0)),
        entries=every.size,
        apart=every.size - int(np.count_nonzero(near)),
        within=float(every[near].max(initial=0)),
        missing=missing,
        files=_fields(_stated(theirs, by_token), _stated(ours, by_token)),
    )


def tensors(folder: Path) -> Mapping[str, Floats]:
    """Every tensor in a folder, as float64."""
    torch: Any = import_module("safetensors.torch")
    return {
        name: np.asarray(tensor.double().numpy())
        for path in sorted(folder.glob("*.safetensors"))
        for name, tensor in torch.load_file(path).items()
    }


def vocabulary(folder: Path) -> Mapping[str, int]:
    """The tokens of a folder's tokenizer with their ids."""
    transformers: Any = import_module("transformers")
    found: Mapping[str, int] = transformers.AutoTokenizer.from_pretrained(folder).get_vocab()
    return found


def _relative(theirs: Floats, ours: Floats) -> Floats:
    """How far each entry is, as a part of the largest of its tensor."""
    size = np.abs(theirs).max(initial=0)
    return np.asarray(np.abs(ours - theirs) / (size if size else 1))


def _in_their_order(
    ours: Mapping[str, Floats], from_: Mapping[str, int], to: Mapping[str, int]
) -> Mapping[str, Floats]:
    order = [from_[token] for token in sorted(to, key=to.__getitem__) if token in from_]
    by_row = ("embed_tokens.weight", "lm_head.weight")
    return {
        name: value[[*order, *range(len(from_), len(value))]] if name.endswith(by_row) else value
        for name, value in ours.items()
    }


def _stated(folder: Path, by_token: bool) -> dict[str, object]:
    """What the files of a child say, and what transformers makes of its tokenizer."""
    found: dict[str, object] = {
        f"{name}: {key}": value
        for name in ("config.json", "tokenizer_config.json")
        for key, value in _json(folder / name).items()
        if key not in _WRITERS
    }
    found[_GENERATION] = (folder / _GENERATION).exists()
    whole = _json(folder / "tokenizer.json")
    rules = {key: value for key, value in whole.items() if key not in ("model", "added_tokens")}
    found |= {f"tokenizer.json: {key}": value for key, value in rules.items()}
    template = folder / "chat_template.jinja"
    found["chat template"] = template.read_text() if template.exists() else None
    tokens: Mapping[str, int] = vocabulary(folder) if whole else {}
    found["tokens"] = sorted(tokens) if by_token else dict(sorted(tokens.items()))
    return found


def _fields(theirs: Mapping[str, object], ours: Mapping[str, object]) -> dict[str, str]:
    return {
        key: f"{_shown(theirs, key)} there, {_shown(ours, key)} here"
        for key in sorted({*theirs, *ours})
        if theirs.get(key) != ours.get(key)
    }


def _shown(fields: Mapping[str, object], key: str) -> str:
    return json.dumps(fields[key])[:80] if key in fields else "nothing"


def _json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found
