"""Small checkpoints on disk: a base with three fine-tunes, and relatives that do not fit them.

The same bytes every time; nothing but the standard library.
"""

import json
import random
import struct
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.catalog.safetensors_bytes import Tensor, file_of
from tests.toy_adapters import OUTER, factors, floats, write_adapter
from tests.toy_vocabularies import write_speakers

SHAPES: Mapping[str, Sequence[int]] = {
    "embed.weight": (8, 4),
    "layers.0.mlp.weight": (4, 4),
    "layers.1.mlp.weight": (4, 4),
    "norm.weight": (4,),
}
FAMILY = ("base", "code", "math", "instruct")


def write_family(root: Path) -> None:
    """Write all of them below `root`, each into the folder of its name."""
    for name in FAMILY:
        write_checkpoint(root / name, weights(name))
    code = weights("code")
    write_checkpoint(root / "wide", {**code, "norm.weight": bf16("wide", (6,))})
    write_checkpoint(root / "wider", {name: bf16(name, (9, 9)) for name in code})
    write_checkpoint(root / "shallow", {k: v for k, v in code.items() if "layers.1" not in k})
    twice = {f"{prefix}.{k}": v for prefix in ("left", "right") for k, v in code.items()}
    write_checkpoint(root / "twice", twice)
    quantised: Tensor = ("F8_E4M3", [4, 4], bytes(16))
    write_checkpoint(root / "fp8", {**code, "layers.0.mlp.weight": quantised})
    write_checkpoint(root / "counting", {**code, "rotary.steps": integers("I64", 1, 2)})
    write_checkpoint(root / "recounted", {**code, "rotary.steps": integers("I64", 1, 3)})
    write_checkpoint(root / "narrow", {**code, "rotary.steps": integers("I32", 1, 2)})
    accented = {"caf\u00e9.weight": bf16("a", (4,)), "cafe\u0301.weight": bf16("b", (4,))}
    write_checkpoint(root / "accented", accented)
    write_checkpoint(root / "sharded", code)
    _shard(root / "sharded", code)
    write_checkpoint(root / "padded", code)
    _pad(root / "padded" / "model.safetensors")
    write_relatives(root)
    write_speakers(root)
    write_adapters(root)


def write_adapters(root: Path) -> None:
    """Adapters of `base`, and such that fit nothing."""
    module, shape = "layers.0.mlp", (4, 4)
    plain = factors("lora", {module: shape})
    write_adapter(root / "lora", plain)
    write_adapter(root / "other-lora", factors("lora", {"layers.0.attn": shape}))
    write_adapter(root / "wide-lora", factors("lora", {module: (4, 6)}))
    write_adapter(root / "headed", {**plain, f"{OUTER}norm.weight": floats("norm", (4,))})
    write_adapter(root / "ia3", plain, {"peft_type": "IA3"})
    write_adapter(root / "pissa", plain, {"init_lora_weights": "pissa"})
    write_adapter(root / "unscaled", plain, {"lora_alpha": None})
    write_adapter(root / "misranked", plain, {"r": 3})
    write_adapter(root / "half", {k: v for k, v in plain.items() if "lora_A" in k})
    again = {f"{OUTER}{module}.lora_A.default.weight": plain[f"{OUTER}{module}.lora_A.weight"]}
    write_adapter(root / "twice-lora", {**plain, **again})
    write_adapter(root / "unmeasured", plain, {"use_dora": True})
    named = {"_name_or_path": "org/other"}
    write_checkpoint(root / "renamed", weights("base"), config=named)


def write_relatives(root: Path) -> None:
    """Checkpoints that say what they are: with roles, layers, tied embeddings, two stacks."""
    llama = {"model_type": "llama", "num_hidden_layers": 4}
    for name in ("llama", "chatty"):
        write_checkpoint(root / name, _layered(name), config=llama)
    for name in ("tied", "knotted"):
        tied = {n: t for n, t in _layered(name).items() if n != "lm_head.weight"}
        write_checkpoint(root / name, tied, config={**llama, "tie_word_embeddings": True})
    broad = {n: bf16(n, (6, 6)) for n in _layered("broad")}
    write_checkpoint(root / "broad", broad, config=llama)
    write_checkpoint(root / "miscounted", _layered("x"), config={**llama, "num_hidden_layers": 9})
    write_checkpoint(root / "windowed", _layered("y"), config={**llama, "max_window_layers": 2})
    coders = {
        f"{side}.block.{n}.layer.0.SelfAttention.q.weight": bf16(f"{side}{n}", (4, 4))
        for side in ("encoder", "decoder")
        for n in range(2)
    }
    write_checkpoint(root / "coders", coders, config={"model_type": "t5", "num_layers": 2})
    write_checkpoint(root / "flat", {"norm.weight": bf16("flat", (4,))})
    for name in ("gpt2", "gpt2-code"):
        shapes = {"h.0.attn.c_attn.weight": (4, 12), "score.weight": (2, 4)}
        tensors = {n: bf16(f"{name} {n}", shape) for n, shape in shapes.items()}
        write_checkpoint(root / name, tensors, config={"model_type": "gpt2", "n_layer": 1})
    licences = {
        "licensed": "cc-by-nc-4.0",
        "copyleft": "gpl-3.0",
        "restricted": "llama3.1",
        "strange": "mine-1.0",
    }
    for name, licence in licences.items():
        write_checkpoint(root / name, _layered("z"), config=llama, licence=licence)
    write_strangers(root, llama)
    (root / "chatty" / "tokenizer.json").write_text('{"model": {"type": "BPE"}}\n')


