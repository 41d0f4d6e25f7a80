"""Make a synthetic family of Llama-shaped models: one base and N fine-tunes.

    python -m benchmarks.make_models --size small --models 3 --out build/bench/small

The folder then has base/, ft0/, ft1/, ... and family.json, which records the arguments and is
written last. Each model is a Hugging Face directory: config, sharded safetensors with an index
where there are several shards, and a byte-level tokenizer. Same arguments give the same bytes
on every machine whose numpy has the same random streams.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from math import inf
from pathlib import Path
from typing import Any

from benchmarks.sizes import (
    BYTES_PER_ELEMENT,
    SIZES,
    Dimensions,
    Shape,
    StoredDtype,
    llama_tensors,
    parameter_count,
    tensor_bytes,
)
from benchmarks.weights import BASE_MODEL, Delta, stored_blocks

_HEADER_DTYPE = {"bf16": "BF16", "f16": "F16", "f32": "F32"}
_CONFIG_DTYPE = {"bf16": "bfloat16", "f16": "float16", "f32": "float32"}
_SPECIAL_TOKENS = ("<unk>", "<s>", "</s>")


@dataclass(frozen=True, slots=True)
class Family:
    """Everything that decides the bytes of a family.

    models: number of fine-tunes. delta: as `Delta.parse` reads it. std: standard deviation of
    the base's matrices. shard_mb: largest shard in units of 10^6 bytes (one tensor at least); None
    is one file, which is all that sd-mecha reads.
    """

    size: Dimensions
    shard_mb: float | None = None
    models: int = 3
    dtype: StoredDtype = "bf16"
    delta: str = "gaussian:0.001"
    std: float = 0.02
    seed: int = 0


def write_family(family: Family, out: Path) -> None:
    """Write base/, ft0/, ... below `out`, about ten seconds for each GB.

    If the same family with fewer models lies there, the others are added.
    """
    started = time.monotonic()
    for model in range(_made(family, out), family.models):
        folder = out / ("base" if model == BASE_MODEL else f"ft{model}")
        write_model(family, model, folder)
        print(f"{folder.name}: done at {time.monotonic() - started:.1f} s", flush=True)
    kept = max(family.models, _made(family, out))
    _write_json(out / "family.json", asdict(replace(family, models=kept)))


def _made(family: Family, out: Path) -> int:
    """The number of the first model that is still to be written."""
    record = out / "family.json"
    if not record.exists():
        return BASE_MODEL
    made = json.loads(record.read_text(encoding="utf-8"))
    same = made == asdict(replace(family, models=made["models"]))
    return int(made["models"]) if same else BASE_MODEL


def write_model(family: Family, model: int, out: Path) -> None:
    """Write one model directory; `model` is `BASE_MODEL` or the number of a fine-tune."""
    out.mkdir(parents=True, exist_ok=True)
    shards = _cut_into_shards(family)
    weight_map: dict[str, str] = {}
    for number, shard in enumerate(shards, start=1):
        file = "model.safetensors"
        if len(shards) > 1:
            file = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        _write_shard(family, model, shard, out / file)
        weight_map |= dict.fromkeys(shard, file)
    if len(shards) > 1:
        total = sum(tensor_bytes(shape, family.dtype) for _, shape in llama_tensors(family.size))
        index = {"metadata": {"total_size": total}, "weight_map": weight_map}
        _write_json(out / "model.safetensors.index.json", index)
    _write_json(out / "config.json", _config(family))
    tokens = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    _write_json(out / "generation_config.json", tokens)
    _write_tokenizer(out)


def _cut_into_shards(family: Family) -> list[dict[str, Shape]]:
    limit = inf if family.shard_mb is None else family.shard_mb * 1e6
    shards: list[dict[str, Shape]] = [{}]
    filled = 0
    for name, shape in llama_tensors(family.size):
        size = tensor_bytes(shape, family.dtype)
        if shards[-1] and filled + size > limit:
            shards.append({})
            filled = 0
        shards[-1][name] = shape
        filled += size
    return shards


def _write_shard(family: Family, model: int, shard: Mapping[str, Shape], path: Path) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, shape in shard.items():
        end = offset + tensor_bytes(shape, family.dtype)
        dtype = _HEADER_DTYPE[family.dtype]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    raw = json.dumps(header, separators=(",", ":")).encode()
    raw += b" " * (-(len(raw) + 8) % 8)
    delta = Delta.parse(family.delta)
    with path.open("wb") as file:
        file.write(len(raw).to_bytes(8, "little") + raw)
        for name, shape in shard.items():
            for block in stored_blocks(
                name,
                shape,
                model=model,
                seed=family.seed,
                std=family.std,
                delta=delta,
                dtype=family.dtype,
            ):
                block.tofile(file)


def _config(family: Family) -> dict[str, object]:
    size = family.size
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": size.hidden,
        "intermediate_size": size.inter,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.kv_heads,
        "vocab_size": size.vocab,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-5,
        "max_position_embeddings": 2048,
        "rope_theta": 10000.0,
        "initializer_range": family.std,
        "attention_bias": False,
        "mlp_bias": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
        "tie_word_embeddings": size.tied,
        "torch_dtype": _CONFIG_DTYPE[family.dtype],
        "use_cache": True,
    }


def _write_tokenizer(out: Path) -> None:
    """A byte-level BPE without merges: three special tokens and one token for each byte."""
    # byte-level BPE writes printable Latin-1 bytes as themselves and the others from U+0100 on
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    alphabet = [chr(byte) for byte in printable]
    alphabet += [chr(256 + place) for place in range(256 - len(printable))]
    vocabulary = {token: place for place, token in enumerate([*_SPECIAL_TOKENS, *alphabet])}
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    added = [
        {"id": place, "content": token, **flags, "special": True}
        for place, token in enumerate(_SPECIAL_TOKENS)
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    merges: list[str] = []
    tokenizer: dict[str, object] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {**byte_level, "use_regex": True},
        "post_processor": None,
        "decoder": {**byte_level, "use_regex": True},
        "model": {"type": "BPE", "unk_token": "<unk>", "vocab": vocabulary, "merges": merges},
    }
    _write_json(out / "tokenizer.json", tokenizer)
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    _write_json(out / "special_tokens_map.json", names)
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 2048}
    _write_json(out / "tokenizer_config.json", {**settings, **names})


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and write the family it describes."""
    parser = argparse.ArgumentParser(prog="make_models", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--size", choices=sorted(SIZES), default="tiny")
    for field in ("hidden", "layers", "heads", "kv_heads", "inter", "vocab"):
        parser.add_argument(f"--{field.replace('_', '-')}", type=int, help="instead of the size's")
    parser.add_argument("--shard-mb", type=float, help="largest shard in 10^6 bytes; else one file")
    parser.add_argument("--tied", action="store_true", help="no lm_head tensor")
    parser.add_argument("--models", type=int, default=3, help="number of fine-tunes")
    parser.add_argument("--dtype", choices=sorted(BYTES_PER_ELEMENT), default="bf16")
    parser.add_argument("--delta", default="gaussian:0.001", help="or sparse:FRACTION:STD")
    parser.add_argument("--std", type=float, default=0.02, help="deviation of the base's weights")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    options = vars(parser.parse_args(arguments))
    preset = SIZES[options["size"]]
    asked = {field.name: options[field.name] for field in fields(Dimensions)}
    given = {name: value for name, value in asked.items() if value is not None}
    rest = {name: options[name] for name in ("models", "dtype", "delta", "std", "seed")}
    size = Dimensions(**{**asdict(preset), **given})
    family = Family(size, options["shard_mb"], **rest)
    write_family(family, options["out"])
    print(f"{family.models + 1} models of {parameter_count(size) / 1e6:.1f} M parameters")


if __name__ == "__main__":
    main()
