"""A toy family shaped as Llama checkpoints are: for the examples in documentation and recipes.

Two layers unless more are asked for, hidden size 16, bf16, one file of weights. Every member is
the base plus a small step that depends on the member's name alone, so any name may be asked for.
The same bytes every time; nothing but the standard library.
"""

import json
import random
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.catalog.safetensors_bytes import Tensor, file_of
from tests.toy_adapters import factors, write_adapter

MEMBERS = ("base", "code", "math", "instruct")
HIDDEN, INNER, VOCABULARY, LAYERS = 16, 32, 32, 2
CONFIG: Mapping[str, object] = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": HIDDEN,
    "intermediate_size": INNER,
    "model_type": "llama",
    "num_attention_heads": 2,
    "num_hidden_layers": LAYERS,
    "torch_dtype": "bfloat16",
    "vocab_size": VOCABULARY,
}
TOKENIZER: Mapping[str, object] = {"model": {"type": "BPE", "merges": [], "vocab": {}}}
CARD = "---\nlicense: apache-2.0\n---\n\n# {name}\n\nA toy that no text was ever shown to.\n"

_LAYER: Mapping[str, Sequence[int]] = {
    "input_layernorm.weight": (HIDDEN,),
    "mlp.down_proj.weight": (HIDDEN, INNER),
    "mlp.gate_proj.weight": (INNER, HIDDEN),
    "mlp.up_proj.weight": (INNER, HIDDEN),
    "post_attention_layernorm.weight": (HIDDEN,),
    "self_attn.k_proj.weight": (HIDDEN, HIDDEN),
    "self_attn.o_proj.weight": (HIDDEN, HIDDEN),
    "self_attn.q_proj.weight": (HIDDEN, HIDDEN),
    "self_attn.v_proj.weight": (HIDDEN, HIDDEN),
}


def shapes(layers: int = LAYERS) -> dict[str, Sequence[int]]:
    """The tensors of a member with so many layers."""
    numbered = {
        f"model.layers.{n}.{name}": shape for n in range(layers) for name, shape in _LAYER.items()
    }
    return {
        "lm_head.weight": (VOCABULARY, HIDDEN),
        "model.embed_tokens.weight": (VOCABULARY, HIDDEN),
        **numbered,
        "model.norm.weight": (HIDDEN,),
    }


def projections(layers: int = LAYERS) -> dict[str, Sequence[int]]:
    """The modules of a member that adapters change as a rule, with the shapes of their weights."""
    return {
        name.removesuffix(".weight"): shape
        for name, shape in shapes(layers).items()
        if name.endswith(("q_proj.weight", "v_proj.weight"))
    }


SHAPES: Mapping[str, Sequence[int]] = shapes()

# A model that sees: a language model of this family behind a prefix, and what stands before it.
MULTIMODAL = "llava"
_SIGHT: Mapping[str, Sequence[int]] = {
    "multi_modal_projector.linear_1.weight": (HIDDEN, HIDDEN),
    "vision_tower.vision_model.embeddings.patch_embedding.weight": (HIDDEN, INNER),
    "vision_tower.vision_model.encoder.layers.0.self_attn.q_proj.weight": (HIDDEN, HIDDEN),
    "vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight": (INNER, HIDDEN),
}
_ADAPTER = re.compile(r'adapter\("\./([\w-]+)"')
_RANGE = re.compile(r"(\d*)\.\.(\d*)")
_REFERENCE = re.compile(r'model\("\./([\w-]+)"')
_MODEL_PARAMETER = re.compile(r"^param (\w+): model$", re.MULTILINE)


def write_members(root: Path, names: Iterable[str] = MEMBERS, layers: int = LAYERS) -> None:
    """Write a checkpoint folder for each name below `root`."""
    for name in names:
        write_member(root / name, weights(name, layers), config(name, layers))


def write_sources(root: Path, spec: str) -> dict[str, str]:
    """Write toys for every source that the text of a spec names; what to set its parameters to.

    They have the layers that its ranges and ramps ask for. Parameters of type `model` without a
    default get a member of their own name.
    """
    free = _MODEL_PARAMETER.findall(spec)
    names = sorted({*_REFERENCE.findall(spec), *free} - {"missing"})
    write_members(root, names, depth(spec))
    write_adapters(root, spec, depth(spec))
    return {name: f"./{name}" for name in free}


def write_adapters(root: Path, spec: str, layers: int = LAYERS) -> None:
    """Write an adapter of the query and value projections for each that a text names."""
    for name in sorted({*_ADAPTER.findall(spec)}):
        write_adapter(root / name, factors(name, projections(layers)))


def depth(spec: str) -> int:
    """As many layers as the ranges of a spec reach, and five where it has a ramp."""
    bounds = [int(bound) for found in _RANGE.findall(spec) for bound in found if bound]
    return max([LAYERS, *bounds, 5 if "ramp(" in spec else 0])


def write_member(
    folder: Path, tensors: Mapping[str, Tensor], settings: Mapping[str, object] = CONFIG
) -> None:
    """A folder with weights, config, tokenizer and a card with a licence, as the hub has them."""
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(file_of(tensors, {"format": "pt"}))
    (folder / "config.json").write_text(json.dumps(settings, indent=2) + "\n")
    (folder / "tokenizer.json").write_text(json.dumps(TOKENIZER) + "\n")
    (folder / "README.md").write_text(CARD.format(name=folder.name))


def config(name: str, layers: int = LAYERS) -> Mapping[str, object]:
    """The config.json of a member."""
    known = {**CONFIG, "num_hidden_layers": layers}
    if name != MULTIMODAL:
        return known
    return {
        "architectures": ["LlavaForConditionalGeneration"],
        "model_type": "llava",
        "text_config": known,
        "torch_dtype": "bfloat16",
        "vision_config": {"model_type": "clip_vision_model", "num_hidden_layers": 1},
    }


def weights(name: str, layers: int = LAYERS) -> dict[str, Tensor]:
    """The tensors of one member: those of `base`, moved by about a tenth of their size."""
    known = shapes(layers)
    if name == MULTIMODAL:
        known = {f"language_model.{tensor}": shape for tensor, shape in known.items()}
        known.update(_SIGHT)
    return {tensor: _tensor(name, tensor, shape) for tensor, shape in known.items()}


def _tensor(member: str, tensor: str, shape: Sequence[int]) -> Tensor:
    count = 1
    for size in shape:
        count *= size
    values = _draws("base", tensor, 0.02, count)
    if member != "base":
        steps = _draws(member, tensor, 0.002, count)
        values = [value + step for value, step in zip(values, steps, strict=True)]
    # The upper half of a float32 is a bf16, rounded towards zero.
    return "BF16", [*shape], b"".join(struct.pack("<f", value)[2:] for value in values)


def _draws(member: str, tensor: str, spread: float, count: int) -> list[float]:
    draw = random.Random(f"{member} {tensor}")
    return [draw.gauss(0.0, spread) for _ in range(count)]