def write_strangers(root: Path, llama: Mapping[str, object]) -> None:
    """Checkpoints that have the tensors of `llama` and say other things of them."""
    heads = {**llama, "num_attention_heads": 2, "rope_theta": 10000.0}
    said: dict[str, dict[str, object]] = {
        "halves": heads,
        "quarters": {**heads, "num_attention_heads": 4, "hidden_act": "silu"},
        "turned": {**heads, "rope_theta": 1000000.0, "max_position_embeddings": 64},
        "dequantised": {**heads, "quantization_config": {"quant_method": "gptq", "bits": 4}},
        "coded": {**heads, "auto_map": {"AutoModel": "modeling_toy.ToyModel"}},
        "misfit": {**heads, "hidden_size": 6},
    }
    for name, config in said.items():
        write_checkpoint(root / name, _layered(name), config=config)
    packed: dict[str, Tensor] = {
        f"model.layers.{n}.self_attn.q_proj.qweight": integers("I32", *range(4)) for n in range(4)
    }
    kept = {n: t for n, t in _layered("packed").items() if "q_proj" not in n}
    gptq = {**heads, "quantization_config": {"quant_method": "gptq", "bits": 4}}
    write_checkpoint(root / "packed", {**kept, **packed}, config=gptq)
    headless = {n: t for n, t in _layered("headless").items() if n != "lm_head.weight"}
    untied = {**heads, "architectures": ["LlamaForCausalLM"], "tie_word_embeddings": False}
    write_checkpoint(root / "headless", headless, config=untied)
    tied = {**heads, "tie_word_embeddings": True}
    write_checkpoint(root / "copied", _layered("copied"), config=tied)


def _layered(name: str) -> dict[str, Tensor]:
    """Four layers with attention and the rest, as Llama names them."""
    layer = {
        "input_layernorm.weight": (4,),
        "mlp.up_proj.weight": (8, 4),
        "self_attn.q_proj.weight": (4, 4),
    }
    layers = {f"model.layers.{n}.{tail}": shape for n in range(4) for tail, shape in layer.items()}
    shapes: dict[str, Sequence[int]] = {
        "lm_head.weight": (8, 4),
        "model.embed_tokens.weight": (8, 4),
        **layers,
        "model.norm.weight": (4,),
    }
    return {tensor: bf16(f"{name} {tensor}", shape) for tensor, shape in shapes.items()}


def weights(name: str) -> dict[str, Tensor]:
    """The tensors of one member of the family, close to those of `base`."""
    return {tensor: bf16(f"{name} {tensor}", shape) for tensor, shape in SHAPES.items()}


def bf16(seed: str, shape: Sequence[int]) -> Tensor:
    """A tensor of values between -1 and 1 that depend on `seed` alone."""
    draw = random.Random(seed)
    count = 1
    for size in shape:
        count *= size
    values = [draw.uniform(-1, 1) for _ in range(count)]
    return "BF16", [*shape], b"".join(struct.pack("<f", value)[2:] for value in values)


def f32(*values: float) -> Tensor:
    """A row of these values."""
    return "F32", [len(values)], struct.pack(f"<{len(values)}f", *values)


def integers(dtype: str, *values: int) -> Tensor:
    """A row of these values, as `I64` or `I32`."""
    code = "q" if dtype == "I64" else "i"
    return dtype, [len(values)], struct.pack(f"<{len(values)}{code}", *values)


def write_checkpoint(
    folder: Path,
    tensors: Mapping[str, Tensor],
    *,
    config: Mapping[str, object] | None = None,
    licence: str = "apache-2.0",
) -> None:
    """A folder with one file of weights, a config and a card, as the hub has them."""
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(file_of(tensors, {"format": "pt"}))
    stated = {"model_type": "toy", "hidden_size": 4, "dtype": "bfloat16", **(config or {})}
    (folder / "config.json").write_text(json.dumps(stated, indent=2) + "\n")
    (folder / "README.md").write_text(f"---\nlicense: {licence}\n---\n\n# A toy\n")


def _shard(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    """The same in two files, with an index that adds up wrongly."""
    (folder / "model.safetensors").unlink()
    names = [*tensors]
    parts = {
        "model-00001-of-00002.safetensors": names[:2],
        "model-00002-of-00002.safetensors": names[2:],
    }
    for file, held in parts.items():
        (folder / file).write_bytes(file_of({name: tensors[name] for name in held}))
    places = {name: file for file, held in parts.items() for name in held}
    index = {"metadata": {"total_size": 1}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def _pad(path: Path) -> None:
    """Fill the header up with newlines, where the format has spaces."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    path.write_bytes(
        (size + 8).to_bytes(8, "little") + data[8 : 8 + size] + b"\n" * 8 + data[8 + size :]
    )


if __name__ == "__main__":
    write_family(Path(sys.argv[1]))
