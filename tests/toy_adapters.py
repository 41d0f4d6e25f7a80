"""Small adapters on disk, in PEFT's format: for tests and for the examples of the documentation.

The same bytes every time; nothing but the standard library.
"""

import json
import random
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.catalog.safetensors_bytes import Tensor, file_of

OUTER = "base_model.model."
CONFIG: Mapping[str, object] = {
    "base_model_name_or_path": "toy/base",
    "bias": "none",
    "fan_in_fan_out": False,
    "init_lora_weights": True,
    "lora_alpha": 4,
    "peft_type": "LORA",
    "r": 2,
    "target_modules": None,
    "use_rslora": False,
}


def factors(seed: str, modules: Mapping[str, Sequence[int]], rank: int = 2) -> dict[str, Tensor]:
    """The factors of each module whose weight is [out, in], between -1/4 and 1/4."""
    made: dict[str, Tensor] = {}
    for module, (out, width) in modules.items():
        made[f"{OUTER}{module}.lora_A.weight"] = floats(f"{seed} {module} A", (rank, width))
        made[f"{OUTER}{module}.lora_B.weight"] = floats(f"{seed} {module} B", (out, rank))
    return made


def floats(seed: str, shape: Sequence[int]) -> Tensor:
    """A tensor in f32 that depends on `seed` alone."""
    draw, count = random.Random(seed), 1
    for size in shape:
        count *= size
    values = [draw.uniform(-0.25, 0.25) for _ in range(count)]
    return "F32", [*shape], struct.pack(f"<{count}f", *values)


def write_adapter(
    folder: Path, tensors: Mapping[str, Tensor], config: Mapping[str, object] | None = None
) -> None:
    """A folder as PEFT leaves it; what `config` sets to None is left out."""
    folder.mkdir(parents=True)
    stated = {k: v for k, v in {**CONFIG, **(config or {})}.items() if v is not None}
    (folder / "adapter_config.json").write_text(json.dumps(stated, indent=2) + "\n")
    (folder / "adapter_model.safetensors").write_bytes(file_of(tensors, {"format": "pt"}))
