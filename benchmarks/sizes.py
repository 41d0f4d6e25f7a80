"""The families by size: dimensions of Llama-shaped models, their tensors and their bytes.

Nothing here needs numpy, so that the harness stays small.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from types import MappingProxyType
from typing import Literal

StoredDtype = Literal["bf16", "f16", "f32"]
Shape = tuple[int, ...]

BYTES_PER_ELEMENT: Mapping[StoredDtype, int] = MappingProxyType({"bf16": 2, "f16": 2, "f32": 4})


@dataclass(frozen=True, slots=True)
class Dimensions:
    """Sizes of a Llama architecture; `tied` leaves out `lm_head`."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    inter: int
    vocab: int
    tied: bool = False


SIZES: Mapping[str, Dimensions] = MappingProxyType(
    {
        "toy": Dimensions(16, layers=4, heads=4, kv_heads=2, inter=24, vocab=264),
        "tiny": Dimensions(256, layers=6, heads=4, kv_heads=4, inter=688, vocab=8192),
        "small": Dimensions(768, layers=12, heads=12, kv_heads=12, inter=3072, vocab=32000),
        "mid": Dimensions(2048, layers=22, heads=32, kv_heads=4, inter=5632, vocab=32000),
        # about 110 M parameters each, in 201, 2001 and 20001 tensors
        "tensors200": Dimensions(640, layers=22, heads=10, kv_heads=10, inter=1720, vocab=1000),
        "tensors2000": Dimensions(200, layers=222, heads=4, kv_heads=4, inter=540, vocab=1000),
        "tensors20000": Dimensions(64, layers=2222, heads=4, kv_heads=4, inter=172, vocab=1000),
    }
)


def llama_tensors(size: Dimensions) -> Iterator[tuple[str, Shape]]:
    """Names and shapes in the order in which Hugging Face writes them."""
    kv = size.hidden // size.heads * size.kv_heads
    yield "model.embed_tokens.weight", (size.vocab, size.hidden)
    for layer in range(size.layers):
        prefix = f"model.layers.{layer}."
        yield prefix + "input_layernorm.weight", (size.hidden,)
        yield prefix + "mlp.down_proj.weight", (size.hidden, size.inter)
        yield prefix + "mlp.gate_proj.weight", (size.inter, size.hidden)
        yield prefix + "mlp.up_proj.weight", (size.inter, size.hidden)
        yield prefix + "post_attention_layernorm.weight", (size.hidden,)
        yield prefix + "self_attn.k_proj.weight", (kv, size.hidden)
        yield prefix + "self_attn.o_proj.weight", (size.hidden, size.hidden)
        yield prefix + "self_attn.q_proj.weight", (size.hidden, size.hidden)
        yield prefix + "self_attn.v_proj.weight", (kv, size.hidden)
    yield "model.norm.weight", (size.hidden,)
    if not size.tied:
        yield "lm_head.weight", (size.vocab, size.hidden)


def tensor_bytes(shape: Shape, dtype: StoredDtype) -> int:
    """Bytes of one tensor as stored."""
    return prod(shape) * BYTES_PER_ELEMENT[dtype]


def parameter_count(size: Dimensions) -> int:
    """Number of weights in one model of these dimensions."""
    return sum(prod(shape) for _, shape in llama_tensors(size))
