"""The reproducible random values that fill the tensors of a model.

Every tensor is drawn from a stream of its own, keyed by (seed, model number, tensor name), so
its bytes depend neither on the order of writing nor on how the model is cut into shards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.sizes import Shape, StoredDtype

Float32 = NDArray[np.float32]

BASE_MODEL = -1
"""Model number of the base; fine-tunes are numbered from 0."""

_BLOCK = 1 << 18  # elements drawn at a time: stays in cache and bounds the memory used


@dataclass(frozen=True, slots=True)
class Delta:
    """How a fine-tune moves: `fraction` of the entries by N(0, `std`), the others not at all."""

    std: float
    fraction: float | None = None

    @staticmethod
    def parse(text: str) -> Delta:
        """Read `gaussian:STD` or `sparse:FRACTION:STD`; anything else is a ValueError."""
        match text.split(":"):
            case ["gaussian", std]:
                return Delta(float(std))
            case ["sparse", fraction, std]:
                return Delta(float(std), float(fraction))
            case _:
                raise ValueError(f"`{text}` is neither gaussian:STD nor sparse:FRACTION:STD")


def stored_blocks(
    name: str, shape: Shape, *, model: int, seed: int, std: float, delta: Delta, dtype: StoredDtype
) -> Iterator[NDArray[Any]]:
    """Blocks of one tensor in row-major order, as stored: u16 words for bf16, else floats.

    A fine-tune adds its delta to the base *as stored*, not as drawn, so that a zero delta leaves
    the stored bits alone and bf16 deltas repeat magnitudes as those of real fine-tunes do.
    """
    base_stream = _stream(seed, BASE_MODEL, name)
    delta_stream = _stream(seed, model, name)
    elements = int(np.prod(shape))
    for start in range(0, elements, _BLOCK):
        count = min(_BLOCK, elements - start)
        values = _base_block(base_stream, count, std=std, is_norm=len(shape) == 1)
        if model != BASE_MODEL:
            values = _as_stored(values, dtype) + _delta_block(delta_stream, count, delta)
        yield encode(values, dtype)


def encode(values: Float32, dtype: StoredDtype) -> NDArray[Any]:
    """Round finite f32 values to the stored dtype; bf16 comes back as u16 words.

    bf16 is rounded to nearest even on the bits, because numpy has no such dtype; a NaN is not
    expected here and would not survive.
    """
    if dtype == "f32":
        return values.astype("<f4", copy=False)
    if dtype == "f16":
        return values.astype("<f2")
    bits = values.view(np.uint32)
    rounded = (bits >> np.uint32(16)) & np.uint32(1)
    rounded += np.uint32(0x7FFF)
    rounded += bits
    rounded >>= np.uint32(16)
    return rounded.astype("<u2")


def _as_stored(values: Float32, dtype: StoredDtype) -> Float32:
    stored = encode(values, dtype)
    if dtype == "bf16":
        return (stored.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return stored.astype(np.float32)


def _stream(seed: int, model: int, name: str) -> np.random.Generator:
    key = hashlib.sha256(f"{seed}/{model}/{name}".encode()).digest()
    return np.random.Generator(np.random.SFC64(np.frombuffer(key, dtype=np.uint32)))


def _base_block(stream: np.random.Generator, count: int, *, std: float, is_norm: bool) -> Float32:
    values = stream.standard_normal(count, dtype=np.float32)
    if is_norm:  # the weight of a norm lies around one
        return (1.0 + 0.05 * values).astype(np.float32)
    values *= np.float32(std)
    return values


def _delta_block(stream: np.random.Generator, count: int, delta: Delta) -> Float32:
    values = stream.standard_normal(count, dtype=np.float32)
    values *= np.float32(delta.std)
    if delta.fraction is not None:
        values[stream.random(count, dtype=np.float32) >= np.float32(delta.fraction)] = 0
    return values
