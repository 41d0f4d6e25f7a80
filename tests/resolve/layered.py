"""Small layered checkpoints, and what a spec over them comes to, tensor by tensor."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mergec.catalog import Checkpoint, open_checkpoint
from mergec.catalog.describe import describe
from mergec.diagnostics import SourceText
from mergec.elaborate import Bundle
from mergec.plan import Compiled, Row, check_bundle, compile_bundle
from mergec.resolve import KeySet, KeySets
from tests.catalog.safetensors_bytes import Tensor, file_of

LAYERS = 6
OUTSIDE = ("model.embed_tokens.weight", "model.norm.weight", "lm_head.weight")
INSIDE = ("self_attn.q_proj.weight", "mlp.up_proj.weight", "input_layernorm.weight")
LLAMA: Mapping[str, object] = {"model_type": "llama", "num_hidden_layers": LAYERS}


def write(
    root: Path,
    names: Sequence[str],
    *,
    prefix: str = "",
    config: Mapping[str, object] = LLAMA,
    layers: int = LAYERS,
    without: Sequence[str] = (),
) -> None:
    """A checkpoint of `layers` layers for each name; `without` are tensors left out."""
    inside = [f"model.layers.{n}.{tail}" for n in range(layers) for tail in INSIDE]
    tensors: dict[str, Tensor] = {
        f"{prefix}{tensor}": ("BF16", [2, 2], bytes(8))
        for tensor in (*OUTSIDE, *inside)
        if tensor not in without
    }
    for name in names:
        folder = root / name
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(file_of(tensors, {"format": "pt"}))
        (folder / "config.json").write_text(json.dumps(config))


def compiled(root: Path, *lines: str) -> Compiled:
    """The plan of a spec that binds every checkpoint below `root` by its name."""
    return compile_bundle(Bundle(_source(root, lines), root))


def rows(root: Path, *lines: str) -> dict[str, Row]:
    """The rows of the one export, by tensor."""
    (export,) = compiled(root, *lines).plan.exports
    return {row.tensor: row for row in export.rows}


def read(root: Path, *lines: str) -> dict[str, list[str]]:
    """For each output tensor the tensors that it is made of, as `label:name`."""
    return {
        name: [f"{lbl}:{e.name}" for lbl, e in zip(row.labels, row.entries, strict=True)]
        for name, row in rows(root, *lines).items()
    }


def config(root: Path, *lines: str) -> dict[str, object]:
    """The child's config.json."""
    (export,) = compiled(root, *lines).plan.exports
    assert export.config is not None
    found: dict[str, object] = json.loads(export.config)
    return found


def key_set(root: Path, *lines: str) -> KeySet:
    """The key set of the one export."""
    elaborated = check_bundle(Bundle(_source(root, lines), root, imports={}))
    checkpoints: dict[str, Checkpoint] = {}
    for decl in elaborated.sources:
        checkpoints[decl.label], _ = open_checkpoint(root / decl.ref)
    architectures = {k: describe([*c.tensors], c.config) for k, c in checkpoints.items()}
    (export,) = elaborated.exports
    return KeySets(elaborated, checkpoints, architectures).of(export.node)


def _source(root: Path, lines: Sequence[str]) -> SourceText:
    names = sorted(path.name for path in root.iterdir() if path.is_dir())
    bound = [f'{name} = model("./{name}", id="{name}")' for name in names]
    return SourceText("spec.merge", "\n".join([*bound, *lines]) + "\n")
